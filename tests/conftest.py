"""What every test runs under: quiet threads, fixed seeds, no network, and in CI no silent skips."""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # read once, when torch brings OpenMP in
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # a core each: more threads than cores are slower than one
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from hypothesis import settings

from sfumato.errors import MissingExtra

# CLIP's vocabulary is read from this package, whose wheel scripts/setup fetches and nothing imports.
sys.path += [str(wheel) for wheel in sorted(Path(sys.prefix, "wheels").glob("open_clip_torch-*.whl"))[-1:]]

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
MAY_SKIP = ("gpu", "slow")

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take more than a minute, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs an accelerator"))
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="takes more than a minute: run with --slow"))


def _skip_without(error: MissingExtra) -> NoReturn:
    """What needs the artwork font, or a package of an extra, says so; a bare machine runs all the rest."""
    pytest.skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    except MissingExtra as error:
        _skip_without(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    except MissingExtra as error:
        _skip_without(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    allowed = any(item.get_closest_marker(name) for name in MAY_SKIP) or hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not allowed:
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    if IN_CI and report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Nothing of ours reads the global generators; what a test builds with them repeats."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


TINY_CAPTIONS = ("a red cat to the left of a blue car", "two yellow fish under a cloud, inky", "a castle")


@pytest.fixture(scope="session")
def tiny_world():
    """A model of the picture world with tiny random networks: 16x16 pictures, latents of 2 channels."""
    from sfumato.families.world import World, WorldConfig
    from sfumato.models.clip import ImageConfig, ImageTower, TextConfig, TextTower
    from sfumato.models.unet import UNet, UNetConfig
    from sfumato.models.vae import AutoencoderConfig, AutoencoderKL
    from sfumato.train.tokenizer import train_tokenizer

    torch.manual_seed(0)
    tokenizer = train_tokenizer(TINY_CAPTIONS, 300)
    tower = {"width": 16, "layers": 1, "heads": 2, "hidden": 32, "activation": "gelu", "projection": 8}
    config = WorldConfig(
        unet=UNetConfig(
            in_channels=2, out_channels=2, block_out_channels=(8, 16), layers_per_block=1,
            transformer_depth=(0, 1), mid_transformer_depth=1, heads=(2, 2), context_width=16, norm_groups=4,
            linear_projection=True, vector_width=0,
        ),
        autoencoder=AutoencoderConfig(
            in_channels=3, latent_channels=2, block_out_channels=(8, 8), layers_per_block=1, norm_groups=4,
            patch_size=1, mid_attention=False, quant_conv=False,
        ),
        text=TextConfig(vocabulary=tokenizer.vocabulary_size, length=77, end=1, **tower),
        image=ImageConfig(size=16, patch=8, **tower),
        latent_mean=(0.1, -0.2), latent_std=(0.5, 2.0), prediction="flow",
        native=(16, 16), multiple=4, smallest=8, largest=32,
    )  # fmt: skip
    unet = UNet(config.unet)
    for parameter in unet.parameters():
        if not parameter.any():  # layers that start at zero would heed neither words nor levels
            torch.nn.init.normal_(parameter, std=0.1)
    return World(
        name="tiny", config=config, unet=unet, autoencoder=AutoencoderKL(config.autoencoder),
        text=TextTower(config.text), image=ImageTower(config.image), tokenizer=tokenizer,
        words=frozenset(" ".join(TINY_CAPTIONS).replace(",", "").split()), card={"licence": "Apache-2.0"},
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_weights(tiny_world, tmp_path_factory: pytest.TempPathFactory):
    """The file of ``tiny_world``."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    tiny_world.save(path)
    return path


@pytest.fixture(scope="session")
def tiny_painter(tiny_weights):
    import sfumato

    return sfumato.load(tiny_weights)


@pytest.fixture(scope="session")
def tiny_lora(tiny_world, tmp_path_factory: pytest.TempPathFactory):
    """An adapter of ``tiny_world`` as PEFT names it: one layer of the U-Net, one of the text tower."""
    from sfumato.checkpoints.safetensors import save

    generator = torch.Generator().manual_seed(3)
    tensors = {}
    for prefix, network in (("unet", tiny_world.unet), ("text_encoder", tiny_world.text)):
        leaves = [name for name, each in network.named_modules() if isinstance(each, torch.nn.Linear)]
        leaf = network.get_submodule(leaves[0])
        down, up = (
            torch.randn(size, generator=generator) for size in ((2, leaf.in_features), (leaf.out_features, 2))
        )
        tensors |= {f"{prefix}.{leaves[0]}.lora_A.weight": down, f"{prefix}.{leaves[0]}.lora_B.weight": up}
    path = tmp_path_factory.mktemp("adapters") / "ink.safetensors"
    save(path, tensors, {"modelspec.trigger_phrase": "ink drawing"})
    return path


@pytest.fixture(scope="session")
def in_small():
    """Makes, of a training recipe, the same with tiny networks, few pictures and few steps."""

    def in_small(recipe, *, width: int = 16):
        def short(settings):
            return replace(settings, steps=3, batch=4, warmup=1, save_every=2, sample_every=3)

        names = recipe.variety.sprites[:6]
        return replace(
            recipe,
            size=64,
            variety=replace(recipe.variety, sprites=names),
            vocabulary=300,
            autoencoder=replace(
                recipe.autoencoder, block_out_channels=(width, width), patch_size=4, norm_groups=4
            ),
            text=replace(recipe.text, width=width, heads=2, hidden=32, layers=1, projection=width),
            image=replace(recipe.image, size=64, width=width, heads=2, hidden=32, layers=1, projection=width),
            unet=replace(
                recipe.unet,
                block_out_channels=(width,) * 3,
                heads=(2, 2, 2),
                context_width=width,
                norm_groups=4,
            ),
            pictures=8,
            crop=32,
            clip_pictures=8,
            cached=8,
            train_autoencoder=short(recipe.train_autoencoder),
            train_clip=short(recipe.train_clip),
            train_diffusion=short(recipe.train_diffusion),
            train_alignment=short(recipe.train_alignment),
        )

    return in_small


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory):
    """Tiny pipelines of the real block structure: ``folder(name)``, ``file(name)``, ``reference(name)``."""
    from pipelines import Pipelines, vocabulary

    try:
        vocabulary.merges()
    except vocabulary.NoVocabularyError as error:
        pytest.skip(str(error))
    return Pipelines(tmp_path_factory.mktemp("pipelines"))

"""Pictures steered by ControlNets and T2I-Adapters are those that diffusers draws with them."""

import inspect
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from pipelines.controls import controlnet, t2i_adapter, union, write_controlnet, write_t2i_adapter
from pipelines.drawing import GUIDANCE, NEGATIVE, PROMPT, SEED, STEPS, assert_same, theirs
from torch import Tensor

import sfumato
from sfumato.adapters.controlnet import read_controlnet
from sfumato.adapters.kinds import kind_of
from sfumato.adapters.open import open_adapter
from sfumato.adapters.t2i import read_t2i
from sfumato.diffusion.guidance import cfg
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Conditioning, Controlled, drive, guided
from sfumato.diffusion.samplers.euler import euler
from sfumato.families.model import Wording

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
LIGHT = 2.0  # of 255, by which a picture is another


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = diffusers.logging.get_verbosity()
    diffusers.logging.set_verbosity_error()
    yield
    diffusers.logging.set_verbosity(before)


def picture(seed: int) -> Tensor:
    """Of large soft blots, (1, 3, 64, 64) in 0..1."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1)


class Setting:
    """Our models with controls hung beside them by their files, and diffusers' pipelines."""

    def __init__(self, pipelines, root: Path) -> None:
        self.pipelines, self.root = pipelines, root

    @cache  # noqa: B019 - there is one object of this class in a module
    def painter(self, name: str) -> sfumato.Painter:
        return sfumato.load(self.pipelines.folder(name))

    @contextmanager
    def hung(self, name: str, **files: Path) -> Generator[Any, None, None]:
        """A model beside which these files hang."""
        model = self.painter(name).model
        for called, file in files.items():
            found = open_adapter(file)
            read = {"controlnet": read_controlnet, "t2i-adapter": read_t2i}[kind_of(found.tensors)]
            model.controls.hang(called, read(found.tensors, found.configs.get("", {}), model.unet))
        try:
            yield model
        finally:
            for called in files:
                model.controls.remove(called)

    def theirs(self, name: str, kind: type, **beside):
        """The pipeline of another kind with the same networks."""
        pipe = self.pipelines.reference(name)
        taken = inspect.signature(kind.__init__).parameters
        parts = {part: network for part, network in pipe.components.items() if part in taken}
        return kind(**parts, **beside)


@pytest.fixture(scope="module")
def setting(pipelines, tmp_path_factory) -> Setting:
    return Setting(pipelines, tmp_path_factory.mktemp("controls"))


def drawn(model, *worn: Controlled) -> np.ndarray:
    """The picture (H, W, 3) in 0..255 whose rows, with and without its words, all wear these."""

    def told(text: str, **more) -> Conditioning:
        (encoded,) = model.encode([Wording(text=text, size=(64, 64), **more)])
        return Conditioning(**{**vars(encoded.conditioning), "controls": worn})

    levels, noise = model.levels(STEPS, "leading"), SeededNoise(SEED)
    guide = cfg(told(PROMPT), told(NEGATIVE, unwanted=True), GUIDANCE)
    x = levels[0].sigma * noise(model.blank((64, 64)))
    with torch.inference_mode():
        latent = drive(guided(euler(x, levels, noise), guide), model.denoise)
        return model.decode(latent)[0].permute(1, 2, 0).numpy() * 255


def worn(model, called: str, seen: Tensor, weight: float, kind: str = "", span=(0.0, 1.0)) -> Controlled:
    """Worn between two shares of the steps, as `control_guidance_start` and `..._end` count them."""
    sigmas = [level.sigma for level in model.levels(STEPS, "leading")]
    steps = [i for i in range(STEPS) if i / STEPS >= span[0] and (i + 1) / STEPS <= span[1]]
    with torch.inference_mode():
        hint = model.controls.control(called).prepare(seen, kind)
    return Controlled(called, hint, weight, first=sigmas[steps[0]], last=sigmas[steps[-1] + 1])


PIPES = {
    "sd1": diffusers.StableDiffusionControlNetPipeline,
    "sd2-v": diffusers.StableDiffusionControlNetPipeline,
    "sdxl": diffusers.StableDiffusionXLControlNetPipeline,
}


@pytest.mark.parametrize(("name", "original"), [("sd1", False), ("sd2-v", True), ("sdxl", False)])
def test_the_picture_with_a_controlnet_is_that_of_diffusers(setting, name: str, original: bool):
    made, seen = controlnet(setting.pipelines.reference(name)), picture(3)
    file = write_controlnet(made, setting.root / f"{name}.safetensors", original=original)
    pipe = setting.theirs(name, PIPES[name], controlnet=made)
    expected = theirs(pipe, setting.painter(name), image=seen, controlnet_conditioning_scale=0.8)
    with setting.hung(name, edges=file) as model:
        got, bare = drawn(model, worn(model, "edges", seen, 0.8)), drawn(model)
    assert np.abs(got - bare).mean() > LIGHT
    assert_same(got, expected)


def test_two_controlnets_for_parts_of_the_walk_are_those_of_diffusers(setting):
    seen, spans, weights = [picture(3), picture(4)], [(0.0, 0.6), (0.25, 1.0)], [0.7, 0.9]
    nets = [controlnet(setting.pipelines.reference("sd1"), seed) for seed in (1, 2)]
    files = {
        f"net{n}": write_controlnet(net, setting.root / f"{n}.safetensors") for n, net in enumerate(nets)
    }
    pipe = setting.theirs("sd1", PIPES["sd1"], controlnet=nets)
    expected = theirs(
        pipe,
        setting.painter("sd1"),
        image=seen,
        controlnet_conditioning_scale=weights,
        control_guidance_start=[start for start, _ in spans],
        control_guidance_end=[stop for _, stop in spans],
    )
    with setting.hung("sd1", **files) as model:
        got = drawn(model, *(worn(model, f"net{n}", seen[n], weights[n], span=spans[n]) for n in (0, 1)))
        always = drawn(model, *(worn(model, f"net{n}", seen[n], weights[n]) for n in (0, 1)))
    assert np.abs(got - always).mean() > LIGHT
    assert_same(got, expected)


def test_the_picture_with_a_union_is_that_of_diffusers(setting):
    made, seen = union(setting.pipelines.reference("sdxl")), picture(3)
    pipe = setting.theirs("sdxl", diffusers.StableDiffusionXLControlNetUnionPipeline, controlnet=made)
    told = {"control_image": [seen], "control_mode": [3], "controlnet_conditioning_scale": 0.8}
    expected = theirs(pipe, setting.painter("sdxl"), **told)
    file = write_controlnet(made, setting.root / "union.safetensors")
    with setting.hung("sdxl", union=file) as model:
        got, other = (drawn(model, worn(model, "union", seen, 0.8, kind)) for kind in ("canny", "depth"))
    assert np.abs(got - other).mean() > LIGHT
    assert_same(got, expected)


ADAPTED = {
    "sd1": diffusers.StableDiffusionAdapterPipeline,
    "sdxl": diffusers.StableDiffusionXLAdapterPipeline,
}


@pytest.mark.filterwarnings("ignore:The decode_latents method:FutureWarning")
@pytest.mark.parametrize(("name", "light"), [("sd1", False), ("sd1", True), ("sdxl", False)])
def test_the_picture_with_a_t2i_adapter_is_that_of_diffusers(setting, name: str, light: bool):
    made, seen = t2i_adapter(setting.pipelines.reference(name), light=light), picture(3)
    file = write_t2i_adapter(made, setting.root / f"{name}-{light}.safetensors")
    pipe = setting.theirs(name, ADAPTED[name], adapter=made)
    expected = theirs(pipe, setting.painter(name), image=seen, adapter_conditioning_scale=0.6)
    with setting.hung(name, sketch=file) as model:
        got, bare = drawn(model, worn(model, "sketch", seen, 0.6)), drawn(model)
    assert np.abs(got - bare).mean() > LIGHT
    assert_same(got, expected)


def test_weight_zero_is_no_control_to_the_bit(setting):
    made = controlnet(setting.pipelines.reference("sd1"))
    file = write_controlnet(made, setting.root / "zero.safetensors")
    with setting.hung("sd1", edges=file) as model:
        assert np.array_equal(drawn(model, worn(model, "edges", picture(3), 0.0)), drawn(model))


def test_a_controlnet_and_a_t2i_adapter_together_do_what_each_does(setting):
    """The one through the skips, the other down the U-Net: each still moves the picture beside the other."""
    seen, reference = picture(3), setting.pipelines.reference("sd1")
    files = {
        "net": write_controlnet(controlnet(reference), setting.root / "both-c.safetensors"),
        "t2i": write_t2i_adapter(t2i_adapter(reference), setting.root / "both-t.safetensors"),
    }
    with setting.hung("sd1", **files) as model:
        net, t2i = worn(model, "net", seen, 0.8), worn(model, "t2i", seen, 0.6)
        both, one, other = drawn(model, net, t2i), drawn(model, net), drawn(model, t2i)
    assert np.abs(both - one).mean() > LIGHT
    assert np.abs(both - other).mean() > LIGHT

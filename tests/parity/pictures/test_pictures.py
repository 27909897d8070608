"""The same words, noise and steps give the picture that diffusers' own pipelines draw, within 1 of 255.

Ours is drawn as people draw it: ``sfumato.load(path)`` of a folder or of a single file, then a request.
"""

from functools import partial
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pipelines.drawing import (
    GUIDANCE,
    NEGATIVE,
    PROMPT,
    SCHEDULERS,
    STEPS,
    assert_same,
    ours,
    theirs,
)

import sfumato

# The reference hands tensors to numpy in the way of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture(scope="module")
def painters(pipelines):
    """A function that loads a tiny pipeline, from its folder or its single file, once."""
    loaded = {}

    def painter(name: str, layout: str = "folder", refiner: str | None = None) -> sfumato.Painter:
        if (name, layout, refiner) not in loaded:
            at = {"folder": pipelines.folder, "file": pipelines.file}[layout]
            beside = {"refiner": at(refiner)} if refiner else {}
            loaded[name, layout, refiner] = sfumato.load(at(name), **beside)
        return loaded[name, layout, refiner]

    return painter


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        *product(["sd1", "sd2-v", "sdxl"], SCHEDULERS),
        ("sd2-base", "euler"),
        ("sdxl-v", "euler"),
        ("sdxl-v", "dpmpp_2m"),
    ],
)
def test_the_picture_is_that_of_diffusers(pipelines, painters, name, sampler):
    """Of a folder, and of a single file, which says less about itself."""
    folder, file = painters(name, "folder"), painters(name, "file")
    expected = theirs(pipelines.reference(name), folder, sampler)
    got = ours(folder, sampler)
    assert_same(got, expected)
    np.testing.assert_array_equal(ours(file, sampler), got)


def test_so_is_one_by_ddim_as_published_that_stops_at_the_least_trained_level(
    pipelines, painters, monkeypatch
):
    """Folders say ``set_alpha_to_one: false``: a trace of noise stays. We take all of it, unless told."""
    painter = painters("sd2-v")
    kind, settings = SCHEDULERS["ddim"]
    monkeypatch.setitem(SCHEDULERS, "ddim", (kind, {**settings, "set_alpha_to_one": False}))
    expected = theirs(pipelines.reference("sd2-v"), painter, "ddim")
    walk = [level.sigma for level in painter.model.levels(STEPS, "leading")]
    walk[-1] = painter.model.trained.sigmas[0]
    named = f"custom({', '.join(map(repr, walk))})"
    assert_same(ours(painter, "ddim", levels=named), expected)
    assert np.abs(ours(painter, "ddim") - expected).max() > 2


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_so_is_a_wide_picture_without_guidance(pipelines, painters, name):
    """SDXL is told the size, height first."""
    painter = painters(name)
    expected = theirs(pipelines.reference(name), painter, width=128, height=64, guidance_scale=1.0)
    assert_same(ours(painter, size=(128, 64), guidance=1.0, negative=""), expected)


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_so_is_one_without_a_negative_prompt(pipelines, painters, name):
    """SD 1 is told an empty text, SDXL nothing but zeros."""
    expected = theirs(pipelines.reference(name), painters(name), negative_prompt=None)
    for layout in ("folder", "file"):
        assert_same(ours(painters(name, layout), negative=""), expected)


@pytest.mark.parametrize(("name", "layer"), [("sd1", 2), ("sd2-v", 3), ("sdxl", 3)])
def test_so_is_one_that_skips_layers_of_the_text_encoder(pipelines, painters, name, layer, monkeypatch):
    """``clip_skip`` counts from the end of the whole encoder; diffusers' from the family's own layer.

    Without guidance: diffusers skips nothing of the negative prompt, which we and A1111 do.
    """
    pipe = pipelines.reference(name)
    text = pipe.text_encoder  # diffusers 0.42 asks it for a text_model, which transformers 5 did away with
    monkeypatch.setattr(
        text, "text_model", SimpleNamespace(final_layer_norm=text.final_layer_norm), raising=False
    )
    expected = theirs(pipe, painters(name), clip_skip=1, guidance_scale=1.0)
    plain = {"guidance": 1.0, "negative": ""}
    for layout in ("folder", "file"):
        assert_same(ours(painters(name, layout), clip_skip=layer, **plain), expected)
    assert np.abs(ours(painters(name), **plain) - expected).mean() > 2


def test_so_is_one_of_a_folder_as_diffusers_saves_it_today(pipelines, painters):
    got = ours(sfumato.load(pipelines.folder("sdxl", fresh=True)))
    np.testing.assert_array_equal(got, ours(painters("sdxl")))


@pytest.mark.parametrize(("handoff", "layout"), [(None, "folder"), (0.5, "file")])
def test_so_is_one_that_the_base_begins_and_the_refiner_ends(pipelines, painters, handoff, layout):
    """One run of one sampler; diffusers runs two pipelines, the second from where the first stopped."""
    share, alone = handoff or 0.8, painters("sdxl")
    base, refiner = pipelines.reference("sdxl"), pipelines.reference("sdxl-refiner")
    begun = theirs(base, alone, denoising_end=share, output_type="latent") / 255
    refiner.set_progress_bar_config(disable=True)
    refiner.scheduler = type(base.scheduler).from_config(base.scheduler.config)
    told = {"negative_prompt": NEGATIVE, "guidance_scale": GUIDANCE, "num_inference_steps": STEPS}
    ended = refiner(PROMPT, image=begun[None], denoising_start=share, output_type="np", **told)
    expected = ended.images[0] * 255
    assert_same(ours(painters("sdxl", layout, "sdxl-refiner"), handoff=handoff), expected)
    assert np.abs(ours(alone) - expected).max() > 5


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_a_picture_of_a_batch_is_the_one_drawn_alone_bit_for_bit(painters, name):
    """Among other words, as many of them as make a second chunk, other samplers and other sizes."""
    painter = painters(name)
    wish = partial(painter.request, size=(64, 64))
    requests = [
        wish("two green fish", seed=1, steps=3, negative="fog"),
        wish("a castle, " * 30, seed=2, steps=4, sampler="euler"),
        wish("two green fish", seed=3, steps=3, sampler="ddim", size=(128, 64), guidance=1.0),
        wish("a (red:1.4) sea", seed=4, steps=3, sampler="euler_ancestral"),
    ]
    for picture, request in zip(painter.batch(requests), requests, strict=True):
        alone = painter(request)
        assert picture.image.tobytes() == alone.image.tobytes(), request.prompt


def test_so_is_one_of_base_and_refiner_whoever_hands_over_when(painters):
    """In one round some rows are the base's, others the refiner's."""
    painter = painters("sdxl", "file", "sdxl-refiner")
    wish = partial(painter.request, size=(64, 64), steps=4)
    requests = [
        wish("two green fish", seed=1, handoff=0.3, negative="fog"),
        wish("a castle", seed=2, handoff=0.7, sampler="euler"),
        wish("a castle", seed=3, handoff=0.3, guidance=1.0),
    ]
    for picture, request in zip(painter.batch(requests), requests, strict=True):
        assert picture.image.tobytes() == painter(request).image.tobytes(), request.seed


def test_a_pickle_gives_the_picture_of_the_safetensors_file(pipelines, painters, tmp_path):
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": pipelines.tensors("sd1"), "global_step": 470000, "epoch": 4}, path)
    np.testing.assert_array_equal(ours(sfumato.load(path)), ours(painters("sd1", "file")))


def test_so_is_one_that_is_told_of_another_framing(pipelines):
    """SDXL's original size and crop; diffusers names height before width, and top before left."""
    painter = sfumato.load(pipelines.folder("sdxl"))
    got = ours(painter, framing=(96, 80, 8, 16))
    pipe = pipelines.reference("sdxl")
    assert_same(got, theirs(pipe, painter, original_size=(80, 96), crops_coords_top_left=(16, 8)))
    assert np.abs(got - ours(painter)).max() > 2
    with pytest.raises(sfumato.InputError, match="told to SDXL alone"):
        ours(sfumato.load(pipelines.folder("sd1")), framing=(96, 80, 8, 16))

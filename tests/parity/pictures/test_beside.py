"""Networks that see a picture beside the latent fill its holes, and edit it, as diffusers' pipelines do.

diffusers draws a sample of what the autoencoder says of a picture, we take its mean: so shall it, here.
"""

import diffusers
import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from pipelines.drawing import GUIDANCE, NEGATIVE, PROMPT, SEED, STEPS, assert_same, first_latent
from torch import Tensor

import sfumato
from sfumato.engine.kept import pasted
from sfumato.painter import to_image

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture
def picture() -> Tensor:
    """Of large soft blots, (1, 3, 64, 64) in 0..1."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    fine = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1)
    return (fine * 255).round() / 255


@pytest.fixture
def hole() -> Tensor:
    """The upper left, (1, 1, 64, 64): 1 where something new shall be."""
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, 4:36, 8:44] = 1
    return mask


@pytest.fixture(autouse=True)
def _means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mean)


def scheduled(pipe):
    pipe.set_progress_bar_config(disable=True)
    scheduler = diffusers.EulerDiscreteScheduler
    pipe.scheduler = scheduler.from_config(pipe.scheduler.config, timestep_spacing="leading")
    return pipe


def drawn(painter: sfumato.Painter, **wishes) -> np.ndarray:
    """The picture (H, W, 3) in 0..255 that our painter draws as a person asks for it."""
    settings = {"seed": SEED, "steps": STEPS, "sampler": "euler", "levels": "leading", "negative": NEGATIVE}
    return np.asarray(painter(PROMPT, **settings, **wishes).image, dtype=np.float32)


def image_of(picture: Tensor) -> Image.Image:
    """In eight bits, as it was made to be."""
    return to_image(picture.expand(-1, 3, -1, -1))


def test_a_hole_is_filled_as_diffusers_fills_it(pipelines, picture, hole):
    pipe = scheduled(pipelines.reference("sd1-inpaint"))
    painter = sfumato.load(pipelines.file("sd1-inpaint"))
    latents = first_latent(pipe, painter, "euler", (64, 64))
    settings = {"guidance_scale": GUIDANCE, "num_inference_steps": STEPS, "output_type": "np"}
    expected = pipe(
        PROMPT, picture, hole, negative_prompt=NEGATIVE, latents=latents, height=64, width=64, **settings
    )
    got = drawn(painter, picture=image_of(picture), mask=image_of(hole), guidance=GUIDANCE)
    whole = torch.tensor(expected.images[0]).permute(2, 0, 1)[None]
    kept = pasted(whole, picture, hole)  # which theirs leaves to whoever asks
    assert_same(got, kept[0].permute(1, 2, 0).numpy() * 255)


def test_a_picture_is_edited_as_diffusers_edits_it(pipelines, picture):
    """Its latent is not scaled, as InstructPix2Pix was trained."""
    pipe = scheduled(pipelines.reference("sd1-pix2pix"))
    painter = sfumato.load(pipelines.file("sd1-pix2pix"))
    latents = first_latent(pipe, painter, "euler", (64, 64))
    settings = {"guidance_scale": GUIDANCE, "image_guidance_scale": 1.4, "num_inference_steps": STEPS}
    expected = pipe(PROMPT, picture, negative_prompt=NEGATIVE, latents=latents, output_type="np", **settings)
    got = drawn(painter, picture=image_of(picture), guidance=f"pix2pix({GUIDANCE}, picture=1.4)")
    assert_same(got, expected.images[0] * 255)


def test_without_a_picture_the_whole_is_a_hole_and_there_is_nothing_to_edit(pipelines):
    painter = sfumato.load(pipelines.file("sd1-inpaint"))
    assert any("painted all of it" in note for note in painter(PROMPT, seed=1, steps=1, size=(64, 64)).notes)
    with pytest.raises(sfumato.InputError, match="give it one to edit"):
        sfumato.load(pipelines.file("sd1-pix2pix"))(PROMPT, seed=1, steps=1, size=(64, 64))

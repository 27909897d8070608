"""Networks that see a picture beside the latent fill its holes, and edit it, as diffusers' pipelines do.

diffusers draws a sample of what the autoencoder says of a picture, we take its mean: so shall it, here.
"""

import diffusers
import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from pipelines.drawing import GUIDANCE, NEGATIVE, PROMPT, SEED, STEPS, assert_same, first_latent, ours
from torch import Tensor

import sfumato
from sfumato.diffusion.guidance import cfg, pix2pix
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Conditioning, Guide, drive, guided
from sfumato.diffusion.samplers.euler import euler
from sfumato.families import Wording

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture
def picture() -> Tensor:
    """Of large soft blots, (1, 3, 64, 64) in 0..1."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    return torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1)


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


def told(painter: sfumato.Painter, text: str, beside: Tensor) -> Conditioning:
    (encoded,) = painter.model.encode([Wording(text=text)])
    read = encoded.conditioning
    return Conditioning(read.context, beside=beside)


@torch.inference_mode()
def drawn(painter: sfumato.Painter, guide: Guide) -> np.ndarray:
    """The picture (H, W, 3) in 0..255."""
    model, noise = painter.model, SeededNoise(SEED)
    levels = model.levels(STEPS, "leading")
    x = levels[0].sigma * noise(model.blank((64, 64)))
    latent = drive(guided(euler(x, levels, noise), guide), model.denoise)
    return model.decode(latent)[0].permute(1, 2, 0).numpy() * 255


def test_a_hole_is_filled_as_diffusers_fills_it(pipelines, picture, hole):
    pipe = scheduled(pipelines.reference("sd1-inpaint"))
    painter = sfumato.load(pipelines.file("sd1-inpaint"))
    latents = first_latent(pipe, painter, "euler", (64, 64))
    settings = {"guidance_scale": GUIDANCE, "num_inference_steps": STEPS, "output_type": "np"}
    expected = pipe(
        PROMPT, picture, hole, negative_prompt=NEGATIVE, latents=latents, height=64, width=64, **settings
    )
    with torch.inference_mode():
        beside = painter.model.beside(picture, hole)
    guide = cfg(told(painter, PROMPT, beside), told(painter, NEGATIVE, beside), GUIDANCE)
    assert_same(drawn(painter, guide), expected.images[0] * 255)


def test_a_picture_is_edited_as_diffusers_edits_it(pipelines, picture):
    """Its latent is not scaled, as InstructPix2Pix was trained."""
    pipe = scheduled(pipelines.reference("sd1-pix2pix"))
    painter = sfumato.load(pipelines.file("sd1-pix2pix"))
    latents = first_latent(pipe, painter, "euler", (64, 64))
    settings = {"guidance_scale": GUIDANCE, "image_guidance_scale": 1.4, "num_inference_steps": STEPS}
    expected = pipe(PROMPT, picture, negative_prompt=NEGATIVE, latents=latents, output_type="np", **settings)
    with torch.inference_mode():
        beside = painter.model.beside(picture, None)
    wanted, unwanted = (told(painter, text, beside) for text in (PROMPT, NEGATIVE))
    assert_same(drawn(painter, pix2pix(wanted, unwanted, GUIDANCE, picture=1.4)), expected.images[0] * 255)


def test_without_a_picture_such_a_network_refuses(pipelines):
    painter = sfumato.load(pipelines.file("sd1-inpaint"))
    with pytest.raises(sfumato.InputError, match="picture"):
        ours(painter)

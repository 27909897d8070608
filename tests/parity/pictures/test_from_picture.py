"""Pictures that are gone on from: image-to-image and inpainting give the pictures of diffusers' pipelines.

Theirs draw a sample of what the autoencoder says of a picture, and their own noise: here they are handed the
mean, which we take, and our noise. They do not paste what a mask keeps, which we do: so is theirs, here.
"""

import diffusers
import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.stable_diffusion import (
    pipeline_stable_diffusion_img2img,
    pipeline_stable_diffusion_inpaint,
)
from PIL import Image
from pipelines.drawing import GUIDANCE, NEGATIVE, PROMPT, SCHEDULERS, SEED, STEPS, assert_same, ours
from torch import Tensor
from torch.nn.functional import interpolate

import sfumato
from sfumato.diffusion.noise import SeededNoise
from sfumato.engine.kept import pasted
from sfumato.painter import to_image
from sfumato.pictures import tensor_of

pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture(autouse=True)
def _same_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mean)
    for module in (pipeline_stable_diffusion_img2img, pipeline_stable_diffusion_inpaint):
        monkeypatch.setattr(
            module, "randn_tensor", lambda shape, **_: SeededNoise(SEED)(torch.zeros(tuple(shape)))
        )


@pytest.fixture(scope="module")
def painter(pipelines) -> sfumato.Painter:
    """Of a model that reads words alone."""
    return sfumato.load(pipelines.folder("sd1"))


@pytest.fixture(scope="module")
def filler(pipelines) -> sfumato.Painter:
    """Of a model that fills holes."""
    return sfumato.load(pipelines.file("sd1-inpaint"))


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Large soft blots."""
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    return to_image(torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1))


@pytest.fixture(scope="module")
def hole() -> Image.Image:
    """White in a box that is made of whole places of the latent."""
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[8:40, 16:48] = 255
    return Image.fromarray(mask)


def theirs(kind, reference, sampler: str, **told) -> np.ndarray:
    """The picture (H, W, 3) in 0..255 of one of their pipelines, made of the parts of another."""
    pipe = kind(**reference.components, requires_safety_checker=False)
    scheduler, settings = SCHEDULERS[sampler]
    pipe.scheduler = scheduler.from_config(pipe.scheduler.config, **settings)
    pipe.set_progress_bar_config(disable=True)
    settings = {"negative_prompt": NEGATIVE, "guidance_scale": GUIDANCE, "num_inference_steps": STEPS}
    return pipe(PROMPT, output_type="np", **settings, **told).images[0] * 255


def begun_as_ours(monkeypatch, painter, sampler: str, known: Tensor | float) -> None:
    """Let their inpainting begin, at strength 1, from our noise upon what is ``known`` of the latent.

    Theirs begins from noise alone, at a deviation of its own, even where the picture is kept: there it would
    be the noised picture after the first step only.
    """
    kind = diffusers.StableDiffusionInpaintPipeline
    prepared = kind.prepare_latents

    def prepare(self, *args, **kwargs):
        _, noise, *rest = prepared(self, *args, **kwargs)
        level = painter.model.levels(STEPS, SCHEDULERS[sampler][1]["timestep_spacing"])[0]
        x = known + level.sigma * noise
        return x if sampler == "euler" else x / (1 + level.sigma**2) ** 0.5, noise, *rest

    monkeypatch.setattr(kind, "prepare_latents", prepare)


def in_hole(drawn: np.ndarray, picture: Image.Image, hole: Image.Image) -> np.ndarray:
    """Their picture with all that the mask keeps put back as it was."""
    painted = torch.tensor(drawn / 255, dtype=torch.float32).permute(2, 0, 1)[None]
    whole = pasted(painted, tensor_of(picture), tensor_of(hole))
    return whole[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize("strength", [0.5, 6 / 7])
@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_a_picture_is_gone_on_from_as_diffusers_does(pipelines, painter, picture, sampler, strength):
    """Of 7 steps they take whole ones, so half of them are 3."""
    whole = int(STEPS * strength + 1e-9) / STEPS
    kind = diffusers.StableDiffusionImg2ImgPipeline
    expected = theirs(kind, pipelines.reference("sd1"), sampler, image=picture, strength=whole + 1e-6)
    assert_same(ours(painter, sampler, picture=picture, strength=whole), expected)
    if whole != strength:
        between = ours(painter, sampler, picture=picture, strength=strength)
        assert np.abs(between - expected).max() > 1


@pytest.mark.parametrize("strength", [3 / 7, 6 / 7, 1.0])
@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_a_model_that_reads_words_alone_paints_in_a_mask_as_diffusers_does(
    pipelines, painter, picture, hole, sampler, strength, monkeypatch
):
    if strength == 1:
        clean = painter.model.look(tensor_of(picture))
        kept = interpolate(1 - tensor_of(hole), size=clean.shape[2:])
        begun_as_ours(monkeypatch, painter, sampler, kept * clean)
    kind = diffusers.StableDiffusionInpaintPipeline
    told = {"image": picture, "mask_image": hole, "strength": min(strength + 1e-6, 1.0)}
    expected = theirs(kind, pipelines.reference("sd1"), sampler, height=64, width=64, **told)
    got = ours(painter, sampler, picture=picture, mask=hole, strength=strength)
    assert_same(got, in_hole(expected, picture, hole))


@pytest.mark.parametrize("strength", [3 / 7, 1.0])
@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_a_model_that_fills_holes_goes_on_from_what_is_in_them(
    pipelines, filler, picture, hole, sampler, strength, monkeypatch
):
    if strength == 1:
        begun_as_ours(monkeypatch, filler, sampler, 0.0)
    kind = diffusers.StableDiffusionInpaintPipeline
    told = {"image": picture, "mask_image": hole, "strength": min(strength + 1e-6, 1.0)}
    expected = theirs(kind, pipelines.reference("sd1-inpaint"), sampler, height=64, width=64, **told)
    got = ours(filler, sampler, picture=picture, mask=hole, strength=strength)
    assert_same(got, in_hole(expected, picture, hole))

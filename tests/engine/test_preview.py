"""Previews: near to the decoder, cheap, the same every time, and there for models that nobody has told of."""

from time import perf_counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d, interpolate

import sfumato
from sfumato.engine.preview import GLANCES, Previews, fitted
from sfumato.families import FAMILIES
from sfumato.painter import to_image


class Told(SimpleNamespace):
    """A model of which no more is known than is told here."""


@pytest.fixture(scope="module")
def drawn():
    """The embedded model, and what it sees on the way to two pictures."""
    painter = sfumato.load()
    prompts = ("a red cat to the left of a blue car", "a green tree at night")
    return painter.model, [
        step.clean for prompt in prompts for step in painter.watch(prompt, seed=1, steps=6)
    ]


def decibels(shown, told):
    errors = np.asarray(shown, float) - np.asarray(told, float)
    return -10 * np.log10((errors**2).mean() / 255**2)


def test_a_quick_preview_is_near_to_what_the_decoder_shows_at_every_step(drawn):
    model, latents = drawn
    previews = Previews(model)
    for latent in latents:
        shown, told = previews.quick(latent), previews.full(latent)
        assert told.size == (128, 128)
        assert shown.size == (64, 64)
        assert decibels(shown, told.resize(shown.size, Image.Resampling.BOX)) > 20
        assert decibels(shown.resize(told.size, Image.Resampling.BILINEAR), told) > 20


def test_a_quick_preview_costs_a_small_part_of_the_decoder(drawn):
    model, (latent, *_) = drawn
    previews = Previews(model)
    previews.quick(latent)

    def least(shows):
        times = []
        for _ in range(5):
            began = perf_counter()
            shows(latent)
            times.append(perf_counter() - began)
        return min(times)

    assert least(previews.quick) < least(previews.full) / 10


def test_a_fitted_map_is_the_same_for_the_same_weights(tiny_world):
    with torch.inference_mode():
        first, second = fitted(tiny_world), fitted(tiny_world)
    assert torch.equal(first.weights, second.weights)
    assert torch.equal(first.bias, second.bias)


@pytest.mark.parametrize("shrink", [1, 6, 8])
@torch.inference_mode()
def test_a_decoder_that_is_linear_is_shown_as_it_is(shrink):
    """Of a model that nobody has told of, whatever its channels and its shrink."""
    matrix = torch.randn(3, 5, generator=torch.Generator().manual_seed(1)) * 0.1

    def decode(latent):
        colours = torch.einsum("rc,nchw->nrhw", matrix, latent) + 0.5
        return interpolate(colours, scale_factor=shrink, mode="nearest").clamp(0, 1)

    side = 16 * shrink
    model = Told(
        family="unheard of", native=(side, side), decode=decode, blank=lambda size: torch.zeros(1, 5, 16, 16)
    )
    latent = 0.5 * torch.randn(1, 5, 9, 12, generator=torch.Generator().manual_seed(2))
    shown = np.asarray(Previews(model).quick(latent), float) / 255
    fine = shown.shape[0] // 9
    assert shown.shape == (9 * fine, 12 * fine, 3)
    assert fine == {1: 1, 6: 2, 8: 4}[shrink]
    told = avg_pool2d(decode(latent), shrink // fine)[0].permute(1, 2, 0).numpy()
    assert abs(shown - told).max() < 0.05


def test_families_of_published_latents_are_shown_without_their_decoder():
    def decode(latent):
        raise AssertionError("the decoder was asked")

    latent = torch.tensor([1.0, 0.5, -0.5, 0.25]).view(1, 4, 1, 1)
    shown = {}
    for family in ("sd1", "sdxl"):
        model = Told(family=family, decode=decode)
        shown[family] = Previews(model).quick(latent).getpixel((0, 0))
    red = (0.298 + 0.5 * 0.187 + 0.5 * 0.158 - 0.25 * 0.184) / 2 + 0.5
    assert shown["sd1"][0] == round(255 * red)
    assert shown["sdxl"] == tuple(map(round, (150 + 0.0, 140 + 37.5, 130 + 58.75)))


def test_every_family_whose_latents_are_published_is_a_family():
    assert set(GLANCES) < set(FAMILIES)


def test_a_full_preview_is_the_decoded_picture(tiny_world):
    latent = torch.randn(tiny_world.blank((16, 16)).shape)
    with torch.inference_mode():
        expected = to_image(tiny_world.decode(latent))
    assert Previews(tiny_world).full(latent).tobytes() == expected.tobytes()


def test_previews_keep_no_model_in_memory():
    previews = Previews(model := Told(family="sd1"))
    previews.quick(torch.zeros(1, 4, 2, 2))
    assert previews.model is model
    del model
    assert previews.model is None
    assert previews.quick(torch.zeros(1, 4, 2, 2)).size == (2, 2)
    with pytest.raises(ReferenceError, match="released"):
        previews.full(torch.zeros(1, 4, 2, 2))

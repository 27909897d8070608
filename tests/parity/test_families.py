"""Our families are diffusers' pipelines, part for part: words, U-Net and pictures of tiny random ones."""

import pytest
import torch

from sfumato import families
from sfumato.diffusion.protocol import Call, Level
from sfumato.families import Wording

SENTENCES = ("a red cat to the left of a blue car", "Ünïcödé, (once) & <|endoftext|>less", "")


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, pipelines):
    """The model from the folder, and the pipeline that wrote it."""
    return families.load(pipelines.folder(request.param)), pipelines.reference(request.param)


def rows(model, wordings):
    return [encoded.conditioning for encoded in model.encode([Wording(text=text) for text in wordings])]


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("pair", ["sd1"], indirect=True)
@torch.inference_mode()
def test_words_are_read_as_diffusers_reads_them(pair):
    model, theirs = pair
    for text in ("a red cat to the left of a blue car", "ünïcödé, wild & free", ""):
        (told,) = rows(model, [text])
        close(told.context, theirs.encode_prompt(text, "cpu", 1, do_classifier_free_guidance=False)[0])


@pytest.mark.parametrize("pair", ["sd1"], indirect=True)
@torch.inference_mode()
def test_another_layer_of_the_words_is_the_one_that_diffusers_skips_to(pair):
    """And the final norm follows it. The pipelines do not run this themselves with transformers 5."""
    model, theirs = pair
    (encoded,) = model.encode([Wording(text="a red cat", clip_skip=2)])
    ids = theirs.tokenizer("a red cat", padding="max_length", return_tensors="pt").input_ids
    states = theirs.text_encoder(ids, output_hidden_states=True).hidden_states
    close(encoded.conditioning.context, theirs.text_encoder.final_layer_norm(states[-2]))


@pytest.mark.parametrize("pair", ["sd1"], indirect=True)
@pytest.mark.parametrize("number", [0, 1, 501, 999])
@torch.inference_mode()
def test_the_clean_latent_is_what_diffusers_prediction_says(pair, number):
    """At each level of the table the network is told its number, and its output means what it should."""
    model, theirs = pair
    told = rows(model, ["a red cat", "fog"])
    sigma = model.trained.sigmas[number]
    noisy = torch.randn(2, 4, 8, 8) * (1 + sigma**2) ** 0.5
    found = model.denoise([Call(noisy[k : k + 1], Level(1.0, sigma), told[k]) for k in range(2)])
    share = 1 / (1 + sigma**2)
    assert share == pytest.approx(float(theirs.scheduler.alphas_cumprod[number]), rel=1e-5)
    output = theirs.unet(noisy * share**0.5, number, torch.cat([each.context for each in told])).sample
    close(torch.cat(found) * share**0.5, noisy * share**0.5 - (1 - share) ** 0.5 * output)


@pytest.mark.parametrize("pair", ["sd1"], indirect=True)
@torch.inference_mode()
def test_latents_become_the_pictures_that_they_are_in_diffusers_and_back(pair):
    model, theirs = pair
    latent = torch.randn(1, 4, 8, 12)
    picture = model.decode(latent)
    expected = theirs.vae.decode(latent / theirs.vae.config.scaling_factor).sample
    close(picture, (expected / 2 + 0.5).clamp(0, 1))
    seen = theirs.vae.encode(picture * 2 - 1).latent_dist.mean * theirs.vae.config.scaling_factor
    close(model.look(picture), seen)

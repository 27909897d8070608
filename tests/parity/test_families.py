"""Our families are diffusers' pipelines, part for part: words, U-Net and pictures of tiny random ones."""

import pytest
import torch

from sfumato import families
from sfumato.diffusion.protocol import Call, Level
from sfumato.families import Wording

NAMES = ("sd1", "sd2-v", "sd2-base", "sdxl", "sdxl-v", "sdxl-refiner")
SENTENCES = ("a red cat to the left of a blue car", "ünïcödé, wild & free", "")
SIZE = (96, 64)


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest, pipelines):
    """The model from the folder, and the pipeline that wrote it."""
    return families.load(pipelines.folder(request.param)), pipelines.reference(request.param)


def rows(model, *texts, **how):
    wordings = [Wording(text=text, size=SIZE, **how) for text in texts]
    return [encoded.conditioning for encoded in model.encode(wordings)]


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)


def read_by(theirs, text):
    """Words, the sentence and the numbers, as the pipeline itself reads and tells them."""
    if not hasattr(theirs, "text_encoder_2"):
        return theirs.encode_prompt(text, "cpu", 1, do_classifier_free_guidance=False)[0], {}
    words, _, sentence, _ = theirs.encode_prompt(text, device="cpu", do_classifier_free_guidance=False)
    size = SIZE[::-1]
    if not theirs.config.get("requires_aesthetics_score"):
        numbers = theirs._get_add_time_ids(size, (0, 0), size, words.dtype, sentence.shape[-1])
        return words, {"text_embeds": sentence, "time_ids": numbers}
    both = theirs._get_add_time_ids(
        size, (0, 0), size, 6.0, 2.5, size, (0, 0), size, words.dtype, sentence.shape[-1]
    )
    return words, {"text_embeds": sentence, "time_ids": both[0]}


@pytest.mark.parametrize("pair", NAMES, indirect=True)
@torch.inference_mode()
def test_words_are_read_as_diffusers_reads_them(pair):
    model, theirs = pair
    for text in SENTENCES[: 2 if model.family == "sdxl" else 3]:
        words, added = read_by(theirs, text)
        (told,) = rows(model, text)
        close(told.context, words)
        if added:
            close(told.vector[:, : added["text_embeds"].shape[1]], added["text_embeds"])


@pytest.mark.parametrize("pair", ["sdxl"], indirect=True)
@torch.inference_mode()
def test_sdxl_is_told_nothing_by_zeros_as_diffusers_does(pair):
    model, theirs = pair
    _, words, _, sentence = theirs.encode_prompt("a cat", device="cpu", negative_prompt=None)
    (told,) = rows(model, "")
    assert torch.equal(told.context, words)
    assert torch.equal(told.vector[:, : sentence.shape[1]], sentence)


@pytest.mark.parametrize("pair", ["sd1"], indirect=True)
@torch.inference_mode()
def test_another_layer_of_the_words_is_the_one_that_diffusers_skips_to(pair):
    """And the final norm follows it. The pipelines do not run this themselves with transformers 5."""
    model, theirs = pair
    (told,) = rows(model, "a red cat", clip_skip=2)
    ids = theirs.tokenizer("a red cat", padding="max_length", return_tensors="pt").input_ids
    states = theirs.text_encoder(ids, output_hidden_states=True).hidden_states
    close(told.context, theirs.text_encoder.final_layer_norm(states[-2]))


@pytest.mark.parametrize("pair", NAMES, indirect=True)
@pytest.mark.parametrize("number", [0, 1, 501, 998])
@torch.inference_mode()
def test_the_clean_latent_is_what_diffusers_prediction_says(pair, number):
    """At each level of the table the network is told its number, and its output means what it should."""
    model, theirs = pair
    sigma = model.trained.sigmas[number]
    share = 1 / (1 + sigma**2)
    assert share == pytest.approx(float(theirs.scheduler.alphas_cumprod[number]), rel=1e-3, abs=1e-9)
    noisy = torch.randn(1, 4, 8, 8) * (1 + sigma**2) ** 0.5
    words, added = read_by(theirs, "a red cat")
    output = theirs.unet(noisy * share**0.5, number, words, added_cond_kwargs=added).sample
    (found,) = model.denoise([Call(noisy, Level(1.0, sigma), *rows(model, "a red cat"))])
    if theirs.scheduler.config.prediction_type == "epsilon":
        close(found * share**0.5, noisy * share**0.5 - (1 - share) ** 0.5 * output)
    else:
        close(found, share**0.5 * (noisy * share**0.5) - (1 - share) ** 0.5 * output)


@pytest.mark.parametrize("pair", ["sdxl-refiner"], indirect=True)
@torch.inference_mode()
def test_the_refiner_is_told_another_score_of_what_is_not_wanted(pair):
    model, theirs = pair
    size = SIZE[::-1]
    both = theirs._get_add_time_ids(size, (0, 0), size, 6.0, 2.5, size, (0, 0), size, torch.float32, 128)
    for numbers, unwanted in zip(both, (False, True), strict=True):
        (told,) = rows(model, "a cat", unwanted=unwanted)
        waves = theirs.unet.add_time_proj(numbers.flatten()).flatten()
        close(told.vector[0, 128:], waves)


@pytest.mark.parametrize("pair", ["sd1", "sdxl"], indirect=True)
@torch.inference_mode()
def test_latents_become_the_pictures_that_they_are_in_diffusers_and_back(pair):
    model, theirs = pair
    latent = torch.randn(1, 4, 8, 12)
    picture = model.decode(latent)
    expected = theirs.vae.decode(latent / theirs.vae.config.scaling_factor).sample
    close(picture, (expected / 2 + 0.5).clamp(0, 1))
    seen = theirs.vae.encode(picture * 2 - 1).latent_dist.mean * theirs.vae.config.scaling_factor
    close(model.look(picture), seen)

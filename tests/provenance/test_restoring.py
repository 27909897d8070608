"""Settings come back from pictures, ours and other programs', and what does not is said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sfumato.errors import InputError
from sfumato.provenance.parameters import read_parameters
from sfumato.provenance.recipe import Means, Recipe, Setup, recipe_of, write_png
from sfumato.provenance.restoring import restore, restored
from sfumato.request import Request

A1111 = """\
a red cat, (sharp:1.2) <lora:ink:0.8>
on a Roof
Negative prompt: blurry, text: none
low quality
Steps: 24, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, \
Size: 512x768, Model hash: 10a699c0f3, \
Model: dreamshaper_8, Clip skip: 2, Lora hashes: "ink: aaaa, b: bbbb", Version: v1.10.1"""


@pytest.fixture
def image():
    return Image.new("RGB", (8, 8), "red")


def receipt(request, image) -> Recipe:
    means, setup = Means(weights="world", weights_sha256="0" * 64), Setup(fast=False, device="cpu", threads=1)
    return recipe_of(request, image, means, setup=setup)


def texts(**settings):
    line = ", ".join(f"{name}: {value}" for name, value in settings.items())
    return f"a cat\nSteps: 4, {line}"


def test_the_text_of_a1111_is_read_setting_by_setting():
    found = restored(A1111)
    assert found.fields == {
        "prompt": "a red cat, (sharp:1.2) <lora:ink:0.8>\non a Roof",
        "negative": "blurry, text: none\nlow quality",
        "steps": 24,
        "sampler": "dpmpp_2m",
        "levels": "karras",
        "guidance": 7.0,
        "seed": 965400086,
        "size": [512, 768],
        "model": "dreamshaper_8",
        "clip_skip": 2,
    }
    assert [note for note in found.notes if "not taken over" in note] == []
    assert any("another program" in note for note in found.notes)


@pytest.mark.parametrize(
    ("theirs", "sampler", "levels"),
    [
        ("DPM++ 2M Karras", "dpmpp_2m", "karras"),
        ("Euler a", "euler_ancestral", None),
        ("DPM++ 2M SDE Heun Exponential", "dpmpp_2m_sde(solver='heun')", "exponential"),
        ("DDIM", "ddim", None),
        ("LCM", "lcm", None),
    ],
)
def test_menu_names_of_samplers_become_our_names_and_their_spacing(theirs, sampler, levels):
    fields = restored(texts(Sampler=theirs, Seed=1)).fields
    assert (fields["sampler"], fields.get("levels")) == (sampler, levels)


def test_what_has_no_meaning_here_is_left_out_and_named():
    found = restored(
        texts(Sampler="Restart", Seed=-1, Size="wide", **{"Face restoration": "CodeFormer", "Foo": "bar"})
    )
    assert found.fields == {"prompt": "a cat", "steps": 4}
    for name in ("Sampler Restart", "Seed -1", "Size wide", "Face restoration CodeFormer", "Foo bar"):
        assert any(note.startswith(f"{name} was not taken over: ") for note in found.notes), name


def test_a_second_pass_and_a_variation_are_taken_over_with_all_their_settings():
    hires = {
        "Denoising strength": "0.4",
        "Hires upscale": "2",
        "Hires steps": "10",
        "Hires upscaler": "Latent",
    }
    found = restored(texts(Seed=1, **hires, **{"Variation seed": "5", "Variation seed strength": "0.2"}))
    assert found.fields["passes"] == ["hires(2, strength=0.4, steps=10, by=latent)"]
    assert found.fields["variations"] == [[5, 0.2]]
    resized = {"Size": "512x512", "Hires resize": "1024x1024", "Hires upscaler": "R-ESRGAN 4x+"}
    found = restored(texts(**resized))
    assert found.fields["passes"] == ["hires(2, by=lanczos)"]
    assert any("R-ESRGAN" in note for note in found.notes)


def test_a_strength_without_its_picture_is_told_and_left_out():
    found = restored(texts(Seed=1, **{"Denoising strength": "0.7"}))
    assert "strength" not in found.fields
    assert any("Denoising strength 0.7" in note and "bring it" in note for note in found.notes)


def test_values_in_quotes_and_in_brackets_keep_their_commas():
    resources = '[{"a": "b, c: d"}, {"e": 1}]'
    text = f'cat\nSteps: 4, Seed: 2, Civitai resources: {resources}, Note: "x, Seed: 9", CFG scale: 3'
    settings = read_parameters(text).settings
    assert settings["Civitai resources"] == resources
    assert settings["Note"] == "x, Seed: 9"
    assert (settings["Seed"], settings["CFG scale"]) == ("2", "3")


def test_a_sentence_with_colons_is_a_prompt_and_no_settings():
    read = read_parameters("a sign that says: open, and below: closed")
    assert (read.prompt, dict(read.settings)) == ("a sign that says: open, and below: closed", {})


def test_settings_that_were_written_by_us_come_back_equal(image):
    request = Request(
        prompt='a "cat", 3:4\nand more', negative="dog", seed=7, sampler="ddim(eta=0.5)",
        levels="karras(rho=5)",
        guidance="cfg(6, stop=0.8)", size=(64, 64), clip_skip=2,
    )  # fmt: skip
    recipe = receipt(request, image)
    found = restored(recipe.parameters((64, 64)))
    assert found.notes == ()
    again = Request.from_json(json.dumps(dict(found.fields)))
    assert again == request


def test_our_receipt_gives_the_whole_request_without_a_note(tmp_path, image):
    request = Request(prompt="a cat", seed=3, passes=("hires(2)",), variations=((1, 0.5),), sentence="cat")
    write_png(tmp_path / "cat.png", image, receipt(request, image))
    found = restore(tmp_path / "cat.png")
    assert (found.ours, found.notes) == (True, ())
    assert Request.from_json(json.dumps(dict(found.fields))) == request


def test_a_damaged_receipt_falls_back_to_the_text_and_says_so(tmp_path, image):
    chunks = PngInfo()
    chunks.add_text("sfumato", '{"request": 7}')
    chunks.add_itxt("parameters", A1111)
    image.save(tmp_path / "cat.png", pnginfo=chunks)
    found = restore(tmp_path / "cat.png")
    assert found.fields["seed"] == 965400086
    assert "receipt cannot be read" in found.notes[0]


def test_text_behind_the_pixels_and_in_exif_is_found(tmp_path, image):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
    image.save(tmp_path / "cat.jpg", exif=exif)
    assert restore(tmp_path / "cat.jpg").fields["seed"] == 965400086
    chunks = PngInfo()
    chunks.add(b"tEXt", b"parameters\0a cat\nSteps: 4, Seed: 5", after_idat=True)
    image.save(tmp_path / "cat.png", pnginfo=chunks)
    assert restore(tmp_path / "cat.png").fields["seed"] == 5


def test_a_picture_that_tells_nothing_is_refused_with_the_reason(tmp_path, image):
    image.save(tmp_path / "plain.png")
    with pytest.raises(InputError, match="carries no settings"):
        restore(tmp_path / "plain.png")


PIECES = (
    *("Steps: ", "1", ", ", "Seed: ", '"', "[", "{", "x", ":", "\n", "Hires upscale: ", "Size: ", "-", "nan"),
    *("Sampler: ", "(", "Negative prompt:", "Guidance: ", "Variation seed: ", "Variation seed strength: "),
)


@given(st.text(max_size=300) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_breaks_the_reader_and_what_it_gives_is_a_request(text):
    found = restored(text)
    fields = {"prompt": "-", "seed": 0, **found.fields}
    if str(fields["prompt"]).strip():
        Request.from_json(json.dumps(fields))

"""A picture carries its recipe through the file system and refuses to be written without it."""

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sfumato.errors import InputError
from sfumato.provenance.recipe import (
    Means,
    Recipe,
    Setup,
    pixel_digest,
    read_recipe,
    recipe_of,
    write_png,
)
from sfumato.request import Request
from sfumato.version import __version__

PICTURE = Image.linear_gradient("L").convert("RGB").resize((48, 32))
SHA = "0123456789abcdef" * 4
SETUP = Setup(fast=True, device="cuda", threads=3)


FILES = {"adapter ink": "a" * 64, "refiner": "b" * 64}


def recipe(files=FILES, **changes) -> Recipe:
    request = Request(**({"prompt": "a red cat", "seed": 7} | changes))
    means = Means(weights="world-s", weights_sha256=SHA, files=files, loading={"dtype": "bfloat16"})
    return recipe_of(request, PICTURE, means, setup=SETUP)


@given(prompt=st.text(min_size=1).filter(str.strip), negative=st.text(), size=st.none() | st.just((48, 32)))
def test_any_recipe_comes_back_from_the_picture_equal(tmp_path_factory, prompt, negative, size):
    written = recipe(prompt=prompt, negative=negative, size=size)
    path = tmp_path_factory.getbasetemp() / "round.png"
    write_png(path, PICTURE, written)
    assert read_recipe(path) == written
    with Image.open(path) as image:
        assert pixel_digest(image) == written.pixels == pixel_digest(PICTURE)


def test_a_recipe_says_what_drew_the_picture():
    written = recipe()
    assert (written.sfumato, written.torch) == (__version__, torch.__version__)
    assert json.loads(written.to_json())["request"]["seed"] == 7


def test_a_recipe_of_before_setups_were_recorded_is_still_read():
    values = json.loads(recipe().to_json())
    assert values.pop("setup") == {"fast": True, "device": "cuda", "threads": 3, "tiles": 0}
    assert Recipe.from_json(json.dumps(values)) == replace(recipe(), setup=None)


def test_a_recipe_of_before_tiles_were_recorded_is_still_read():
    values = json.loads(recipe().to_json())
    del values["setup"]["tiles"]
    assert Recipe.from_json(json.dumps(values)) == recipe()


def test_a_recipe_of_before_files_were_brought_is_still_read():
    values = json.loads(recipe().to_json())
    assert (values.pop("files"), values.pop("loading")) == (FILES, {"dtype": "bfloat16"})
    assert Recipe.from_json(json.dumps(values)) == replace(recipe(), files={}, loading={})


def test_galleries_find_the_adapters_that_were_worn():
    told = recipe(clip_skip=2).parameters((48, 32))
    assert 'Clip skip: 2, Hashes: "{\\"model\\": \\"0123456789\\", \\"lora:ink\\": \\"aaaaaaaaaa\\"}"' in told


def test_other_programs_find_the_parameters_they_expect(tmp_path):
    write_png(
        tmp_path / "cat.png", PICTURE, recipe({}, negative="fog", prompt="a red cat, ночь", guidance=6.0)
    )
    with Image.open(tmp_path / "cat.png") as image:
        assert image.info["parameters"] == (
            "a red cat, ночь\n"
            "Negative prompt: fog\n"
            "Steps: 24, Sampler: dpmpp_2m, CFG scale: 6, Seed: 7, Size: 48x32, Model: world-s, "
            f"Model hash: 0123456789, Version: sfumato {__version__}"
        )


def test_parameters_name_a_spacing_and_quote_what_would_read_as_a_setting():
    request = Request(prompt="a cat", seed=7, levels="karras")
    text = replace(recipe(), request=request, weights="my model, v2: new").parameters((48, 32))
    assert "Negative prompt" not in text
    assert "Schedule type: karras, " in text
    assert 'Model: "my model, v2: new", ' in text


def test_the_pixel_digest_sees_one_pixel_the_shape_and_the_mode():
    other = PICTURE.copy()
    other.putpixel((3, 4), (1, 2, 3))
    digests = {pixel_digest(image) for image in (PICTURE, other, PICTURE.rotate(180))}
    digests |= {
        pixel_digest(Image.new(mode, size))
        for mode, size in (("RGB", (2, 8)), ("RGB", (8, 2)), ("L", (6, 8)))
    }
    assert len(digests) == 6


def test_a_picture_that_carries_no_recipe_is_refused(tmp_path):
    PICTURE.save(tmp_path / "plain.png")
    with pytest.raises(InputError, match=r"plain\.png: carries no recipe"):
        read_recipe(tmp_path / "plain.png")


@pytest.mark.parametrize("name", ["absent.png", "text.png", "cut.png", "photo.jpg"])
def test_what_is_not_a_picture_of_ours_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "text.png").write_text("not a picture")
    write_png(tmp_path / "whole.png", PICTURE, recipe())
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:40])
    PICTURE.save(tmp_path / "photo.jpg")
    with pytest.raises(InputError, match=name) as caught:
        read_recipe(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda values: "not JSON", "not JSON"),
        (lambda values: [values], "missing or unknown fields"),
        (lambda values: values | {"camera": "x"}, r"unknown fields \(camera\)"),
        (
            lambda values: {key: value for key, value in values.items() if key != "pixels"},
            r"fields \(pixels\)",
        ),
        (lambda values: values | {"torch": 2}, "torch is not text"),
        (lambda values: values | {"files": {"vae": 3}}, "files is"),
        (lambda values: values | {"loading": "fast"}, "loading is 'fast'"),
        (lambda values: values | {"setup": "fast"}, "setup is 'fast'"),
        (lambda values: values | {"setup": values["setup"] | {"threads": True}}, "setup is"),
        (lambda values: values | {"setup": values["setup"] | {"tiles": "two"}}, "setup is"),
        (lambda values: values | {"setup": {"fast": True}}, "setup is"),
        (lambda values: values | {"request": {"prompt": "a cat"}}, "lacks seed"),
    ],
)
def test_a_recipe_that_was_altered_is_refused(tmp_path, change, told):
    changed = change(json.loads(recipe().to_json()))
    chunks = PngInfo()
    chunks.add_text("sfumato", changed if isinstance(changed, str) else json.dumps(changed))
    PICTURE.save(tmp_path / "altered.png", pnginfo=chunks)
    with pytest.raises(InputError, match=told) as caught:
        read_recipe(tmp_path / "altered.png")
    assert "altered.png" in str(caught.value)


def test_a_format_that_cannot_carry_the_recipe_is_refused(tmp_path):
    with pytest.raises(InputError, match="end the name in"):
        write_png(tmp_path / "cat.jpg", PICTURE, recipe())


def test_a_place_that_cannot_be_written_is_told_and_left_clean(tmp_path):
    (tmp_path / "taken.png").mkdir()
    for path in (tmp_path / "absent" / "cat.png", tmp_path / "taken.png"):
        with pytest.raises(InputError, match="cannot be written"):
            write_png(path, PICTURE, recipe())
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]

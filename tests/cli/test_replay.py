import json
from dataclasses import asdict

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sfumato.families.world import World
from sfumato.provenance.recipe import pixel_digest, read_recipe


@pytest.fixture
def drawn(sfumato, tiny_weights, tmp_path):
    sfumato("draw", "a red cat", "--seed", 7, "--steps", 2, "-o", "cat.png", "--weights", tiny_weights)
    return tmp_path / "cat.png"


def resaved(path, change=lambda image: None, recipe=lambda text: text):
    """Save a picture again with its recipe, pixels and recipe changed."""
    with Image.open(path) as image:
        image.load()
        chunks = PngInfo()
        chunks.add_text("sfumato", recipe(image.info["sfumato"]))
        image = change(image) or image
    image.save(path, pnginfo=chunks)


def test_a_picture_replays_identically(sfumato, drawn, tiny_weights):
    code, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert (code, out) == (0, "identical: 16x16 pixels of 'a red cat'\n")


def test_an_altered_pixel_is_found(sfumato, drawn, tiny_weights):
    with Image.open(drawn) as image:
        red, green, blue = image.getpixel((3, 4))
    resaved(drawn, lambda image: image.putpixel((3, 4), (red ^ 64, green, blue)))
    code, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert code == 1
    assert "by up to 64 of 255, in 0.39% of the pixels" in out
    assert "file was altered" in out


def test_a_cropped_picture_is_found(sfumato, drawn, tiny_weights):
    resaved(drawn, lambda image: image.crop((0, 0, 8, 16)))
    code, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert code == 1
    assert "8x16 RGB in the file, 16x16 RGB drawn again" in out


def test_other_weights_are_named_as_the_cause(sfumato, drawn, tiny_weights, tmp_path):
    world = World.load(tiny_weights)
    with torch.no_grad():
        world.autoencoder.decoder.conv_out.bias.add_(0.3)
    world.save(tmp_path / "other.safetensors")
    code, out, _ = sfumato("replay", drawn, "--weights", tmp_path / "other.safetensors")
    assert code == 1
    assert "other weights" in out


def otherwise_drawn(path, **facts):
    """As if other pixels had come out when it was drawn, under other circumstances."""

    def change(image):
        image.putpixel((0, 0), (1, 2, 3))

    def recipe(text):
        with Image.open(path) as image:
            image.load()
            change(image)
        return json.dumps(json.loads(text) | {"pixels": pixel_digest(image)} | facts)

    resaved(path, change, recipe)


def test_another_version_is_named_as_the_cause(sfumato, drawn, tiny_weights):
    otherwise_drawn(drawn, torch="1.0")
    code, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert code == 1
    assert "with torch 1.0" in out


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"fast": True}, "drawn in fast mode"),
        ({"threads": 99}, "drawn with 99 threads, this is {threads}"),
        ({"fast": True, "threads": 99}, "drawn in fast mode; drawn with 99 threads, this is {threads}"),
        ({"device": "cuda", "threads": 99}, "drawn on cuda, this is cpu"),
        (
            {"tiles": 128},
            "decoded in tiles of 128 pixels for what memory was free, this in one piece",
        ),
        ({}, "another processor: all else that the recipe records is the same"),
    ],
)
def test_what_differs_in_the_setup_is_named_as_the_cause(sfumato, drawn, tiny_weights, changes, cause):
    here = asdict(read_recipe(drawn).setup)
    otherwise_drawn(drawn, setup=here | changes)
    code, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert code == 1
    assert out.endswith("; " + cause.format(**here) + "\n")


def test_a_recipe_without_a_setup_leaves_the_cause_open(sfumato, drawn, tiny_weights):
    otherwise_drawn(drawn, setup=None)
    _, out, _ = sfumato("replay", drawn, "--weights", tiny_weights)
    assert "this older recipe does not say" in out


def test_a_picture_by_another_file_asks_for_that_file(sfumato, drawn):
    code, _, err = sfumato("replay", drawn)
    assert code == 2
    assert "drawn with tiny.safetensors; name that file with --model" in err


def test_a_picture_without_a_recipe_is_an_error(sfumato, tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    code, _, err = sfumato("replay", "plain.png")
    assert code == 2
    assert "no recipe" in err


def test_a_picture_cut_short_is_an_error(sfumato, drawn, tiny_weights):
    drawn.write_bytes(drawn.read_bytes()[:-200])
    code, _, err = sfumato("replay", drawn, "--weights", tiny_weights)
    assert code == 2
    assert err.startswith("error: ")

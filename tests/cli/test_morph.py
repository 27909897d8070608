"""Sequences as a person asks for them: animations and folders, and mistakes told before anything is drawn."""

import json

import pytest
from PIL import Image

from sfumato.provenance.recipe import read_recipe


@pytest.fixture
def morph(sfumato, tiny_weights):
    return lambda *arguments: sfumato("morph", *arguments, "--weights", tiny_weights, "--steps", 1)


def frames(path):
    with Image.open(path) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            found.append((image.convert("RGB").tobytes(), image.info["duration"]))
        return found


def test_a_folder_holds_every_frame_with_its_recipe(morph, sfumato, tiny_weights, tmp_path):
    code, out, _ = morph("a castle", "two yellow fish", "--frames", 3, "--seeds", "7,9", "-o", "film")
    assert (code, out.split()) == (0, [f"film/frame-000{number}.png" for number in (1, 2, 3)])
    requests = [read_recipe(tmp_path / path).request for path in out.split()]
    assert [(each.prompt, each.seed) for each in requests] == [
        ("a castle", 7), ("a castle", 7), ("two yellow fish", 9),
    ]  # fmt: skip
    assert (requests[1].toward, requests[1].variations) == (("two yellow fish", 0.5), ((9, 0.5),))
    sfumato("draw", "a castle", "--seed", 7, "--steps", 1, "--weights", tiny_weights, "-o", "alone.png")
    with Image.open(tmp_path / "alone.png") as alone, Image.open(tmp_path / out.split()[0]) as first:
        assert alone.tobytes() == first.tobytes()


def test_what_was_typed_stands_beside_what_a_look_made_of_it(morph, tmp_path):
    code, _, err = morph("a castle", "a cat", "--style", "neon", "--frames", 2, "--seed", 7, "-o", "film")
    assert code == 0, err
    first = read_recipe(tmp_path / "film" / "frame-0001.png").request
    assert (first.sentence, "neon" in first.prompt) == ("a castle", True)


@pytest.mark.parametrize("name", ["film.webp", "film.gif"])
def test_an_animation_has_all_frames_and_lasts_as_long_as_asked(morph, tmp_path, name):
    code, out, _ = morph("a castle", "--frames", 4, "--seeds", "7,9", "--seconds", 2, "-o", name)
    assert (code, out) == (0, f"{name}\n")
    found = frames(tmp_path / name)
    assert [duration for _, duration in found] == [500] * 4
    assert len({pixels for pixels, _ in found}) == 4


def test_an_animation_tells_the_requests_of_its_frames(morph, tmp_path):
    morph("a castle", "two yellow fish", "--frames", 3, "--seed", 7, "-o", "film.webp")
    morph("a castle", "two yellow fish", "--frames", 3, "--seed", 7, "-o", "film.gif")
    with Image.open(tmp_path / "film.webp") as webp, Image.open(tmp_path / "film.gif") as gif:
        told = json.loads(webp.getexif()[0x010E])["sfumato"]
        assert json.loads(gif.info["comment"])["sfumato"] == told
    assert told[0]["prompt"] == "a castle"
    assert told[1] == {"toward": ["two yellow fish", 0.5]}
    assert told[2] == {"prompt": "two yellow fish"}


def test_a_loop_draws_its_way_back_once(morph, tmp_path):
    code, out, _ = morph("a castle", "--frames", 6, "--seeds", "7,9", "--loop", "-o", "film")
    assert code == 0
    pixels = []
    for path in out.split():
        with Image.open(tmp_path / path) as image:
            pixels.append(image.tobytes())
    assert pixels[4:] == pixels[2:0:-1]
    assert len(set(pixels)) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a castle"], "a second prompt"),
        (["a", "b", "--seeds", "1,2,3"], "2 prompts for 3 stations"),
        (["a", "b", "--seeds", "1", "--seed", "2"], "leave one of them out"),
        (["a", "b", "--vary", "3:0.5"], "leave --toward and --vary out"),
        (["a", "b", "-o", "film.mp4"], "ends in .webp or .gif"),
        (["a", "b", "--seconds", "0"], "no time for an animation"),
        (["a", "b", "--frames", "1"], "1 frames"),
    ],
)
def test_mistakes_are_told_before_anything_is_drawn(morph, tmp_path, arguments, says):
    code, _, err = morph(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert says in err
    assert list(tmp_path.iterdir()) == []

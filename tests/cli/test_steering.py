"""What steers a picture is named on the command line, and reaches the picture."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sfumato.checkpoints.fingerprint import fingerprint
from sfumato.cli.steering import (
    parse_control,
    parse_outpaint,
    parse_reference,
    parse_region,
    parse_toward,
    parse_variation,
)
from sfumato.errors import InputError
from sfumato.models.controlnet import newborn
from sfumato.provenance.recipe import read_recipe
from sfumato.train.controlnet import save_control


@pytest.fixture
def draw(sfumato, tiny_weights):
    return lambda *arguments: sfumato("draw", *arguments, "--weights", tiny_weights, "--steps", 2)


@pytest.fixture
def cat(draw, tmp_path):
    """A picture that was drawn before."""
    assert draw("a red cat", "--seed", 7, "-o", "cat.png")[0] == 0
    return tmp_path / "cat.png"


@pytest.fixture
def left(tmp_path):
    """A mask, white in the left half."""
    mask = Image.new("L", (16, 16))
    mask.paste(255, (0, 0, 8, 16))
    mask.save(tmp_path / "left.png")
    return tmp_path / "left.png"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("canny:edges.png", ("canny", Path("edges.png"), 1.0, 0.0, 1.0)),
        ("canny:edges.png:0.8", ("canny", Path("edges.png"), 0.8, 0.0, 1.0)),
        ("canny:edges.png:-0.5:0.1-0.6", ("canny", Path("edges.png"), -0.5, 0.1, 0.6)),
        ("layout:[[0, 0, 1, 0.5]]", ("layout", "[[0, 0, 1, 0.5]]", 1.0, 0.0, 1.0)),
        ('pose:{"nose": [0.5, 0.1]}:0.7', ("pose", '{"nose": [0.5, 0.1]}', 0.7, 0.0, 1.0)),
        ("canny(low=50):C:/edges.png:1", ("canny(low=50)", Path("C:/edges.png"), 1.0, 0.0, 1.0)),
    ],
)
def test_a_control_is_a_kind_and_a_picture(text, found):
    assert parse_control(text) == found


def test_a_picture_whose_name_ends_like_a_weight_is_that_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("edges.png:0.8").write_bytes(b"")
    assert parse_control("canny:edges.png:0.8").picture == Path("edges.png:0.8")
    assert parse_reference("edges.png:0.8") == (Path("edges.png:0.8"), 1.0)


def test_a_reference_is_a_picture_with_a_weight():
    assert parse_reference("mood.png") == (Path("mood.png"), 1.0)
    assert parse_reference("mood.png:0.7") == (Path("mood.png"), 0.7)


def test_a_region_is_an_area_with_words_and_unwanted_ones():
    assert parse_region("0,0,0.5,1: a cat: happy") == ((0.0, 0.0, 0.5, 1.0), "a cat: happy", "")
    assert parse_region("8, 0, 8, 16:a cat ### fur, rain") == ((8.0, 0.0, 8.0, 16.0), "a cat", "fur, rain")
    assert parse_region("left.png: a cat") == (Path("left.png"), "a cat", "")


def test_sides_variations_and_other_prompts():
    assert parse_outpaint("left=64, bottom=-8") == (64, 0, 0, -8)
    assert parse_variation("8:0.25") == (8, 0.25)
    assert parse_toward("a dog: a good one:0.3") == ("a dog: a good one", 0.3)


@pytest.mark.parametrize(
    ("parse", "text", "told"),
    [
        (parse_control, "edges.png", "names no kind and picture"),
        (parse_control, ":edges.png", "names no kind and picture"),
        (parse_reference, "mood.png:much", "'much' is no number"),
        (parse_region, "0,0,1,1", "has no words"),
        (parse_region, "0,0,1: a cat", "has 3 numbers"),
        (parse_region, "0,0,1,x: a cat", "'x' is no number"),
        (parse_outpaint, "west=64", "no side with pixels"),
        (parse_outpaint, "left=much", "no side with pixels"),
        (parse_variation, "-8:0.1", "no seed with a share"),
        (parse_variation, "8", "no seed with a share"),
        (parse_toward, "a dog", "names no share"),
    ],
)
def test_what_cannot_be_read_says_how_it_is_written(parse, text, told):
    with pytest.raises(InputError, match=told):
        parse(text)


def test_a_picture_to_go_on_from_and_its_mask_reach_the_picture(draw, cat, left, tmp_path):
    arguments = ("a castle", "--seed", 8, "--from", cat, "--mask", left, "--masking", "hard", "-o", "new.png")
    code, _, err = draw(*arguments)
    assert code == 0, err
    request = read_recipe(tmp_path / "new.png").request
    assert request.picture
    assert request.mask
    assert (request.masking, request.size) == ("hard", (16, 16))
    with Image.open(cat) as before, Image.open(tmp_path / "new.png") as after:
        kept, painted = (8, 0, 16, 16), (0, 0, 8, 16)
        assert before.crop(kept).tobytes() == after.crop(kept).tobytes()
        assert before.crop(painted).tobytes() != after.crop(painted).tobytes()


def test_all_else_that_steers_reaches_the_request(draw, cat, tmp_path):
    code, _, err = draw(
        "a castle", "--seed", 8, "--from", cat, "--strength", 0.5, "--vary", "9:0.2", "--toward",
        "a red cat:0.3", "--region", "0,0,8,16: a red cat ### a car", "--seam", 0.1,
        "--then", "hires(2, strength=0.5)", "-o", "new.png",
    )  # fmt: skip
    assert code == 0, err
    request = read_recipe(tmp_path / "new.png").request
    assert request.strength == 0.5
    assert request.variations == ((9, 0.2),)
    assert request.toward == ("a red cat", 0.3)
    assert request.regions == (((0.0, 0.0, 0.5, 1.0), "a red cat", "a car", 0.1),)
    assert request.passes == ("hires(2, strength=0.5)",)
    with Image.open(tmp_path / "new.png") as picture:
        assert picture.size == (32, 32)


def test_outpainting_makes_the_picture_larger_and_keeps_it(draw, cat, tmp_path):
    code, _, err = draw("a castle", "--from", cat, "--outpaint", "left=8", "--seed", 1, "-o", "wide.png")
    assert code == 0, err
    with Image.open(tmp_path / "wide.png") as wide, Image.open(cat) as before:
        assert wide.size == (24, 16)
        assert wide.crop((12, 0, 24, 16)).tobytes() == before.crop((4, 0, 16, 16)).tobytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--strength", 0.5], "strength is about a picture to go on from"),
        (["--outpaint", "left=8"], "outpaint is about a picture to go on from"),
        (["--outpaint", "up=8"], "no side with pixels"),
        (["--reference-as", "style"], "name that with --reference"),
        (["--reference", "a.png", "--reference", "b.png", "--reference-as", "style", "--reference-as", "both",
          "--reference-as", "both"], "2 references and 3 roles"),
        (["--region", "0,0,0,1: a cat"], "is not inside the picture"),
        (["--region", "0,0,99,16: a cat"], "region 0,0,99,16 is not inside the picture of 16x16 pixels"),
        (["--control", "canny:absent.png"], "absent.png"),
        (["--control", "drawing:cat.png"], "kind of conditioning picture"),
        (["--then", "sharper(2)"], "sharper"),
        (["--vary", "8:2"], "2.0 is not a share"),
        (["--regions-by", "luck", "--region", "0,0,1,1: a cat"], "blend or attention"),
        (["--regions-by", "attention"], "name one with --region"),
        (["--seam", 0.2], "name one with --region"),
        (["--masking", "hard"], "masking says what gray means in a mask"),
        (["--outpaint", "left=8,left=16", "--from", "cat.png"], "says left twice"),
        (["--control-net", "canny.safetensors"], "name that with --control"),
        (["--reference-net", "ip.safetensors"], "name one with --reference"),
        (["--reference", "cat.png", "--image-encoder", "clip"], "is for a --reference-net"),
        (["--judge", "clip"], "ask for some with --best-of"),
        (["--best-of", 0], "0 candidates are none"),
        (["--style", "cubistic"], "no style 'cubistic'"),
    ],
)  # fmt: skip
def test_what_cannot_steer_is_refused_in_one_line(draw, arguments, told):
    code, _, err = draw("a red cat", "--seed", 1, *arguments)
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1


def test_replay_wants_the_pictures_again_and_draws_the_same(draw, sfumato, cat, left, tiny_weights, tmp_path):
    region = f"{left}: a red cat"
    code, _, err = draw("a castle", "--seed", 8, "--from", cat, "--region", region, "-o", "new.png")
    assert code == 0, err
    replay = ("replay", "new.png", "--model", tiny_weights)
    code, _, err = sfumato(*replay)
    assert code == 2
    assert "--from" in err
    code, _, err = sfumato(*replay, "--from", cat)
    assert code == 2
    assert "1 region-mask pictures (a red cat)" in err
    assert "name them with --region-mask" in err
    code, out, err = sfumato(*replay, "--from", cat, "--region-mask", left)
    assert (code, out[:9]) == (0, "identical"), err
    code, _, err = sfumato(*replay, "--from", cat, "--region-mask", cat)
    assert code == 2
    assert "is not the picture that the request speaks of" in err
    code, _, err = sfumato(*replay, "--from", cat, "--mask", left)
    assert code == 2
    assert "was painted under no mask" in err


def test_words_of_regions_and_beyond_wear_what_lies_in_the_folder(draw, sfumato, tiny_lora, tiny_weights):
    worn = ("--lora-folder", tiny_lora.parent)
    code, _, err = draw("a castle", "--region", "0,0,8,16: a cat <lora:ink:0.8>", *worn, "-o", "part.png")
    assert code == 0, err
    code, out, err = sfumato("replay", "part.png", "--model", tiny_weights, "--lora", tiny_lora)
    assert (code, out[:9]) == (0, "identical"), err


def test_regions_and_what_is_gone_toward_leave_words_to_the_seed_too(draw, tmp_path):
    words = ("--region", "0,0,8,16: a {red|blue} cat", "--toward", "a {red|blue} castle:0.5")
    code, _, err = draw("a castle", "--seed", 3, *words, "-o", "new.png")
    assert code == 0, err
    request = read_recipe(tmp_path / "new.png").request
    assert request.regions[0][1] in ("a red cat", "a blue cat")
    assert request.toward[0] in ("a red castle", "a blue castle")
    assert f"seed 3 chose, region: {request.regions[0][1]}" in err


def test_looks_that_a_model_was_not_taught_are_told_whatever_its_file(draw):
    code, _, err = draw("a castle", "--style", "baroque", "-o", "new.png")
    assert code == 0, err
    assert "style baroque: the embedded model may not know its words" in err


def test_a_wish_is_expanded_by_the_words_of_the_model_that_draws(sfumato, tiny_world, tmp_path):
    known = replace(tiny_world, card={**tiny_world.card, "sprites": ["cat", "star"]})
    known.save(tmp_path / "own.safetensors")
    asked = ("draw", "a feline in winter", "--expand", "--seed", 1, "--steps", 1, "-o", "new.png")
    code, _, err = sfumato(*asked, "--model", tmp_path / "own.safetensors")
    assert code == 0, err
    assert "expanded: a cat in the snow" in err


def test_replay_wants_the_networks_that_read_a_control_again(draw, sfumato, cat, tiny_world, tiny_weights):
    taught = newborn(tiny_world.unet, hint_widths=(4, 8))
    save_control(cat.with_name("net.safetensors"), taught, card={}, model=fingerprint(tiny_world.unet))
    control = ("--control", f"as-is(of=edges):{cat}")
    code, _, err = draw(
        "a castle", "--seed", 1, *control, "--control-net", "net.safetensors", "-o", "new.png"
    )
    assert code == 0, err
    replay = ("replay", "new.png", "--model", tiny_weights, "--control", cat)
    code, _, err = sfumato(*replay)
    assert (code, "name them with --control-net" in err) == (2, True)
    code, out, err = sfumato(*replay, "--control-net", "net.safetensors")
    assert (code, out[:9]) == (0, "identical"), err

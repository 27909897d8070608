import io
import re

import pytest
from PIL import Image
from rich.console import Console

from sfumato.cli.progress import followed, half_blocks
from sfumato.cli.walk import parse_framing, parse_size
from sfumato.errors import InputError
from sfumato.provenance.recipe import read_recipe


@pytest.fixture
def draw(sfumato, tiny_weights):
    return lambda *arguments: sfumato("draw", *arguments, "--weights", tiny_weights, "--steps", 2)


def pixels(path):
    with Image.open(path) as image:
        return image.size, image.tobytes()


def test_every_option_reaches_the_picture(draw, tmp_path):
    code, out, err = draw(
        "a red cat", "--negative", "car", "--seed", 7, "--guidance", 2.5, "--sampler", "ddim",
        "--size", "24x8", "-o", "cat.png",
    )  # fmt: skip
    assert (code, out) == (0, "cat.png\n")
    request = read_recipe(tmp_path / "cat.png").request
    assert (request.prompt, request.negative, request.seed, request.steps) == ("a red cat", "car", 7, 2)
    assert (request.guidance, request.sampler, request.size) == (2.5, "ddim", (24, 8))
    assert pixels(tmp_path / "cat.png")[0] == (24, 8)
    assert err == "note: the model learned pictures of 16x16: at 24x8 its composition may suffer\n"


def test_the_first_of_a_series_is_the_picture_of_its_seed_alone(draw, tmp_path):
    assert draw("a castle", "--seed", 7, "-o", "alone.png")[0] == 0
    code, out, _ = draw("a castle", "--seed", 7, "--count", 3, "-o", "cat.png")
    assert (code, out.split()) == (0, ["cat-1.png", "cat-2.png", "cat-3.png"])
    assert pixels(tmp_path / "cat-1.png") == pixels(tmp_path / "alone.png")
    assert pixels(tmp_path / "cat-2.png") != pixels(tmp_path / "alone.png")
    assert read_recipe(tmp_path / "cat-3.png").request.seed == 9


def test_a_random_seed_is_told_and_draws_the_same_again(draw, tmp_path):
    code, out, err = draw("a castle")
    (seed,) = re.findall(r"seed (\d+), chosen at random", err)
    assert (code, out) == (0, f"sfumato-{seed}.png\n")
    draw("a castle", "--seed", seed, "-o", "again.png")
    assert pixels(tmp_path / "again.png") == pixels(tmp_path / f"sfumato-{seed}.png")


def test_a_name_that_nobody_chose_overwrites_nothing(draw, tmp_path):
    (tmp_path / "sfumato-3.png").write_text("precious")
    assert draw("a castle", "--seed", 3)[1] == "sfumato-3-2.png\n"
    assert (tmp_path / "sfumato-3.png").read_text() == "precious"


def test_a_chosen_name_overwrites(draw, tmp_path):
    (tmp_path / "cat.png").write_text("worthless")
    assert draw("a castle", "-o", "cat.png")[0] == 0
    assert read_recipe(tmp_path / "cat.png").request.prompt == "a castle"


def test_a_folder_gets_pictures_named_by_their_seeds(draw, tmp_path):
    (tmp_path / "album").mkdir()
    _, out, _ = draw("a castle", "--seed", 5, "--count", 2, "-o", "album")
    assert out.split() == ["album/sfumato-5.png", "album/sfumato-6.png"]


def test_notes_are_told_once_on_stderr(draw):
    _, out, err = draw("a xylophone", "--negative", "car", "--guidance", 1, "--seed", 1, "--count", 2)
    assert err.count("does not know: xylophone") == 1
    assert err.count("no effect at guidance 1") == 1
    assert "note" not in out


def test_an_unwritable_place_is_refused_before_the_weights_are_even_read(sfumato, tmp_path):
    (tmp_path / "file.txt").touch()
    (tmp_path / "cat-2.png").mkdir()
    for output in ("missing/cat.png", "file.txt/cat.png", "cat.png", "cat.gif"):
        code, _, err = sfumato(
            "draw", "a", "--seed", 1, "--count", 2, "-o", output, "--weights", "none.safetensors"
        )
        assert code == 2
        assert output.partition(".")[0] in err
        assert "none.safetensors" not in err


def test_damaged_weights_are_one_line(sfumato, tiny_weights, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(tiny_weights.read_bytes()[:5000])
    code, _, err = sfumato("draw", "a", "--seed", 1, "--weights", damaged)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "damaged.safetensors" in err


def test_a_framing_is_a_size_and_a_corner():
    assert parse_framing("1024x768+8+64") == (1024, 768, 8, 64)
    assert parse_framing("1024x768") == (1024, 768, 0, 0)
    for wrong in ("1024x768+8", "1024+8+8", "+8+8", "axb+0+0"):
        with pytest.raises(InputError):
            parse_framing(wrong)


def test_a_size_is_width_by_height():
    assert parse_size("160x128") == parse_size(" 160 X 128") == parse_size("160×128") == (160, 128)
    for wrong in ("160", "x128", "160x128x3", "-1x5", "1.5x2"):
        with pytest.raises(InputError, match="128x128"):
            parse_size(wrong)


def test_the_help_says_where_samplers_are_listed(sfumato):
    _, out, _ = sfumato("draw", "--help")
    assert "sfumato samplers" in " ".join(out.split())


def test_a_terminal_sees_the_bar_and_the_picture_coming(tiny_painter):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system="truecolor")
    picture = followed(tiny_painter.watch("a castle", seed=1, steps=3), console, "cat [1].png")
    shown = console.file.getvalue()
    assert picture.request.seed == 1
    assert "cat [1].png" in shown
    assert "2/3" in shown
    assert "▀" in shown


def test_what_is_no_terminal_sees_neither(tiny_painter):
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    followed(tiny_painter.watch("a castle", seed=1, steps=3), console, "cat.png")
    assert console.file.getvalue() == ""


def test_half_blocks_keep_colours_and_shape():
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)])
    text = half_blocks(image, widest=2)
    assert text.plain == "▀▀\n"
    left, right = text.spans
    assert (left.style.color.triplet, left.style.bgcolor.triplet) == ((255, 0, 0), (0, 0, 255))
    assert (right.style.color.triplet, right.style.bgcolor.triplet) == ((0, 255, 0), (9, 9, 9))
    tall = half_blocks(Image.new("RGB", (10, 30)), widest=6).plain.splitlines()
    assert (len(tall), len(tall[0])) == (3, 2)


def test_samplers_and_spacings_are_named_as_elsewhere_and_take_options(sfumato, tiny_weights, tmp_path):
    def pixels(*arguments):
        name = f"{len(list(tmp_path.iterdir()))}.png"
        code, _, err = sfumato(
            "draw", "a", "--seed", 1, "--steps", 3, "--weights", tiny_weights, "-o", name, *arguments
        )
        assert code == 0, err
        with Image.open(tmp_path / name) as image:
            return image.tobytes()

    plain = pixels("--sampler", "dpmpp_2m")
    assert pixels("--sampler", "DPM++ 2M") == plain
    assert pixels("--sampler", "DPM++ 2M Karras") == pixels("--sampler", "dpmpp_2m", "--levels", "karras")
    assert pixels("--sampler", "ddim(eta=1)") != pixels("--sampler", "ddim")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sampler", "DPM++ 2M Karras", "--levels", "beta"), "leave one out"),
        (("--sampler", "ddim(eta=2)"), "eta 2"),
        (("--sampler", "ddim(churn=2)"), "it has eta"),
        (("--levels", "karass"), "did you mean karras"),
        (("--levels", "custom(1, 0.5, 0.6, 0)"), "0.6"),
    ],
)
def test_a_walk_that_cannot_be_walked_is_one_line(sfumato, tiny_weights, arguments, says):
    code, _, err = sfumato("draw", "a", "--seed", 1, "--steps", 3, "--weights", tiny_weights, *arguments)
    assert code == 2
    assert says in err
    assert "defect" not in err

"""Grids: what varies is understood, every combination is drawn, and sheet and CSV say which is which."""

import csv
import itertools

import pytest
from PIL import Image, ImageFont

from sfumato.cli.axes import axis, cells, changes, filled, listed, text_axes
from sfumato.cli.grid import JOINT
from sfumato.cli.sheet import Sheet, laid_out, line_height, wrapped
from sfumato.errors import InputError
from sfumato.provenance.recipe import read_recipe


@pytest.fixture
def grid(sfumato, tiny_weights):
    return lambda *arguments: sfumato("grid", *arguments, "--weights", tiny_weights, "-o", "grid.png")


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


# axes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2,4,8", ["2", "4", "8"]),
        ("2, cfg(4, stop=0.8) ,apg(7)", ["2", "cfg(4, stop=0.8)", "apg(7)"]),
        ('compose(3, ["a, b", 2]),4', ['compose(3, ["a, b", 2])', "4"]),
        ("custom(1, 0.5, 0)", ["custom(1, 0.5, 0)"]),
        ("a),b", ["a)", "b"]),
    ],
)
def test_commas_in_brackets_and_quotes_part_nothing(text, parts):
    assert listed(text) == parts


def test_values_are_read_as_the_options_are():
    values = [choice.value for choice in axis("guidance", "2,cfg(4, stop=0.8)").choices]
    assert values == [2.0, "cfg(4, stop=0.8)"]
    assert [choice.value for choice in axis("seed", "7,1-3").choices] == [7, 1, 2, 3]
    assert [choice.value for choice in axis("size", "16x8").choices] == [(16, 8)]


def test_every_pair_of_braces_is_an_axis():
    colours, places = text_axes("prompt", "a {red|blue} cat {|on a beach}")
    assert [choice.value for choice in colours.choices] == ["red", "blue"]
    assert [choice.label for choice in places.choices] == ["(nothing)", "on a beach"]
    texts = {"prompt": "a {red|blue} cat {|on a beach}", "negative": "fog"}
    found = [changes(cell, texts) for cell in cells([colours, places])]
    assert [each["prompt"] for each in found] == [
        "a red cat ", "a red cat on a beach", "a blue cat ", "a blue cat on a beach",
    ]  # fmt: skip
    assert found[0]["negative"] == "fog"
    assert filled(r"\{a\} {x|y}", ["y"]) == r"\{a\} y"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("guidance", "2,,4", "nothing between two commas"),
        ("steps", "2,many", "'many' is no whole number"),
        ("seed", "9-1", "from the lower to the higher"),
        ("sampler", "euler,euler", "given twice"),
        ("handoff", "much", "is no number"),
        ("prompt", "a {red|{light|dark} blue} cat", "stand in no others"),
        ("prompt", "a {red cat", "are closed"),
        ("prompt", "a {2$$red|blue} cat", "shares and counts mean nothing"),
        ("prompt", "a {3::red|blue} cat", "shares and counts mean nothing"),
        ("prompt", "a {red|red} cat", "says the same twice"),
    ],
)
def test_what_cannot_be_an_axis_is_told(name, text, says):
    with pytest.raises(InputError) as told:
        text_axes(name, text) if name == "prompt" else axis(name, text)
    assert says in str(told.value)


def test_too_many_pictures_are_refused_before_any_is_drawn():
    with pytest.raises(InputError, match="4,000 pictures"):
        next(cells([axis("seed", "1-1000"), axis("steps", "1,2,3,4")]))


# the verb -----------------------------------------------------------------------------------------


def test_all_combinations_are_drawn_and_the_csv_says_which_is_which(grid, tmp_path):
    code, out, _ = grid(
        "--prompt", "a {red|blue} cat", "--guidance", "2,cfg(4, stop=0.8)", "--steps", 2, "--seed", "7,8",
        "--negative", "car", "--pictures", "single",
    )  # fmt: skip
    assert (code, out.split()) == (0, ["grid.png", "grid.csv"])
    found = rows(tmp_path / "grid.csv")
    combinations = [*itertools.product(("red", "blue"), ("2", "cfg(4, stop=0.8)"), "78")]
    assert [(row["prompt 1"], row["guidance"], row["seed"]) for row in found] == combinations
    for row in found:
        request = read_recipe(tmp_path / row["file"]).request
        assert request.prompt == row["prompt"] == f"a {row['prompt 1']} cat"
        assert (str(request.seed), request.steps, request.negative) == (row["seed"], 2, "car")
        assert request.guidance == (2.0 if row["guidance"] == "2" else row["guidance"])
        assert float(row["seconds"]) > 0


def test_a_picture_on_the_sheet_is_the_one_that_is_drawn_alone(grid, sfumato, tiny_weights, tmp_path):
    grid("--prompt", "a castle", "--seed", "7,8", "--steps", 2, "--pictures", "single")
    sfumato("draw", "a castle", "--seed", 8, "--steps", 2, "--weights", tiny_weights, "-o", "alone.png")
    with Image.open(tmp_path / "alone.png") as alone, Image.open(tmp_path / "single/0002.png") as single:
        assert alone.tobytes() == single.tobytes()
        tile = alone.tobytes()
    with Image.open(tmp_path / "grid.png") as sheet:
        boxes = ((x, y, x + 16, y + 16) for x in range(sheet.width - 15) for y in range(sheet.height - 15))
        assert any(sheet.crop(box).tobytes() == tile for box in boxes)


def test_a_cell_that_cannot_be_drawn_takes_no_other_with_it(grid, tmp_path):
    code, _, err = grid("--prompt", "a castle", "--sampler", "euler,dpm_fast", "--steps", "1,2", "--seed", 1)
    assert code == 1
    assert err.count("error: ") == 1
    assert "(1 of 4 pictures)" in err
    found = rows(tmp_path / "grid.csv")
    assert [bool(row["error"]) for row in found] == [False, False, True, False]
    assert "ask for at least 2" in found[2]["error"]


def test_notes_stand_beside_their_picture(grid, tmp_path):
    _, _, err = grid("--prompt", "a castle", "--size", "16x16,24x16", "--steps", 1, "--sampler", "euler")
    assert "note: the model learned pictures of 16x16" in err
    assert "(1 of 2 pictures)" in err
    assert [bool(row["notes"]) for row in rows(tmp_path / "grid.csv")] == [False, True]


def test_looks_are_an_axis(grid, tmp_path):
    looks = "watercolor,pencil-sketch+neon"
    code, _, _ = grid("--prompt", "a castle", "--style", looks, "--steps", 1, "--seed", 1)
    found = rows(tmp_path / "grid.csv")
    assert code == 0
    assert [row["style"] for row in found] == looks.split(",")
    assert "watercolor" in found[0]["prompt"]
    assert "neon" in found[1]["prompt"]


def test_a_look_that_the_model_was_not_taught_is_told_and_what_was_typed_is_kept(grid, tmp_path):
    looks = ("--style", "watercolor,baroque", "--pictures", "single")
    code, _, err = grid("--prompt", "a castle", *looks, "--steps", 1, "--seed", 1)
    assert code == 0, err
    assert "note: style baroque: the embedded model may not know its words" in err
    assert [("baroque" in row["notes"]) for row in rows(tmp_path / "grid.csv")] == [False, True]
    assert read_recipe(tmp_path / "single" / "0001.png").request.sentence == "a castle"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--prompt", "a", "--steps", "0"], "0 steps cannot draw"),
        (["--prompt", "a", "--columns", "steps"], "does not vary here"),
        (["--prompt", "a", "--strength", "0.2,0.4"], "name that with --from"),
        (["--prompt", "a", "--cell", "2"], "cell 2"),
        (["--prompt", "a", "--region", "0,0,0.5,1: a {red|blue} cat"], "only the braces of prompt"),
        (["--prompt", "a", "--mask", "m.png"], "a mask without a picture"),
    ],
)
def test_mistakes_are_told_before_anything_is_drawn(grid, tmp_path, arguments, says):
    code, _, err = grid(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert says in err
    assert not (tmp_path / "grid.csv").exists()


# the sheet ----------------------------------------------------------------------------------------


def sheet(**values):
    red, blue = (Image.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    return Sheet(**{
        "title": "a castle", "columns": [("steps 1",), ("steps 2",)], "headings": [("red",), ("blue",)],
        "rows": [[red, blue], [blue, red]], "cell": 64, **values,
    })  # fmt: skip


def places(page, colour):
    return [(x, y) for y in range(page.height) for x in range(page.width) if page.getpixel((x, y)) == colour]


def test_pictures_stand_in_their_rows_and_columns():
    page = laid_out(sheet())
    red, blue = (255, 0, 0), (0, 0, 255)
    firsts = {colour: places(page, colour)[0] for colour in (red, blue)}
    assert firsts[red][1] == firsts[blue][1]
    assert firsts[red][0] < firsts[blue][0]
    assert len(places(page, red)) == len(places(page, blue)) == 2 * 40 * 30


def test_large_pictures_shrink_to_the_cell_and_small_ones_stay():
    large = Image.new("RGB", (400, 200), "red")
    page = laid_out(sheet(rows=[[large, large], [large, large]], cell=50))
    assert len(places(page, (255, 0, 0))) == 4 * 50 * 25


def test_a_heading_that_goes_on_is_said_once():
    rows = [[Image.new("RGB", (40, 30), "red")] for _ in range(2)]
    once = laid_out(sheet(columns=[("",)], headings=[("cat", "1"), ("cat", "2")], rows=rows))
    twice = laid_out(sheet(columns=[("",)], headings=[("cat", "1"), ("tac", "2")], rows=rows))
    band = (0, once.height - 38, 30, once.height)
    assert once.size == twice.size
    assert once.crop(band).convert("L").getextrema() == (255, 255)
    assert twice.crop(band).convert("L").getextrema()[0] < 128


def test_lines_of_text_never_exceed_their_width_and_lose_no_letter():
    font = ImageFont.load_default(13)
    text = "dpmpp_2m_sde(eta=0.5, solver=heun) and a wordthatnevereverseemstoend"
    lines = wrapped(font, text, 130)
    assert all(font.getlength(line) <= 130 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    cut = wrapped(font, "word " * 100, 60)
    assert cut[-1].endswith("…")
    assert max(map(font.getlength, cut)) <= 60
    assert line_height(font) > 13


def test_the_sheets_font_has_a_sign_for_all_that_we_put_between_words():
    font = ImageFont.load_default(13)
    absent = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(sign)) != absent for sign in f"{JOINT.strip()}…,+")

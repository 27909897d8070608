"""The verb that shows what a control sees."""

import json

import numpy as np
import pytest
from PIL import Image

from sfumato.conditions import CONDITIONS
from sfumato.conditions.making import made

PICTURE = Image.linear_gradient("L").resize((40, 30)).convert("RGB")


@pytest.fixture
def cat(tmp_path):
    PICTURE.save(tmp_path / "cat.png")
    return "cat.png"


def test_a_conditioning_picture_is_written_where_it_is_told(sfumato, cat, tmp_path):
    code, out, _ = sfumato("condition", "hed(width=2)", cat, "-o", "seen.png", "--size", "64x48")
    assert code == 0
    assert out == "seen.png: 64x48, softedge\n"
    expected = made("softedge(width=2)", tmp_path / cat, (64, 48)).image
    assert (np.asarray(Image.open(tmp_path / "seen.png")) == np.asarray(expected)).all()


def test_without_a_name_it_gets_one_that_is_free(sfumato, cat, tmp_path):
    for name in ("cat-blur.png", "cat-blur-2.png"):
        assert sfumato("condition", "tile", cat)[1].startswith(name)
        assert (tmp_path / name).is_file()


def test_lists_may_be_given_as_they_are(sfumato, tmp_path):
    code, _, _ = sfumato("condition", "layout", "[[0, 0, 0.5, 1]]", "--size", "8x4")
    assert code == 0
    assert np.asarray(Image.open(tmp_path / "list-layout.png"))[0, :, 0].tolist() == [255] * 4 + [0] * 4


def test_notes_go_to_stderr(sfumato, cat):
    code, _, error = sfumato("condition", "blur", cat, "--size", "64x64")
    assert code == 0
    assert error.startswith("note: stretched from 40x30 to 64x64")


def test_every_kind_is_listed_with_its_options_and_other_names(sfumato):
    code, out, _ = sfumato("condition", "--list")
    assert code == 0
    lines = out.splitlines()
    for name, each in CONDITIONS.items():
        (place,) = (number for number, line in enumerate(lines) if line.split()[0] == name)
        assert each.says in lines[place]
        assert all(alias in lines[place + 1] for alias in each.aliases)
    assert "options: low=100, high=200" in out


def test_programs_get_the_same_as_json(sfumato):
    code, out, _ = sfumato("condition", "--json")
    told = json.loads(out)
    assert code == 0
    assert told.keys() == CONDITIONS.keys()
    assert told["canny"]["options"] == {"low": "100", "high": "200"}
    assert told["softedge"]["networks"] == ["softedge", "hed", "pidi"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["canny"], "name a kind and a picture"),
        (["nonsense", "cat.png"], "unknown kind"),
        (["canny", "absent.png"], "No such file"),
        (["blur", "cat.png", "--size", "big"], "is no width and height"),
        (["blur", "cat.png", "--size", "0x5"], "can be made"),
        (["blur", "cat.png", "-o", "a.jpg"], "end it in .png"),
        (["blur", "cat.png", "-o", "cat.png"], "is the picture itself"),
        (["blur", "cat.png", "-o", "absent/a.png"], "cannot be written"),
        (["blur", "cat.png", "--list"], "make no picture"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(sfumato, cat, tmp_path, arguments, why):
    code, _, error = sfumato("condition", *arguments)
    assert (code, error.count("\n")) == (2, 1)
    assert why in error
    assert [path.name for path in tmp_path.iterdir()] == [cat]

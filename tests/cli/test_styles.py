"""The verb that lists looks."""

import json

import numpy as np
from PIL import Image

from sfumato.styles.shelf import shelf


def test_every_look_is_listed_and_those_that_the_model_knows_are_marked(sfumato):
    code, out, _ = sfumato("styles")
    assert code == 0
    for name, preset in shelf().items():
        line = next(line for line in out.splitlines() if line[2:].startswith(f"{name} "))
        assert line.startswith("*") == ("world" in preset.works)


def test_a_look_that_is_named_says_all_of_itself_and_what_its_picture_shows(sfumato):
    code, out, _ = sfumato("styles", "Linocut")
    assert code == 0
    assert "sentence: linocut print of {sentence}" in out
    assert "steps: 28" in out
    assert f"the embedded model drew: {shelf()['linocut'].thumbnail}" in out


def test_looks_can_be_searched_and_those_that_the_model_knows_told_to_programs(sfumato):
    told = json.loads(sfumato("styles", "--model-knows", "--json")[1])
    assert set(told) == {name for name, preset in shelf().items() if "world" in preset.works}
    assert all(each["model_knows"] and each["picture"] for each in told.values())
    _, out, _ = sfumato("styles", "--search", "paper")
    assert "woodcut" in out
    assert "solarpunk" not in out


def test_mistakes_are_told_with_the_way_out(sfumato, tmp_path):
    assert "is it neon?" in sfumato("styles", "neonn")[2]
    assert "knows none of linocut" in sfumato("styles", "linocut", "--model-knows", "--sheet", "wall.png")[2]
    assert "no style 'zzz' among" in (told := sfumato("styles", "zzz")[2])
    assert "; `sfumato styles` lists all" in told
    assert "no style speaks of 'zzz'" in sfumato("styles", "--search", "zzz")[2]
    assert "is no folder" in sfumato("styles", "--style-folder", tmp_path / "gone")[2]
    assert "is no folder to write into" in sfumato("styles", "neon", "--draw", tmp_path / "gone")[2]


def test_thumbnails_are_drawn_in_the_order_asked(sfumato, tmp_path, tiny_weights, monkeypatch):
    monkeypatch.setattr("sfumato.families.embedded", lambda: tiny_weights)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ash.toml").write_text(
        'name = "ash"\nabout = "Gray."\nprompt = "{sentence}, ash"\nworks = ["sd1"]\n'
    )
    code, out, said = sfumato("styles", "ash", "neon", "--style-folder", tmp_path / "own", "--draw", tmp_path)
    assert code == 0, said
    assert out.split() == [str(tmp_path / "ash.webp"), str(tmp_path / "neon.webp")]
    with Image.open(tmp_path / "ash.webp") as picture:
        assert picture.size == (64, 64)


def test_the_wall_shows_every_thumbnail(sfumato, tmp_path):
    code, out, said = sfumato("styles", "--sheet", tmp_path / "wall.png")
    assert (code, out.strip()) == (0, str(tmp_path / "wall.png")), said
    with Image.open(tmp_path / "wall.png") as wall:
        assert wall.width == 1200
        assert wall.height == -(-len(shelf()) // 12) * 86
        with Image.open(shelf()["35mm-film"].picture) as first:
            shown = wall.convert("RGB").crop((18, 2, 82, 66))
            far = np.abs(np.asarray(shown, dtype=float) - np.asarray(first.convert("RGB"), dtype=float))
    assert far.mean() < 12
    assert sfumato("styles", "--sheet", tmp_path / "wall.jpg")[0] == 2

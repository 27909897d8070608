"""The verb that carries out a recipe."""

from dataclasses import replace

import pytest
from PIL import Image

from sfumato.train.recipes import CONTROL_S, CONTROLS, RECIPES, WORLD_S


@pytest.fixture
def tiny_recipe(monkeypatch, in_small):
    """world-s with tiny networks and three steps a stage."""
    monkeypatch.setitem(RECIPES, "world-s", in_small(WORLD_S))


@pytest.mark.usefixtures("tiny_recipe")
def test_training_ends_with_weights_that_the_next_verb_draws_with(sfumato, tmp_path):
    code, out, _ = sfumato("train", "world-s", "--out", "run")
    assert code == 0
    assert "run/world-s.safetensors" in out
    assert {path.name for path in (tmp_path / "run").glob("*.jsonl")} == {
        "autoencoder.jsonl", "clip.jsonl", "diffusion.jsonl", "alignment.jsonl",
    }  # fmt: skip
    with Image.open(tmp_path / "run/curves.png") as curves:
        assert curves.width > 400
    weights = "run/world-s.safetensors"
    code, *_ = sfumato("draw", "--weights", weights, "--steps", 1, "-o", "cat.png", "a red cat")
    assert code == 0
    assert (tmp_path / "cat.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("world-x", "--out", "run"), "world-s"),
        (("world-s", "--out", "run", "--device", "abacus"), "abacus"),
        (("world-s",), "--out"),
        (("world-s", "--out", "run", "--weights", "w"), "trained from nothing"),
    ],
)
def test_what_cannot_be_trained_is_one_error_and_leaves_nothing(sfumato, tmp_path, arguments, says):
    code, _, err = sfumato("train", *arguments)
    assert code == 2
    assert says in err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("tiny_recipe")
def test_a_control_is_trained_for_the_model_that_is_named(sfumato, tmp_path, monkeypatch):
    short = replace(CONTROL_S.train, steps=2, batch=2, sample_every=2)
    tiny = replace(CONTROL_S, lessons=4, hint_widths=(4, 4, 4, 4), train=short)
    monkeypatch.setitem(CONTROLS, "controlnet", tiny)
    sfumato("train", "world-s", "--out", "run")
    arguments = ("--weights", "run/world-s.safetensors", "--out", "control")
    code, out, _ = sfumato("train", "controlnet", *arguments)
    assert code == 0
    assert "control/control-s.safetensors" in out
    assert len(list((tmp_path / "control/samples").glob("*.png"))) == 1


@pytest.mark.usefixtures("tiny_recipe")
def test_a_folder_that_is_a_file_is_one_line(sfumato, tmp_path):
    (tmp_path / "run").write_text("mine")
    code, _, err = sfumato("train", "world-s", "--out", "run")
    assert code == 2
    assert "run cannot be written" in err
    assert err.count("\n") == 1
    assert (tmp_path / "run").read_text() == "mine"

"""Looks put to a sentence: in order, without repetition, with every conflict told."""

import pytest

from sfumato.errors import InputError
from sfumato.styles.preset import Settings
from sfumato.styles.styled import styled


@pytest.fixture
def folder(tmp_path):
    """Two looks of one's own that disagree."""
    for name, prompt, negative, settings in (
        ("ash", "ash of {sentence}", "Blur, colour (vivid, bright)", "guidance = 5.0\nsteps = 20"),
        ("bone", "{sentence}, bone", "colour (vivid, bright), blur, noise", "guidance = 7.0\nsteps = 20"),
    ):
        (tmp_path / f"{name}.toml").write_text(
            f'name = "{name}"\nabout = "One."\nprompt = "{prompt}"\nnegative = "{negative}"\n'
            f'works = ["sd1"]\n[settings]\n{settings}\n'
        )
    return tmp_path


def test_looks_are_put_on_in_order_the_first_nearest_to_the_sentence(folder):
    assert styled("a cat", "", ["bone", "ash"], folder).prompt == "ash of a cat, bone"
    assert styled("a cat", "", ["ash", "bone"], folder).prompt == "ash of a cat, bone"
    assert styled("a cat,", "", ["bone", "watercolor"], folder).prompt == "a cat, bone, watercolor"


def test_a_look_that_the_sentence_has_already_is_not_put_on_twice(folder):
    look = styled("a cat, Watercolor", "", ["watercolor", "bone"], folder)
    assert look.prompt == "a cat, Watercolor, bone"
    assert look.notes == ("style watercolor: the sentence says its words already",)


def test_no_look_changes_nothing():
    look = styled(" a [cat:dog:0.4] AND b :0.3", "x", [])
    assert (look.prompt.split(), look.negative, look.settings, look.notes) == (
        ["a", "[cat:dog:0.4]", "AND", "b", ":0.3"],
        "x",
        Settings(),
        (),
    )


def test_what_is_not_wanted_is_said_once_and_brackets_stay_whole(folder):
    look = styled("a cat", "blur, (fog, mist:1.2)", ["ash", "bone"], folder)
    assert look.negative == "blur, (fog, mist:1.2), colour (vivid, bright), noise"


def test_the_first_that_says_a_setting_is_heard_and_the_conflict_is_told(folder):
    look = styled("a cat", "", ["bone", "ash"], folder)
    assert look.settings.given() == {"guidance": 7.0, "steps": 20}
    assert look.notes == ("style ash: its guidance 5.0 gives way to 7.0 of bone",)


def test_each_text_that_and_joins_wears_the_look_before_its_weight(folder):
    look = styled("a cat :1.2 AND a dog: -0.5", "", ["bone"], folder)
    assert look.prompt == "a cat, bone :1.2 AND a dog, bone: -0.5"


def test_a_look_that_the_model_does_not_know_is_told_and_its_settings_are_left(folder):
    look = styled("a cat", "", ["ash", "watercolor"], folder, family="world")
    assert look.prompt == "ash of a cat, watercolor"
    assert look.settings == Settings()
    (note,) = look.notes
    assert note.startswith("style ash: the embedded model may not know its words")
    assert styled("a cat", "", ["watercolor"], family="world").notes == ()
    assert "made for sd1" in styled("a cat", "", ["ash"], folder, family="sdxl").notes[0]


def test_what_it_knows_of_the_same_kind_is_offered():
    (note,) = styled("a cat", "", ["gouache"], family="world").notes
    assert "of this kind it knows" in note
    assert "watercolor" in note


def test_a_look_that_is_named_twice_is_worn_once(folder):
    assert styled("a cat", "", ["bone", "Bone"], folder).prompt == "a cat, bone"


def test_an_unknown_look_is_an_error_with_what_is_near():
    with pytest.raises(InputError, match="is it watercolor"):
        styled("a cat", "", ["watercolour"])

"""Trigger words come from what the trainer counted, and their absence is noticed."""

import json

import pytest

from sfumato.adapters.triggers import MOST, lacking, triggers


def test_the_phrase_that_the_file_names_comes_before_all_counts():
    metadata = {
        "modelspec.trigger_phrase": "inkwash style, sks",
        "ss_tag_frequency": json.dumps({"10_x": {"cat": 5}}),
    }
    assert triggers(metadata) == ("inkwash style", "sks")


def test_tags_on_every_picture_of_a_set_are_triggers():
    frequency = {"10_ink": {"inkwash": 20, "cat": 19, " sks": 20}, "1_more": {"inkwash": 4}}
    folders = {"10_ink": {"n_repeats": 10, "img_count": 20}, "1_more": {"n_repeats": 1, "img_count": 4}}
    metadata = {"ss_tag_frequency": json.dumps(frequency), "ss_dataset_dirs": json.dumps(folders)}
    assert set(triggers(metadata)) == {"inkwash", "sks"}


def test_without_the_number_of_pictures_the_commonest_tags_are_taken():
    metadata = {"ss_tag_frequency": json.dumps({"1_a": {"inkwash": 7, "cat": 3}})}
    assert triggers(metadata) == ("inkwash",)


def test_without_captions_the_name_of_the_folder_is_what_was_trained():
    metadata = {"ss_dataset_dirs": json.dumps({"10_sks dog": {"n_repeats": 10, "img_count": 20}})}
    assert triggers(metadata) == ("sks dog",)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"ss_tag_frequency": "{"},
        {"ss_tag_frequency": "[1]"},
        {"ss_tag_frequency": '{"a": 3}', "ss_dataset_dirs": "null"},
        {"ss_tag_frequency": "[" * 100_000},
    ],
)
def test_metadata_that_tell_nothing_give_no_triggers(metadata):
    assert [word for word in triggers(metadata) if word != "a"] == []


def test_of_many_tags_a_few_are_named():
    many = {f"tag {number}": 9 for number in range(100)}
    assert len(triggers({"ss_tag_frequency": json.dumps({"1_a": many})})) == MOST


def test_a_prompt_lacks_what_it_does_not_hold_as_words():
    words = ("sks", "ink_wash style", "1girl")
    assert lacking("a photo of (SKS:1.2), Ink wash   style", words) == ("1girl",)
    assert lacking("asks for ink wash styles", words) == words
    assert lacking("anything", ()) == ()

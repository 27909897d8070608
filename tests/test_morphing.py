"""Sequences of requests: even steps, ends that are the keys themselves, and ways back that are ways there."""

import pytest

from sfumato.errors import InputError
from sfumato.morphing import morphed
from sfumato.request import Request

CAT, DOG, OWL = (Request(prompt=f"a {name}", seed=7) for name in ("cat", "dog", "owl"))
SEEDS = [Request(prompt="a cat", seed=seed) for seed in (7, 9)]


def shares(requests):
    return [None if each.toward is None else (each.prompt, *each.toward) for each in requests]


def test_words_go_in_even_steps_from_key_to_key():
    frames = morphed([CAT, DOG], 5)
    assert frames[0] == CAT
    assert frames[-1] == DOG
    assert shares(frames)[1:-1] == [
        ("a cat", "a dog", 0.25),
        ("a cat", "a dog", 0.5),
        ("a cat", "a dog", 0.75),
    ]
    assert all(not each.variations for each in frames)


def test_noise_goes_from_seed_to_seed():
    frames = morphed(SEEDS, 3)
    assert [(each.seed, each.variations, each.toward) for each in frames] == [
        (7, (), None), (7, ((9, 0.5),), None), (9, (), None),
    ]  # fmt: skip


def test_words_and_noise_go_together():
    (frame,) = morphed([CAT, Request(prompt="a dog", seed=9)], 3)[1:2]
    assert (frame.toward, frame.variations) == (("a dog", 0.5), ((9, 0.5),))


def test_several_keys_share_the_frames():
    frames = morphed([CAT, DOG, OWL], 5)
    assert shares(frames) == [None, ("a cat", "a dog", 0.5), None, ("a dog", "a owl", 0.5), None]
    assert (frames[2], frames[4]) == (DOG, OWL)


def test_a_loop_comes_back_without_a_jump_and_its_way_back_is_its_way_there():
    frames = morphed([CAT, DOG], 12, loop=True)
    assert frames[0] == CAT
    assert frames[6] == DOG
    assert frames[7:] == frames[5:0:-1]
    assert len(set(frames)) == 7
    three = morphed([CAT, DOG, OWL], 6, loop=True)
    assert shares(three) == [
        None, ("a cat", "a dog", 0.5), None, ("a dog", "a owl", 0.5), None, ("a owl", "a cat", 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "frames", "says"),
    [
        ([CAT], 5, "a second prompt"),
        ([CAT, DOG], 1, "2 to 2000"),
        ([CAT, Request(prompt="a dog", seed=7, steps=3)], 5, "share every option"),
        ([CAT, Request(prompt="a dog", seed=7, variations=((1, 0.5),))], 5, "share every option"),
        ([Request(prompt=name, seed=7, toward=("a dog", 0.5)) for name in "ab"], 5, "leave them out"),
    ],
)
def test_what_makes_no_sequence_is_told(keys, frames, says):
    with pytest.raises(InputError, match=says):
        morphed(keys, frames)

"""Between seeds and between sentences: the ends are themselves, and the way between is smooth."""

import math

import pytest
import torch
from going_on import drawn

from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Conditioning, Later
from sfumato.engine.toward import between
from sfumato.engine.variations import on_the_sphere, varied

LATENT = torch.zeros(1, 4, 16, 16)
HERE, THERE = SeededNoise(1)(LATENT), SeededNoise(2)(LATENT)


def test_noise_keeps_its_strength_on_the_way_and_ends_where_it_goes():
    assert on_the_sphere(HERE, THERE, 0) is HERE
    assert on_the_sphere(HERE, THERE, 1) is THERE
    for share in (0.1, 0.5, 0.9):
        assert float(on_the_sphere(HERE, THERE, share).std()) == pytest.approx(1, abs=0.03)
    assert float(torch.lerp(HERE, THERE, 0.5).std()) < 0.75  # which a straight way would not


def test_noise_goes_evenly_along_the_arc():
    angles = []
    for share in (0.25, 0.5, 0.75):
        there = on_the_sphere(HERE, THERE, share)
        angles.append(math.acos(float((HERE * there).sum() / (HERE.norm() * there.norm()))))
    assert angles[1] / angles[0] == pytest.approx(2, abs=1e-3)
    assert angles[2] / angles[0] == pytest.approx(3, abs=1e-3)


def test_noise_does_not_move_towards_itself():
    assert torch.equal(on_the_sphere(HERE, HERE.clone(), 0.4), HERE)


def test_several_seeds_take_their_turns():
    both = varied(HERE, ((2, 0.3), (3, 0.2)))
    assert torch.equal(both, varied(varied(HERE, ((2, 0.3),)), ((3, 0.2),)))


def test_a_variation_of_share_1_is_the_other_seeds_picture_and_a_small_one_is_near(tiny_world):
    own, other = drawn(tiny_world).picture, drawn(tiny_world, seed=9).picture
    assert torch.equal(drawn(tiny_world, variations=((9, 1.0),)).picture, other)
    assert torch.equal(drawn(tiny_world, variations=((9, 0.0),)).picture, own)
    away = [
        (drawn(tiny_world, variations=((9, share),)).picture - own).abs().mean() for share in (0.05, 0.2, 0.6)
    ]
    assert away == sorted(away)
    assert away[0] < 0.3 * away[-1]


def test_toward_a_sentence_ends_at_its_picture(tiny_world):
    own, other = drawn(tiny_world).picture, drawn(tiny_world, prompt="two yellow fish").picture
    assert torch.equal(drawn(tiny_world, toward=("two yellow fish", 1.0)).picture, other)
    assert torch.equal(drawn(tiny_world, toward=("two yellow fish", 0.0)).picture, own)
    middle = drawn(tiny_world, toward=("two yellow fish", 0.5)).picture
    assert not torch.equal(middle, own)
    assert not torch.equal(middle, other)


def test_toward_leaves_the_negative_prompt_alone(tiny_world):
    """One that says what the prompt says is read in its own role."""
    wishes = {"prompt": "a castle", "negative": "a castle", "guidance": 3.0}
    leaning = drawn(tiny_world, toward=("two yellow fish", 1.0), **wishes).picture
    assert torch.equal(leaning, drawn(tiny_world, **{**wishes, "prompt": "two yellow fish"}).picture)


def test_what_is_told_between_two_sentences_is_as_long_as_the_longer_one():
    def told(length, value, mask):
        return Conditioning(
            torch.full((1, length, 2), value),
            mask=torch.tensor([mask]),
            vector=torch.full((1, 3), value),
            later=Later(1.0, Conditioning(torch.full((1, length, 2), -value))),
        )

    here, there = told(2, 1.0, [True, False]), told(3, 3.0, [True, True, False])
    got = between(here, there, 0.25)
    assert got.context.shape == (1, 3, 2)
    assert got.context.unique().tolist() == [1.5]
    assert got.mask.tolist() == [[True, True, False]]
    assert got.vector.unique().tolist() == [1.5]
    assert got.later.conditioning.context.unique().tolist() == [-1.5]
    assert between(here, there, 0) is here
    assert between(here, there, 1) is there


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"variations": ((9, 0.0),)}, "the variation towards seed 9 has no effect: its share is 0"),
        ({"variations": ((3, 0.5),)}, "the variation towards seed 3 has no effect: it is the picture's own"),
        ({"toward": ("two yellow fish", 0.0)}, "toward 'two yellow fish' has no effect: its share is 0"),
    ],
)
def test_what_goes_no_way_is_told(tiny_world, wishes, told):
    got = drawn(tiny_world, **wishes)
    assert told in got.notes
    assert torch.equal(got.picture, drawn(tiny_world).picture)
    assert not any("has no effect" in note for note in drawn(tiny_world, variations=((9, 0.1),)).notes)

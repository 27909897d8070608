"""Scenes as data."""

import dataclasses

import pytest

from sfumato.world.scenes import INVERSE, RELATIONS, Place, Scene, Thing


def test_the_centre_of_a_group_is_the_mean_of_its_places():
    fish = Thing(sprite="fish", places=(Place(0.2, 0.5, 0.3), Place(0.6, 0.7, 0.3)))
    assert fish.count == 2
    assert fish.centre == pytest.approx((0.4, 0.6))


def test_inverting_a_relation_twice_gives_it_back():
    assert {relation: INVERSE[other] for relation, other in INVERSE.items()} == {
        name: name for name in INVERSE
    }
    assert set(RELATIONS) - set(INVERSE) == {"on top of"}


def test_equal_scenes_are_one_key_and_cannot_be_changed():
    one, other = (
        Scene(things=(Thing(sprite="cat", places=(Place(0.5, 0.5, 0.5),)),), background="snow", style="neon")
        for _ in range(2)
    )
    assert len({one, other}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.style = "sticker"  # type: ignore[misc]

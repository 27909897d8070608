"""Scenes from seeds: repeatable, never held out, and arranged as their relation says."""

import random
from dataclasses import replace
from itertools import combinations, product

import pytest

from sfumato.world.colours import COLOURS
from sfumato.world.compose import SIZES, Variety, arrange, arrange_pair, compose, unplaced
from sfumato.world.scenes import RELATIONS, Place, Relation, Scene, Thing
from sfumato.world.split import held_out, held_out_words
from sfumato.world.sprites import CORE

SEEDS = range(400)


def places(scene: Scene) -> list[Place]:
    return [place for thing in scene.things for place in thing.places]


def test_a_seed_gives_the_same_scene_every_time_and_others_give_others(variety: Variety):
    scenes = [compose(seed, variety) for seed in SEEDS]
    assert [compose(seed, variety) for seed in SEEDS] == scenes
    assert len(set(scenes)) > 0.99 * len(scenes)


def test_training_never_meets_a_held_out_combination(variety: Variety):
    assert not any(held_out(compose(seed, variety)) for seed in SEEDS)
    assert any(held_out(compose(seed, variety, allow_held_out=True)) for seed in SEEDS)


def test_a_variety_that_is_all_held_out_is_an_error_and_not_an_endless_search(variety: Variety):
    sprite, colour = next(words for words in product(CORE, COLOURS) if held_out_words(*words))
    narrow = replace(variety, sprites=(sprite,), colours=(colour,), coloured=1.0, layouts={"single": 1.0})
    with pytest.raises(ValueError, match="widen the variety"):
        compose(0, narrow)


def test_only_what_the_variety_offers_is_drawn(variety: Variety):
    narrow = replace(
        variety,
        sprites=("cat", "dog", "car", "tree"),
        backgrounds={"snow": 1.0, "white": 0.0},
        styles={"sticker": 1.0, "neon": 0.0},
        layouts={"single": 1.0, "pair": 1.0, "list": 0.0},
        coloured=0.0,
    )
    scenes = [compose(seed, narrow) for seed in range(100)]
    assert {(scene.background, scene.style) for scene in scenes} == {("snow", "sticker")}
    assert {len(scene.things) for scene in scenes} == {1, 2}
    assert {thing.colour for scene in scenes for thing in scene.things} == {None}
    assert {thing.sprite for scene in scenes for thing in scene.things} == set(narrow.sprites)


def test_every_layout_count_size_and_relation_occurs(variety: Variety):
    scenes = [compose(seed, variety) for seed in SEEDS]
    assert {thing.count for scene in scenes for thing in scene.things} == {1, 2, 3, 4}
    assert {scene.relation for scene in scenes} == {None, *RELATIONS}
    assert {scene.things[0].size for scene in scenes if len(places(scene)) == 1} == set(SIZES)
    assert {len(scene.things) for scene in scenes if scene.relation is None} == {1, 3, 4}


@pytest.mark.parametrize(
    ("grid", "jitter", "turn"), [(1 / 16, 0, 0), (1 / 16, 0.2, 5), (1 / 32, 0.1, 0), (0, 0.2, 9)]
)
def test_every_sprite_lies_on_the_canvas_and_its_corner_on_the_raster(
    variety: Variety, grid: float, jitter: float, turn: float
):
    for seed in SEEDS:
        for place in places(compose(seed, replace(variety, grid=grid, jitter=jitter, turn=turn))):
            for centre in (place.x, place.y):
                assert centre - place.extent / 2 >= -1e-9
                assert centre + place.extent / 2 <= 1 + 1e-9
                if grid:
                    raster = (centre - place.extent / 2) / grid
                    assert raster == pytest.approx(round(raster), abs=1e-6)
            assert abs(place.turn) <= turn


def test_no_sprite_hides_another(variety: Variety):
    for seed in SEEDS:
        for one, other in combinations(places(compose(seed, variety)), 2):
            apart = max(abs(one.x - other.x), abs(one.y - other.y))
            assert apart >= 0.74 * (one.extent + other.extent) / 2


def test_a_size_word_is_said_of_that_size(variety: Variety):
    for size, extent in SIZES.items():
        thing = Thing(sprite="cat", places=(Place(0.5, 0.5, 0.5),), size=size)
        (placed,) = arrange("single", [thing], random.Random(0), variety)
        assert (placed.size, placed.places[0].extent) == (size, extent)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("counts", list(product((1, 2, 3), repeat=2)))
def test_the_relation_holds_between_all_of_one_and_all_of_the_other(
    relation: Relation, counts: tuple[int, int], variety: Variety
):
    sides: set[bool] = set()
    for seed in range(12):
        asked = (unplaced("cat", "red", counts[0]), unplaced("car", None, counts[1]))
        cat, car = arrange_pair(asked, relation, random.Random(seed), variety)
        assert (cat.sprite, cat.colour, cat.count) == ("cat", "red", counts[0])
        assert (car.sprite, car.colour, car.count) == ("car", None, counts[1])
        for one, other in product(cat.places, car.places):
            reach = (one.extent + other.extent) / 2
            dx, dy = other.x - one.x, other.y - one.y
            if relation in ("left of", "right of", "next to"):
                assert abs(dx) >= reach - 1e-9
                assert relation == "next to" or (dx > 0) == (relation == "left of")
                sides.add(dx > 0)
            elif relation == "on top of":
                slack = 0.13 if 3 in counts else 0.0  # a row of three small things floats a little
                assert 0.2 < dy <= reach + slack, "above, and touching"
            else:
                assert abs(dy) >= reach - 1e-9
                assert (dy > 0) == (relation == "above")
    assert relation != "next to" or sides == {True, False}


def test_composed_pairs_stand_as_they_say(variety: Variety):
    for seed in SEEDS:
        scene = compose(seed, variety)
        if scene.relation in ("left of", "right of"):
            (one, _), (other, _) = (thing.centre for thing in scene.things)
            assert (one < other) == (scene.relation == "left of")
        elif scene.relation in ("above", "on top of", "below"):
            (_, one), (_, other) = (thing.centre for thing in scene.things)
            assert (one < other) == (scene.relation != "below")


def test_the_seeds_of_shipped_models_still_give_their_scenes(variety: Variety):
    """A run resumes, and a model card is checked, only while a seed means the same scene."""
    narrow = replace(variety, sprites=("cat", "dog", "car", "tree"), layouts={"pair": 1.0})
    scene = compose(11, narrow)
    tree = Thing(sprite="tree", places=(Place(0.46875, 0.71875, 0.4375),))
    car = Thing(sprite="car", places=(Place(0.46875, 0.21875, 0.4375),), colour="black")
    assert scene == Scene(
        things=(tree, car), background="yellow and light blue", style="cinematic", relation="below"
    )

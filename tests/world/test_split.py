"""The held-out split: a tenth of each kind of combination, the same on every machine, told by the picture."""

from itertools import permutations, product

import pytest

from sfumato.world.colours import COLOURS
from sfumato.world.scenes import Place, Relation, Scene, Thing
from sfumato.world.split import SHARE, combinations, held_out, held_out_words
from sfumato.world.sprites import CORE
from sfumato.world.styles import STYLES

LEFT, RIGHT, TOP, BOTTOM = (
    Place(0.2, 0.5, 0.4),
    Place(0.8, 0.5, 0.4),
    Place(0.5, 0.2, 0.4),
    Place(0.5, 0.8, 0.4),
)
KINDS = {
    "thing and colour": list(product(CORE, COLOURS)),
    "thing and style": list(product(CORE, set(STYLES) - {"sticker"})),
    "side by side": [(one, "left of", other) for one, other in permutations(CORE, 2)],
    "one above the other": [(one, "above", other) for one, other in permutations(CORE, 2)],
}


def pair(first: Place, second: Place, relation: Relation) -> Scene:
    cat, car = (
        Thing(sprite="cat", places=(first,), colour="red"),
        Thing(sprite="car", places=(second,)),
    )
    return Scene(things=(cat, car), background="white", style="sticker", relation=relation)


@pytest.mark.parametrize("kind", KINDS)
def test_about_a_tenth_of_every_kind_is_held_out(kind: str):
    words = KINDS[kind]
    share = sum(held_out_words(*some) for some in words) / len(words)
    assert share == pytest.approx(SHARE, abs=0.03)


def test_every_thing_keeps_colours_and_styles_that_are_taught():
    for sprite in CORE:
        assert not all(held_out_words(sprite, colour) for colour in COLOURS)
        assert not all(held_out_words(sprite, style) for style in STYLES)


def test_the_split_is_the_same_on_every_machine():
    held = {words for words in KINDS["thing and colour"] if words[0] in CORE[:6] and held_out_words(*words)}
    assert held == {
        ("dog", "blue"),
        ("rabbit", "green"),
        ("rabbit", "red"),
        ("cow", "gray"),
        ("cow", "red"),
        ("pig", "red"),
        ("pig", "pink"),
        ("elephant", "red"),
    }


@pytest.mark.parametrize(
    ("scenes", "triple"),
    [
        (
            (pair(LEFT, RIGHT, "left of"), pair(LEFT, RIGHT, "next to")),
            ("cat", "left of", "car"),
        ),
        (
            (pair(RIGHT, LEFT, "right of"), pair(RIGHT, LEFT, "next to")),
            ("car", "left of", "cat"),
        ),
        ((pair(TOP, BOTTOM, "above"), pair(TOP, BOTTOM, "on top of")), ("cat", "above", "car")),
        ((pair(BOTTOM, TOP, "below"),), ("car", "above", "cat")),
    ],
)
def test_all_sentences_of_one_picture_are_one_triple(scenes: tuple[Scene, ...], triple: tuple[str, ...]):
    for scene in scenes:
        assert combinations(scene) == [("cat", "red"), triple]


def test_the_style_counts_with_every_thing_unless_it_is_the_plain_one():
    things = pair(LEFT, RIGHT, "left of").things
    styled = Scene(things=things, background="white", style="neon", relation="left of")
    assert {("cat", "neon"), ("car", "neon")} <= set(combinations(styled))
    assert not any("sticker" in words for words in combinations(pair(LEFT, RIGHT, "left of")))


def test_a_scene_is_held_out_as_soon_as_one_of_its_combinations_is():
    for sprite, colour in KINDS["thing and colour"]:
        thing = Thing(sprite=sprite, places=(LEFT,), colour=colour)
        scene = Scene(things=(thing,), background="white", style="sticker")
        assert held_out(scene) == held_out_words(sprite, colour)


def test_a_list_of_things_shows_every_relation_of_its_places():
    names = ("cat", "dog", "car")
    places = (Place(0.5, 0.26, 0.4), Place(0.26, 0.74, 0.4), Place(0.74, 0.74, 0.4))
    things = tuple(Thing(sprite=name, places=(place,)) for name, place in zip(names, places, strict=True))
    scene = Scene(things=things, background="white", style="sticker")
    assert set(combinations(scene)) == {
        ("dog", "left of", "car"),
        ("dog", "left of", "cat"),
        ("cat", "left of", "car"),
        ("cat", "above", "dog"),
        ("cat", "above", "car"),
    }

"""What captions say is read back as it was meant; what they never say is not understood."""

import random

import pytest

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.benchmark import sentences
from sfumato.world.captions import caption, describe
from sfumato.world.colours import COLOURS
from sfumato.world.compose import Variety, compose
from sfumato.world.reading import read
from sfumato.world.scenes import Scene
from sfumato.world.sprites import SPRITES
from sfumato.world.styles import STYLES

NAMES = tuple(sprite.name for sprite in SPRITES)
EVERYTHING = Variety(
    sprites=NAMES,
    colours=tuple(COLOURS),
    backgrounds=dict.fromkeys(BACKGROUNDS, 1.0),
    styles=dict.fromkeys(STYLES, 1.0),
    layouts={"single": 1.0, "counted": 1.0, "pair": 2.0, "group pair": 1.0, "list": 1.0},
    coloured=0.5,
    grid=1 / 16,
    jitter=0.1,
    turn=10.0,
)


def meant(scene: Scene):
    """What of a scene a verdict looks at, whichever of its things is said first."""
    return {(each.sprite, each.colour, each.count) for each in scene.things}, scene.style


def one_kind_each(scene: Scene) -> bool:
    return len({each.sprite for each in scene.things}) == len(scene.things)


@pytest.mark.parametrize("say", [caption, describe])
def test_every_sentence_of_the_world_is_read_as_it_was_meant(say):
    read_wrongly = []
    scenes = [scene for scene in (compose(seed, EVERYTHING) for seed in range(800)) if one_kind_each(scene)]
    assert len(scenes) > 500
    for seed, scene in enumerate(scenes):
        found = read(sentence := say(scene, seed))
        if found is None or meant(found) != meant(scene):
            read_wrongly.append((sentence, found))
    assert read_wrongly == []


def test_relations_are_read_either_way_round():
    for seed, scene in enumerate(compose(seed, EVERYTHING) for seed in range(600)):
        if scene.relation is None or not one_kind_each(scene) or " and " in (said := describe(scene, seed)):
            continue
        found = read(said)
        first, second = scene.things
        if found.things[0].sprite == first.sprite:
            assert found.relation == scene.relation or scene.relation == "on top of", said
        else:
            assert (found.things[0].sprite, found.things[1].sprite) == (second.sprite, first.sprite)
            assert found.relation != scene.relation or scene.relation == "next to", said


def test_the_benchmark_s_questions_are_read_as_its_scenes():
    questions = sentences(["cat", "dog", "car", "rocket", "penguin", "apple", "fish", "hat"], 40, seed=3)
    for question in questions:
        found = read(question.sentence)
        assert found is not None, question.sentence
        assert meant(found) == meant(question.scene), question.sentence
        if found.things[0].sprite == question.scene.things[0].sprite:
            assert found.relation == question.scene.relation, question.sentence


CAT, DOG, CAR = ("cat", None, 1), ("dog", None, 1), ("car", None, 1)


@pytest.mark.parametrize(
    ("sentence", "things", "relation", "style", "background"),
    [
        ("A red cat left of a blue car.", [("cat", "red", 1), ("car", "blue", 1)], "left of", "sticker", ""),
        ("two  fish", [("fish", None, 2)], None, "sticker", ""),
        ("an oil painting of the sun on a beach", [("sun", None, 1)], None, "oil painting", "beach"),
        ("a dog on a car", [DOG, CAR], "on top of", "sticker", ""),
        ("a dog on the right and a kitten on the left", [DOG, CAT], "right of", "sticker", ""),
        ("there are 3 tiny grey cats at night", [("cat", "gray", 3)], None, "sticker", "night sky"),
        ("a cat, a dog and a car, snow, neon", [CAT, DOG, CAR], None, "neon", "snow"),
    ],
)
def test_sentences_and_their_scenes(sentence, things, relation, style, background):
    found = read(sentence)
    assert [(each.sprite, each.colour, each.count) for each in found.things] == things
    assert (found.relation, found.style) == (relation, style)
    assert found.background == (background or "light blue")


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "a harbour",
        "a happy cat",
        "a cat with a hat",
        "five cats",
        "cats",
        "two cat",
        "a red cat and a blue cat",
        "a (red:1.3) cat",
        "a cat and",
        "a cat on",
        "watercolor",
        "a watercolor of",
        "a " + "red " * 200 + "cat",
        "red",
        "a cat to the left of a dog to the left of a car",
    ],
)
def test_what_the_grammar_has_no_place_for_is_not_understood(sentence):
    assert read(sentence) is None


def test_reading_takes_no_long_on_long_lists():
    rng = random.Random(0)
    for _ in range(200):
        read(" and ".join(rng.choices([*NAMES, "on", "a", "beside", "left of"], k=40))[:300])

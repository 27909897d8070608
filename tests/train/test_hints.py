"""Conditioning pictures that a ControlNet is taught: do they agree with their scenes, and with users'?"""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.conditions.canny import outlined
from sfumato.conditions.layout import LAYOUT_COLOURS, layout_of
from sfumato.train.data import as_bytes
from sfumato.train.hints import Lessons, from_bits, layouts, outlines, tabled
from sfumato.train.recipes import WORLD_S
from sfumato.world.backgrounds import background
from sfumato.world.placement import bounds, box, mentioned, scattered
from sfumato.world.renderer import Renderer

SIZE = 128


@pytest.fixture(scope="module")
def lessons():
    make = Lessons(WORLD_S.variety)
    return [make(seed) for seed in range(60)]


@pytest.fixture(scope="module")
def renderer():
    return Renderer(WORLD_S.variety.sprites, SIZE)


def test_a_layout_is_the_picture_that_a_user_gets_for_the_same_boxes(lessons):
    drawn = layouts(tabled(lessons, SIZE), SIZE)
    numbers = {name: number for number, name in enumerate(LAYOUT_COLOURS)}
    alike = 0
    for lesson, picture in zip(lessons, drawn, strict=True):
        colours = [colour for _, colour in lesson.boxes]
        if colours == list(range(len(numbers)))[: len(colours)]:
            sides = [
                (left, top, right - left, bottom - top) for (left, top, right, bottom), _ in lesson.boxes
            ]
            assert np.array_equal(
                layout_of(sides, (SIZE, SIZE)), (picture * 255).byte().permute(1, 2, 0).numpy()
            )
            alike += 1
    assert alike > 20


def test_outlines_are_those_that_a_users_picture_gets(lessons, renderer):
    pictures = as_bytes(renderer([each.scene for each in lessons[:4]]))
    taught = from_bits(outlines(pictures), SIZE)
    for picture, lines in zip(pictures, taught, strict=True):
        image = Image.fromarray(picture.permute(1, 2, 0).numpy())
        assert np.array_equal(np.asarray(outlined(image))[..., 0] > 0, lines[0].numpy() > 0)


def test_what_a_scene_shows_lies_in_the_boxes_of_its_lesson(lessons, renderer):
    whole = [each for each in lessons if len(each.boxes) == sum(thing.count for thing in each.scene.things)]
    scenes = [replace(each.scene, style="sticker", background="dark blue") for each in whole]
    inside = layouts(tabled(whole, SIZE), SIZE).amax(1) > 0
    ink = (renderer(scenes) - background(["dark blue"], SIZE, SIZE)).abs().amax(1) > 0.35
    assert float((ink & ~inside).sum()) < 0.005 * float(ink.sum())
    assert float(ink.sum()) > 0.3 * float(inside.sum())


def test_colours_follow_the_sentence_and_not_the_scene(lessons):
    swapped = 0
    for lesson in lessons:
        ranks = mentioned(lesson.scene, lesson.sentence)
        swapped += ranks != sorted(ranks)
        assert sorted(ranks) == list(range(len(lesson.scene.things)))
        colours = [colour for _, colour in lesson.boxes]
        assert colours == sorted(colours)
    assert swapped


def test_one_name_inside_another_is_not_taken_for_it(lessons):
    scene = next(each.scene for each in lessons if len(each.scene.things) == 2)
    one, other = scene.things

    scene = replace(
        scene, things=(replace(one, sprite="dog"), replace(other, sprite="hot dog")), relation=None
    )
    assert mentioned(scene, "a hot dog and a dog") == [1, 0]
    with pytest.raises(ValueError, match="does not mention"):
        mentioned(scene, "a hot dog")


def test_scattered_things_keep_their_relation_their_raster_and_out_of_each_others_way():
    rng = random.Random(3)
    make = Lessons(WORLD_S.variety)
    extents: Counter[float] = Counter()
    for seed in range(60):
        scene = scattered(make(seed).scene, rng, 1 / 16)
        places = [place for thing in scene.things for place in thing.places]
        for place in places:
            extents[place.extent] += 1
            left, top, right, bottom = box(place)
            assert min(left, top) >= -1e-9
            assert max(right, bottom) <= 1 + 1e-9
            assert (left * 16) % 1 == pytest.approx(0, abs=1e-6)
        if scene.relation in ("left of", "above"):
            one, other = (thing.centre for thing in scene.things)
            assert one[scene.relation == "above"] < other[scene.relation == "above"]
    assert len(extents) > 6


def test_a_box_is_of_the_visible_part():
    tall = bounds(["guitar", "fish"])
    assert all(0 <= side <= 1 for sides in tall.values() for side in sides)
    left, top, right, bottom = tall["fish"]
    assert right - left > 0.9
    assert bottom - top < 0.9


def test_packed_lines_come_back_whole():
    pictures = torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8)
    pictures[1, :, 40:80, 40:80] = 255
    back = from_bits(outlines(pictures), SIZE)
    assert back[0].sum() == 0
    rows = back[1, 0].nonzero()
    assert 36 <= rows.min() <= 42
    assert 78 <= rows.max() <= 83

"""Is obedience measured: boxes met and missed, lines met and missed?"""

import random

import pytest
import torch

from sfumato.world.obedience import line_agreement, overlap, placed, tallied
from sfumato.world.placement import bounds, scattered
from sfumato.world.recognition import Recognizer
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing

NAMES = ("cat", "apple", "car", "owl")


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer(NAMES)


def scene(*things):
    return Scene(things=things, background="light blue", style="sticker")


def test_a_rendered_scene_obeys_its_own_boxes_and_not_those_of_another(recognizer):
    visible = bounds(NAMES)
    left = scene(Thing(sprite="apple", places=(Place(0.25, 0.5, 0.375),)))
    right = scene(Thing(sprite="apple", places=(Place(0.75, 0.5, 0.375),)))
    (sighting,) = recognizer(Renderer(NAMES, 128)([left]))
    (own,) = placed(sighting, left, visible)
    (other,) = placed(sighting, right, visible)
    assert own.found
    assert own.inside
    assert own.overlap > 0.8
    assert other.found
    assert not other.inside
    assert other.overlap == 0


def test_what_is_not_there_is_not_found(recognizer):
    cat = scene(Thing(sprite="cat", places=(Place(0.5, 0.5, 0.5),)))
    owls = scene(Thing(sprite="owl", places=(Place(0.5, 0.5, 0.5), Place(0.2, 0.2, 0.25))))
    (sighting,) = recognizer(Renderer(NAMES, 128)([cat]))
    assert [each.found for each in placed(sighting, owls, bounds(NAMES))] == [False, False]


def test_each_found_thing_answers_for_one_box_only(recognizer):
    one = scene(Thing(sprite="car", places=(Place(0.25, 0.5, 0.375),)))
    two = scene(Thing(sprite="car", places=(Place(0.75, 0.5, 0.375), Place(0.25, 0.5, 0.375))))
    (sighting,) = recognizer(Renderer(NAMES, 128)([one]))
    assert [each.found for each in placed(sighting, two, bounds(NAMES))] == [False, True]


def test_scattered_scenes_are_seen_where_they_were_put(recognizer):
    rng = random.Random(1)
    lone = [scene(Thing(sprite=name, places=(Place(0.5, 0.5, 0.5),))) for name in NAMES * 2]
    scenes = [scattered(each, rng, 1 / 16, allow_held_out=True) for each in lone]
    verdicts = [
        verdict
        for sighting, each in zip(recognizer(Renderer(NAMES, 128)(scenes)), scenes, strict=True)
        for verdict in placed(sighting, each, bounds(NAMES))
    ]
    assert tallied(verdicts, [1.0]).overlap > 0.7


def test_overlap_is_shared_area_over_covered_area():
    assert overlap((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert overlap((0, 0, 1, 1), (0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 0.4, 0.4), (0.5, 0.5, 1, 1)) == 0


def test_lines_agree_within_two_pixels_and_not_beyond():
    lines = torch.zeros(32, 32)
    lines[10] = 1
    assert line_agreement(lines, lines) == 1
    assert line_agreement(lines, lines.roll(2, 0)) == 1
    assert line_agreement(lines, lines.roll(3, 0)) == 0
    twice = lines + lines.roll(12, 0)
    assert line_agreement(lines, twice) == pytest.approx(2 / 3)
    assert line_agreement(torch.zeros(8, 8), torch.zeros(8, 8)) == 1
    assert line_agreement(lines, torch.zeros(32, 32)) == 0

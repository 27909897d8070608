"""The shipped reader of references: what it takes from a picture, counted on a few."""

from dataclasses import replace

import pytest
import torch

import sfumato
from sfumato.families import embedded
from sfumato.pictures import tensor_of
from sfumato.train.data import as_bytes
from sfumato.train.pairs import group
from sfumato.train.recipes import REFERENCE_S, WORLD_S
from sfumato.world.renderer import Renderer
from sfumato.world.stylometry import Backdrops

STEPS, FIRST_SEED = 8, 4 * 10**9


@pytest.fixture(scope="module")
def painter():
    return sfumato.load(fast=True)


@pytest.fixture(scope="module")
def scenes():
    """Eight scenes, one of each style, that nothing was taught."""
    variety = replace(REFERENCE_S.variety, sprites=WORLD_S.variety.sprites)
    found = {}
    for seed in range(FIRST_SEED, FIRST_SEED + 200):
        scene = group(seed, variety)[0]
        if len(scene.things) == 1:
            found.setdefault(scene.style, scene)
    return [found[style] for style in sorted(found)]


@pytest.fixture(scope="module")
def shown(scenes):
    from PIL import Image

    pictures = as_bytes(Renderer(WORLD_S.variety.sprites, 128)(scenes)).permute(0, 2, 3, 1)
    return [Image.fromarray(each.numpy()) for each in pictures]


def drawn(painter, references):
    """Pictures (N, 3, S, S) of an apple, each with its references."""
    requests = [
        painter.request("an apple", seed=seed, steps=STEPS, references=each)
        for seed, each in enumerate(references)
    ]
    return torch.cat([tensor_of(picture.image) for picture in painter.batch(requests)])


def looks(pictures):
    backdrops = Backdrops()
    return [(found.style, found.background) for found in (backdrops(picture)[0] for picture in pictures)]


def test_most_pictures_take_the_look_of_their_reference(painter, scenes, shown):
    told = [(scene.style, scene.background) for scene in scenes]
    bare = looks(drawn(painter, [[] for _ in shown]))
    seen = looks(drawn(painter, [[sfumato.reference(each, "style")] for each in shown]))
    assert sum(style == wanted for (style, _), (wanted, _) in zip(bare, told, strict=True)) <= 3
    assert sum(style == wanted for (style, _), (wanted, _) in zip(seen, told, strict=True)) >= 5
    assert sum(place == wanted for (_, place), (_, wanted) in zip(seen, told, strict=True)) >= 5


def test_a_composition_leaves_the_look_alone(painter, scenes, shown):
    told = [scene.style for scene in scenes if scene.style != "sticker"]
    seen = looks(drawn(painter, [[sfumato.reference(each, "composition")] for each in shown]))
    assert sum(style == "sticker" for style, _ in seen) >= len(told) - 2


def test_a_weight_of_zero_is_no_reference(painter, shown):
    (bare,), (weightless,) = (
        drawn(painter, [references])
        for references in ([], [sfumato.reference(shown[0], "both", strength=0.0)])
    )
    assert torch.equal(bare, weightless)


def test_the_shipped_reader_takes_at_most_three_megabytes():
    assert embedded("reference").stat().st_size < 3e6

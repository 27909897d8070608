"""The control that ships: small, known by its header, and it moves things and follows lines."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sfumato import families, load
from sfumato.checkpoints.header import read_header
from sfumato.conditions.canny import edges
from sfumato.errors import InputError
from sfumato.steering import control
from sfumato.world.benchmark import BACKDROP
from sfumato.world.obedience import line_agreement, placed
from sfumato.world.placement import bounds
from sfumato.world.recognition import Recognizer
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing

NAMES = ("apple", "strawberry", "cat", "car", "mushroom", "owl")
STEPS = 10


@pytest.fixture(scope="module")
def painter():
    return load(fast=True)


def scene(sprite, x, y, extent):
    return Scene(
        things=(Thing(sprite=sprite, places=(Place(x, y, extent),)),), background=BACKDROP, style="sticker"
    )


def test_the_embedded_control_takes_at_most_eight_megabytes_and_says_where_it_comes_from():
    path = families.embedded("control")
    assert path.stat().st_size <= 8e6
    metadata = read_header(path).metadata
    assert json.loads(metadata["sfumato.kinds"]) == ["edges", "layout"]
    card = json.loads(metadata["sfumato.card"])
    assert card["model"] == "world-s"
    assert "Noto Color Emoji" in card["data"]


def test_a_layout_moves_a_thing(painter):
    left, right = ([x, 0.3, 0.4, 0.4] for x in (0.05, 0.55))
    requests = [
        painter.request("a strawberry", seed=seed, steps=STEPS, controls=[control("layout", [box])])
        for box in (left, right)
        for seed in range(3)
    ]
    shown = torch.stack([as_tensor(picture.image) for picture in painter.batch(requests)])
    visible, met = bounds(NAMES), []
    for number, sighting in enumerate(Recognizer(NAMES)(shown)):
        x = 0.25 if number < 3 else 0.75
        (verdict,) = placed(sighting, scene("strawberry", x, 0.5, 0.4), visible)
        met.append(verdict.inside and verdict.overlap > 0.5)
    assert sum(met) >= 5


def test_outlines_are_followed_and_weight_0_follows_none(painter):
    drawing = Renderer(NAMES, 128)([scene("mushroom", 0.25, 0.75, 0.375)])[0]
    image = Image.fromarray((drawing * 255).byte().permute(1, 2, 0).numpy())
    agreement = []
    for weight in (0.0, 1.0):
        steered = [control("edges", image, strength=weight)]
        picture = painter("a mushroom", seed=1, steps=STEPS, controls=steered).image
        agreement.append(line_agreement(lines(image), lines(picture)))
    assert agreement[1] > 0.75
    assert agreement[1] > agreement[0] + 0.3


def test_a_learned_word_cannot_take_the_name_of_a_control(painter, tmp_path):
    painter.hang(families.embedded("control"), name="ink")
    save_file({"emb_params": torch.ones(1, 256)}, tmp_path / "ink.safetensors")
    with pytest.raises(InputError, match="'ink' hangs here already"):
        painter.learn(tmp_path / "ink.safetensors")
    with pytest.raises(InputError, match="'ink' hangs here already"):
        painter.hang(families.embedded("control"), name="ink")
    painter.remove("ink")
    assert "ink" not in painter.model.controls.names


def lines(image):
    return torch.tensor(edges(np.asarray(image)) > 0).float()


def as_tensor(image):
    return torch.tensor(np.array(image)).permute(2, 0, 1) / 255

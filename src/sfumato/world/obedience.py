"""How far a picture obeys what was drawn for it: do its things stand in their boxes, are its lines the lines?

What a picture shows is found by `recognition.py`, which knows neither sentence nor boxes. The benchmark that
asks this of the embedded model's controls is `benchmarks/control.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from sfumato.world.placement import Box, box
from sfumato.world.recognition import Sighting
from sfumato.world.scenes import Scene

REACH = 2
"""Pixels that a line may lie beside the line that was drawn."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What became of one box: was a thing of its kind ``found``, with its centre ``inside``; their overlap.

    ``overlap`` is the shared area of the box and that of the found thing, over all that they cover together.
    """

    found: bool
    inside: bool
    overlap: float


def placed(sighting: Sighting, scene: Scene, visible: Mapping[str, Box]) -> list[Placed]:
    """One verdict for each place of a scene, whose boxes are those of the ``visible`` parts of its sprites.

    Each found thing answers for one box, those that overlap most first.
    """
    wanted = [
        (thing.sprite, box(place, visible[thing.sprite])) for thing in scene.things for place in thing.places
    ]
    seen = [(each.sprite, box(each.place, visible[each.sprite])) for each in sighting.things]
    pairs = [
        (overlap(there, here), nearness(there, here), i, j)
        for i, (sprite, there) in enumerate(wanted)
        for j, (shown, here) in enumerate(seen)
        if sprite == shown
    ]
    answers: dict[int, int] = {}
    for _, _, i, j in sorted(pairs, reverse=True):
        if i not in answers and j not in answers.values():
            answers[i] = j
    return [
        Placed(
            found=i in answers,
            inside=i in answers and _inside(seen[answers[i]][1], there),
            overlap=overlap(there, seen[answers[i]][1]) if i in answers else 0.0,
        )
        for i, (_, there) in enumerate(wanted)
    ]


def overlap(one: Box, other: Box) -> float:
    """The area that both boxes share over that which they cover together, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (_area(one) + _area(other) - shared)


def nearness(one: Box, other: Box) -> float:
    """The larger, the nearer their centres are."""
    (x1, y1), (x2, y2) = _centre(one), _centre(other)
    return -((x1 - x2) ** 2 + (y1 - y2) ** 2)


def line_agreement(drawn: Tensor, shown: Tensor, *, reach: int = REACH) -> float:
    """F1 of two pictures of lines (H, W), 0 or 1: how much of either lies within ``reach`` of the other.

    1 where both are empty, 0 where one is.
    """
    if not bool(drawn.any()) or not bool(shown.any()):
        return float(not bool(drawn.any()) and not bool(shown.any()))
    recall, precision = _near(drawn, shown, reach), _near(shown, drawn, reach)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _near(lines: Tensor, others: Tensor, reach: int) -> float:
    """The share of lines that have others near them."""
    room = max_pool2d(others[None, None].float(), 2 * reach + 1, stride=1, padding=reach)[0, 0]
    return float(room[lines > 0].mean())


def _inside(found: Box, drawn: Box) -> bool:
    x, y = _centre(found)
    return drawn[0] <= x <= drawn[2] and drawn[1] <= y <= drawn[3]


def _centre(sides: Box) -> tuple[float, float]:
    return (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2


def _area(sides: Box) -> float:
    return (sides[2] - sides[0]) * (sides[3] - sides[1])


@dataclass(frozen=True, kw_only=True)
class Obedience:
    """Means over many pictures and their boxes."""

    found: float
    inside: float
    overlap: float
    lines: float


def tallied(boxes: Sequence[Placed], lines: Sequence[float]) -> Obedience:
    """Add up what became of all boxes of all pictures, and the agreements of their lines."""
    marks = torch.tensor([[each.found, each.inside, each.overlap] for each in boxes], dtype=torch.float64)
    found, inside, shared = (float(mean) for mean in marks.mean(dim=0))
    return Obedience(found=found, inside=inside, overlap=shared, lines=sum(lines) / max(len(lines), 1))

"""What a ControlNet learns from: scenes at free places, and the conditioning pictures of each.

Two kinds of conditioning picture are made: `edges`, white lines on black, by the same function that a user's
picture goes through, and `layout`, a filled box for every thing, its colour telling which of the sentence's
it is. Read `controlnet.py` next for what is learned from them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from sfumato.conditions.canny import edges
from sfumato.conditions.layout import LAYOUT_COLOURS
from sfumato.world.artwork import artwork
from sfumato.world.captions import caption
from sfumato.world.compose import Variety, compose
from sfumato.world.scenes import Place, Relation, Scene, Thing
from sfumato.world.split import held_out
from sfumato.world.sprites import BY_NAME

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in units of the picture's side."""

MOST = 4
"""Boxes of one layout: no scene has more things."""
LOOSE = 0.5
"""The share of layouts with square boxes, which a thing touches with its longer side, instead of its own."""
ALIKE = 0.5
"""The share of layouts in which all things of a group have one colour; in the others, every box its own."""
UNTOLD = 0.15
"""The share of layouts of several groups that leave one of them out."""
PLAIN = 0.5
"""The share of scenes in a style whose outlines are those of the plain style: a sketch says no style."""
_PATIENCE = 200  # placements that are tried before a scene is left as it was
_SIXTEENTHS = {1: (4, 13), 2: (4, 9), 3: (4, 7), 4: (4, 6)}  # number of things -> how large they may be
_OVERLAP = 0.05  # of the smaller of two squares: more is refused
_APART = 0.1  # of the picture's side: nearer centres stand in no direction from each other


@dataclass(frozen=True)
class Lesson:
    """A scene, a sentence that tells of it, and the boxes of its things, each with the number of a colour."""

    scene: Scene
    sentence: str
    boxes: tuple[tuple[Box, int], ...]
    plain: bool  # its outlines are those of the plain style, whatever the style of the scene


class Lessons:
    """The lesson of every seed: half of them composed as always, half with their things at free places."""

    def __init__(self, variety: Variety) -> None:
        self.variety = variety
        self.bounds = bounds(variety.sprites)

    def __call__(self, seed: int) -> Lesson:
        rng = random.Random(f"lesson {seed}")  # noqa: S311 - repeatable, not secret
        scene = compose(seed, self.variety)
        if rng.random() < 0.5:
            scene = scattered(scene, rng, self.variety.grid)
        sentence = caption(scene, seed)
        return Lesson(scene, sentence, self._boxes(scene, sentence, rng), plain=rng.random() < PLAIN)

    def _boxes(self, scene: Scene, sentence: str, rng: random.Random) -> tuple[tuple[Box, int], ...]:
        """The boxes in the order in which the sentence mentions them, alike or not within a group."""
        ranks = mentioned(scene, sentence)
        loose, alike = rng.random() < LOOSE, rng.random() < ALIKE
        untold = rng.choice(ranks) if len(ranks) > 1 and rng.random() < UNTOLD else None
        ordered = [
            (box(place, None if loose else self.bounds[thing.sprite]), rank)
            for rank, thing in sorted(zip(ranks, scene.things, strict=True), key=lambda each: each[0])
            for place in thing.places
        ]
        return tuple(
            (sides, rank if alike else number)
            for number, (sides, rank) in enumerate(ordered)
            if rank != untold
        )


def bounds(sprites: Sequence[str]) -> dict[str, Box]:
    """The visible part of every sprite's tile, in units of the tile's side."""
    found: dict[str, Box] = {}
    for name, rgba in zip(sprites, artwork(sprites, 128), strict=True):
        rows, columns = (rgba[3] > 0.5).nonzero(as_tuple=True)
        sides = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        left, top, right, bottom = (float(side) / 128 for side in sides)
        found[name] = (left, top, right, bottom)
    return found


def box(place: Place, visible: Box | None = None) -> Box:
    """The box of a thing at a place: of its ``visible`` part, or its whole tile. Its turn is left out."""
    left, top, right, bottom = visible or (0.0, 0.0, 1.0, 1.0)
    x, y = place.x - place.extent / 2, place.y - place.extent / 2
    return (
        x + left * place.extent,
        y + top * place.extent,
        x + right * place.extent,
        y + bottom * place.extent,
    )


def mentioned(scene: Scene, sentence: str) -> list[int]:
    """For each thing of a scene, whether its words are the first (0), second, ... in the sentence."""
    owners = {
        word: index
        for index, thing in enumerate(scene.things)
        for word in (thing.sprite, BY_NAME[thing.sprite].plural, *BY_NAME[thing.sprite].synonyms)
    }
    longest_first = "|".join(re.escape(word) for word in sorted(owners, key=len, reverse=True))
    found = re.findall(rf"\b({longest_first})\b", sentence)
    order = list(dict.fromkeys(owners[word] for word in found))
    if len(order) != len(scene.things):
        raise ValueError(f"{sentence!r} does not mention all {len(scene.things)} things of its scene")
    return [order.index(index) for index in range(len(scene.things))]


def scattered(scene: Scene, rng: random.Random, grid: float) -> Scene:
    """The scene with its things anywhere and of any size, as far as its relation and the split allow.

    Unchanged where one must stand on the other, or where no place is found.
    """
    if scene.relation == "on top of":
        return scene
    count = sum(thing.count for thing in scene.things)
    for _ in range(_PATIENCE):
        things = tuple(_moved(thing, count, rng, grid) for thing in scene.things)
        places = [place for thing in things for place in thing.places]
        if any(_overlap(one, other) > _OVERLAP for one, other in combinations(places, 2)):
            continue
        moved = replace(scene, things=things)
        if _holds(scene.relation, things) and not held_out(moved):
            return moved
    return scene


def _moved(thing: Thing, count: int, rng: random.Random, grid: float) -> Thing:
    """The thing at new places, all of one size; a size that was said is said of what it is now."""
    extent = rng.randint(*_SIXTEENTHS[count]) / 16
    places = tuple(
        Place(_somewhere(extent, rng, grid), _somewhere(extent, rng, grid), extent) for _ in thing.places
    )
    said = (
        None if thing.size is None else "small" if extent < 0.35 else "large" if extent > 0.65 else "medium"
    )
    return replace(thing, places=places, size=said)


def _somewhere(extent: float, rng: random.Random, grid: float) -> float:
    """A centre, along one side, such that the thing is inside and its corner on the raster."""
    corner = rng.uniform(0, 1 - extent)
    if grid:
        corner = rng.randint(0, int((1 - extent) / grid + 1e-9)) * grid
    return corner + extent / 2


def _overlap(one: Place, other: Place) -> float:
    """The shared area of two squares, as a share of the smaller."""
    reach = (one.extent + other.extent) / 2
    least = min(one.extent, other.extent)
    across, down = (min(reach - abs(a - b), least) for a, b in ((one.x, other.x), (one.y, other.y)))
    return max(across, 0) * max(down, 0) / least**2


def _holds(relation: Relation | None, things: Sequence[Thing]) -> bool:
    """Whether the first thing stands so to the second, beyond doubt."""
    if relation is None:
        return True
    (x1, y1), (x2, y2) = (thing.centre for thing in things[:2])
    across, down = x2 - x1, y2 - y1
    if relation in ("above", "below"):
        signed = down if relation == "above" else -down
        return signed > _APART and signed > abs(across)
    signed = {"left of": across, "right of": -across}.get(relation, abs(across))
    return signed > _APART and signed > abs(down)


# pictures of many lessons at once --------------------------------------------------------------------


def tabled(lessons: Sequence[Lesson], size: int) -> Tensor:
    """The boxes of lessons as bytes (N, MOST, 5): left, top, right, bottom in pixels, and the colour.

    Lessons with fewer boxes are filled up with empty ones.
    """
    table = torch.zeros(len(lessons), MOST, 5, dtype=torch.int16)
    for row, lesson in enumerate(lessons):
        for column, (sides, colour) in enumerate(lesson.boxes):
            pixels = [min(max(round(side * size), 0), size) for side in sides]
            table[row, column] = torch.tensor([*pixels, colour])
    return table


def layouts(table: Tensor, size: int) -> Tensor:
    """The layout pictures (N, 3, size, size), 0 to 1, of boxes as `tabled` has them; later ones in front."""
    colours = torch.tensor([*LAYOUT_COLOURS.values()], device=table.device) / 255  # (colours, 3)
    line = torch.arange(size, device=table.device)
    pictures = torch.zeros(len(table), 3, size, size, device=table.device)
    for column in range(table.shape[1]):
        left, top, right, bottom, colour = (each[:, None] for each in table[:, column].long().unbind(1))
        across, down = (line >= left) & (line < right), (line >= top) & (line < bottom)
        inside = (down[:, :, None] & across[:, None, :])[:, None]  # (N, 1, size, size)
        pictures = torch.where(inside, colours[colour[:, 0]][:, :, None, None], pictures)
    return pictures


def outlines(pictures: Tensor) -> Tensor:
    """The outlines of pictures (N, 3, S, S) of bytes, eight pixels a byte (N, S * S / 8)."""
    lines = np.stack([edges(picture) for picture in pictures.permute(0, 2, 3, 1).contiguous().cpu().numpy()])
    return torch.as_tensor(np.packbits(lines.reshape(len(lines), -1) > 0, axis=1))


def from_bits(bits: Tensor, size: int) -> Tensor:
    """What `outlines` found, as pictures (N, 1, size, size), 0 or 1."""
    lines = torch.as_tensor(np.unpackbits(bits.cpu().numpy(), axis=1))
    return lines.view(-1, 1, size, size).float()

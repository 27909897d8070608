"""What a ControlNet learns from: scenes at free places, and the conditioning pictures of each.

Two kinds of conditioning picture are made: `edges`, white lines on black, by the same function that a user's
picture goes through, and `layout`, a filled box for every thing, its colour telling which of the sentence's
it is. Read `controlnet.py` next for what is learned from them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sfumato.conditions.canny import edges
from sfumato.conditions.layout import LAYOUT_COLOURS
from sfumato.world.captions import caption
from sfumato.world.compose import Variety, compose
from sfumato.world.placement import Box, bounds, box, mentioned, scattered
from sfumato.world.scenes import Scene

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

"""A scene from a seed: which things, in which layout, before what, in which style.

`compose` invents scenes inside the `Variety` that a recipe can afford; `arrange` and `arrange_pair` only find
places, and are what the benchmark uses to ask for a certain scene.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sfumato.world.scenes import RELATIONS, Place, Relation, Scene, Thing
from sfumato.world.split import held_out

Layout = Literal["single", "counted", "pair", "group pair", "list"]
PATIENCE = 1000
"""Scenes that are drawn and thrown away before a variety is called impossible."""


@dataclass(frozen=True, kw_only=True)
class Variety:
    """How much of the world a recipe teaches: each field is a choice that costs training time.

    ``grid`` is the raster, in units of the picture's side, on which the corners of sprites lie (0: anywhere).
    On the autoencoder's own raster (1/16 where latents are 16 wide) a thing has the same latent wherever it
    stands, and a small network learns it many times faster. ``jitter`` scales sizes by up to that share.
    """

    sprites: tuple[str, ...]
    colours: tuple[str, ...]
    backgrounds: Mapping[str, float]  # name -> weight
    styles: Mapping[str, float]  # name -> weight
    layouts: Mapping[Layout, float]  # name -> weight
    coloured: float  # the share of things with a colour word
    grid: float
    jitter: float
    turn: float  # degrees


def compose(seed: int, variety: Variety, *, allow_held_out: bool = False) -> Scene:
    """Return the scene of this seed; the same seed and variety give the same scene.

    Combinations of the held-out split are redrawn, never taken, unless ``allow_held_out``. Raises ValueError
    where the variety offers nothing else.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    for _ in range(PATIENCE):
        scene = _scene(rng, variety)
        if allow_held_out or not held_out(scene):
            return scene
    raise ValueError(
        f"{PATIENCE} scenes of {len(variety.sprites)} sprites and {len(variety.colours)} colours were all "
        "held out: widen the variety"
    )


def arrange(
    layout: Layout, things: Sequence[Thing], rng: random.Random, variety: Variety
) -> tuple[Thing, ...]:
    """Give places to things that have only a count, for a layout without a relation.

    "list" takes two to four different things, the other layouts one thing, one to four times.
    """
    if layout == "list":
        cells = _list_cells(len(things), rng)
        return tuple(_placed(t, [c], rng, variety) for t, c in zip(things, cells, strict=True))
    (thing,) = things
    cells, size = _single_cell(thing, rng) if thing.count == 1 else (_count_cells(thing.count, rng), None)
    return (replace(_placed(thing, cells, rng, variety), size=size),)


def arrange_pair(
    things: tuple[Thing, Thing], relation: Relation, rng: random.Random, variety: Variety
) -> tuple[Thing, Thing]:
    """Give places to two things, each up to three times, such that the relation holds between the groups."""
    horizontal = relation in ("left of", "right of", "next to")
    swapped = relation in ("right of", "below") or (relation == "next to" and rng.random() < 0.5)
    one, other = reversed(things) if swapped else things
    if horizontal:
        cells = _columns(one.count, other.count, rng)
    else:
        cells = _rows(one.count, other.count, rng, touching=relation == "on top of")
    one, other = (_placed(thing, some, rng, variety) for thing, some in zip((one, other), cells, strict=True))
    return (other, one) if swapped else (one, other)


def unplaced(sprite: str, colour: str | None = None, count: int = 1) -> Thing:
    """Return a thing that knows its number but not yet its places."""
    return Thing(sprite=sprite, colour=colour, places=(Place(0.5, 0.5, 0.5),) * count)


# layouts: cells are (x, y, extent), on a canvas of side 1 ------------------------------------------

Cell = tuple[float, float, float]
SIZES: dict[str, float] = {"small": 0.3125, "medium": 0.5, "large": 0.75}


def _single_cell(thing: Thing, rng: random.Random) -> tuple[list[Cell], str]:
    size = thing.size or rng.choices(("small", "medium", "large"), (0.25, 0.35, 0.4))[0]
    extent = SIZES[size]
    slack = (1 - extent) / 2 * (0.6 if size == "small" else 0.8)
    return [(0.5 + rng.uniform(-slack, slack), 0.5 + rng.uniform(-slack, slack), extent)], size


def _count_cells(count: int, rng: random.Random) -> list[Cell]:
    dx, dy = rng.uniform(-0.03, 0.03), rng.uniform(-0.08, 0.08)
    if count == 2:
        cells = [(0.27, 0.5, 0.4375), (0.73, 0.5, 0.4375)]
    elif count == 3 and rng.random() < 0.5:
        cells = [(0.5, 0.27, 0.375), (0.27, 0.72, 0.375), (0.73, 0.72, 0.375)]
    elif count == 3:
        cells = [(0.19, 0.5, 0.3125), (0.5, 0.5, 0.3125), (0.81, 0.5, 0.3125)]
    else:
        dy /= 4
        cells = [(x, y, 0.375) for y in (0.26, 0.74) for x in (0.26, 0.74)]
    return [(x + dx, y + dy, extent) for x, y, extent in cells]


def _columns(left: int, right: int, rng: random.Random) -> tuple[list[Cell], list[Cell]]:
    drift = rng.uniform(-0.12, 0.12) if left == right == 1 else 0.0

    def column(x: float, count: int) -> list[Cell]:
        if count == 1:
            return [(x, 0.5 + drift, 0.4375)]
        return [
            (x, 0.5 + (i - (count - 1) / 2) * (0.42 if count == 2 else 0.33), 0.3125) for i in range(count)
        ]

    gap = rng.uniform(0.23, 0.27)
    return column(gap, left), column(1 - gap, right)


def _rows(top: int, bottom: int, rng: random.Random, *, touching: bool) -> tuple[list[Cell], list[Cell]]:
    drift = rng.uniform(-0.15, 0.15) if top == bottom == 1 else 0.0
    high, low = (0.3, 0.69) if touching else (0.25, 0.75)

    def row(y: float, count: int) -> list[Cell]:
        if count == 1:
            return [(0.5 + drift, y, 0.4375)]
        spread = 0.44 if count == 2 else 0.32
        return [
            (0.5 + (i - (count - 1) / 2) * spread, y, 0.375 if count == 2 else 0.3125) for i in range(count)
        ]

    return row(high, top), row(low, bottom)


def _list_cells(count: int, rng: random.Random) -> list[Cell]:
    if count == 2:
        cells = [(0.26, 0.5, 0.4375), (0.74, 0.5, 0.4375)]
    elif count == 3:
        cells = [(0.5, 0.26, 0.4375), (0.26, 0.74, 0.4375), (0.74, 0.74, 0.4375)]
    else:
        cells = [(x, y, 0.4375) for y in (0.26, 0.74) for x in (0.26, 0.74)]
    rng.shuffle(cells)
    return cells


def _placed(thing: Thing, cells: Sequence[Cell], rng: random.Random, variety: Variety) -> Thing:
    def place(cell: Cell) -> Place:
        x, y, extent = cell
        if variety.jitter:
            extent *= 1 + rng.uniform(-variety.jitter, variety.jitter)
        turn = rng.uniform(-variety.turn, variety.turn) if variety.turn else 0.0
        return Place(_snapped(x, extent, variety.grid), _snapped(y, extent, variety.grid), extent, turn)

    return replace(thing, places=tuple(place(cell) for cell in cells))


def _snapped(centre: float, extent: float, grid: float) -> float:
    """The nearest centre at which the sprite's corner is on the raster and the sprite on the canvas."""
    centre = min(max(centre, extent / 2), 1 - extent / 2)
    if not grid:
        return centre
    corner = min(round((centre - extent / 2) / grid), math.floor((1 - extent) / grid + 1e-9))
    return corner * grid + extent / 2


def _pick(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _scene(rng: random.Random, variety: Variety) -> Scene:
    def invented(name: str, count: int = 1) -> Thing:
        return unplaced(name, rng.choice(variety.colours) if rng.random() < variety.coloured else None, count)

    layout = rng.choices(list(variety.layouts), list(variety.layouts.values()))[0]
    background, style = _pick(rng, variety.backgrounds), _pick(rng, variety.styles)
    relation: Relation | None = None
    if layout in ("single", "counted"):
        count = 1 if layout == "single" else rng.choice((2, 3, 4))
        things = arrange(layout, [invented(rng.choice(variety.sprites), count)], rng, variety)
    elif layout == "list":
        names = rng.sample(variety.sprites, rng.choice((3, 3, 4)))
        things = arrange(layout, [invented(name) for name in names], rng, variety)
    else:
        relation = rng.choice(RELATIONS)
        counts = (1, 1) if layout == "pair" else rng.choice(((2, 1), (1, 2), (3, 1), (2, 2)))
        one, other = (invented(n, c) for n, c in zip(rng.sample(variety.sprites, 2), counts, strict=True))
        things = arrange_pair((one, other), relation, rng, variety)
    return Scene(things=things, background=background, style=style, relation=relation)

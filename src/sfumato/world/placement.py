"""Where things stand: their boxes, the order in which a sentence mentions them, and places anywhere.

The layouts that a control is taught and measured by are made here. Read `obedience.py` for the measures.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from sfumato.world.artwork import artwork
from sfumato.world.scenes import Place, Relation, Scene, Thing
from sfumato.world.split import held_out
from sfumato.world.sprites import BY_NAME

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in units of the picture's side."""

_PATIENCE = 200  # placements that are tried before a scene is left as it was
_SIXTEENTHS = {1: (4, 13), 2: (4, 9), 3: (4, 7), 4: (4, 6)}  # number of things -> how large they may be
_OVERLAP = 0.05  # of the smaller of two squares: more is refused
_APART = 0.1  # of the picture's side: nearer centres stand in no direction from each other


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


def scattered(scene: Scene, rng: random.Random, grid: float, *, allow_held_out: bool = False) -> Scene:
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
        if _holds(scene.relation, things) and (allow_held_out or not held_out(moved)):
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

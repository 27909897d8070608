"""What a picture of the world shows, as data: things, where they stand, what is behind them, in which style.

A `Scene` is all there is to know about a picture before it is rendered; captions, pictures and verdicts are
made from it. Read `compose.py` next (a scene from a seed), then `captions.py` (a scene as a sentence) and
`renderer.py` (a scene as pixels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Relation = Literal["left of", "right of", "above", "below", "on top of", "next to"]
RELATIONS: tuple[Relation, ...] = ("left of", "right of", "above", "below", "on top of", "next to")

INVERSE: dict[Relation, Relation] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "next to": "next to",
}
"""How the second stands to the first, where one word says it."""


@dataclass(frozen=True)
class Place:
    """Where one sprite stands: centre and longest side in units of the picture's side, y downwards.

    ``turn`` is in degrees, clockwise.
    """

    x: float
    y: float
    extent: float
    turn: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One kind of thing, in one or more places; nothing is said of a ``colour`` or ``size`` that is None."""

    sprite: str
    places: tuple[Place, ...]
    colour: str | None = None
    size: str | None = None

    @property
    def count(self) -> int:
        """How many of them there are."""
        return len(self.places)

    @property
    def centre(self) -> tuple[float, float]:
        """The mean of its places, in units of the picture's side."""
        return (
            sum(place.x for place in self.places) / self.count,
            sum(place.y for place in self.places) / self.count,
        )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One to four things before a background. ``relation`` says how the first stands to the second."""

    things: tuple[Thing, ...]
    background: str
    style: str
    relation: Relation | None = None

"""Which combinations training never sees, so that a test of them is a test of understanding.

Held out are pairs (thing, colour), triples (thing, relation, thing) and pairs (thing, style). The choice is a
hash of the words: nothing is stored, every machine agrees, and a new thing falls into the split by itself.
"""

from __future__ import annotations

import hashlib
from itertools import combinations as combinations_of

from sfumato.world.scenes import Scene, Thing

SHARE = 0.1
"""The share of each kind of combination that is held out."""
APART = 0.1
"""Centres nearer than this, in units of the picture's side, are on one line."""


def held_out_words(*words: str) -> bool:
    """Say whether a combination is held out, such as ``("cat", "red")`` or ``("cat", "above", "bus")``."""
    digest = hashlib.blake2b("/".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 < SHARE


def combinations(scene: Scene) -> list[tuple[str, ...]]:
    """Return every combination of the split's three kinds that the scene's *picture* shows.

    A picture of A left of B also shows B right of A and A next to B: all are the one triple (A, left of, B).
    Where no relation is stated, every two things count that stand side by side, one above the other, or both.
    """
    found: list[tuple[str, ...]] = []
    for thing in scene.things:
        if thing.colour is not None:
            found.append((thing.sprite, thing.colour))
        if scene.style != "sticker":
            found.append((thing.sprite, scene.style))
    if scene.relation is not None:
        found.append(_triple(scene))
    else:
        for one, other in combinations_of(scene.things, 2):
            found += _shown(one, other)
    return found


def held_out(scene: Scene) -> bool:
    """Say whether the scene shows any held-out combination."""
    return any(held_out_words(*words) for words in combinations(scene))


def _shown(one: Thing, other: Thing) -> list[tuple[str, str, str]]:
    (x1, y1), (x2, y2) = one.centre, other.centre
    found: list[tuple[str, str, str]] = []
    if abs(x1 - x2) > APART:
        left, right = (one, other) if x1 < x2 else (other, one)
        found.append((left.sprite, "left of", right.sprite))
    if abs(y1 - y2) > APART:
        top, bottom = (one, other) if y1 < y2 else (other, one)
        found.append((top.sprite, "above", bottom.sprite))
    return found


def _triple(scene: Scene) -> tuple[str, str, str]:
    first, second = scene.things[0], scene.things[1]
    (x1, y1), (x2, y2) = first.centre, second.centre
    if scene.relation in ("left of", "right of", "next to"):
        one, other = (first, second) if x1 < x2 else (second, first)
        return (one.sprite, "left of", other.sprite)
    one, other = (first, second) if y1 < y2 else (second, first)
    return (one.sprite, "above", other.sprite)

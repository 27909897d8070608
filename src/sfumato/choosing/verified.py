"""Pictures of the embedded model's world, examined by its verifier: how much of the sentence do they show?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from sfumato.choosing.score import Score
from sfumato.world.scenes import Scene
from sfumato.world.verifier import Found, Verdict, Verifier, judged


@dataclass(frozen=True)
class Verified:
    """Judges square pictures by the scene that a sentence tells of."""

    verifier: Verifier
    scene: Scene
    by: str = "the world's verifier"

    def __call__(self, picture: Tensor) -> Score:
        """``value`` is the share of all that was asked, ``clearness`` how well outlines fit."""
        (sighting,) = self.verifier.look(picture)
        verdict = judged(sighting, self.scene)
        points = list(_points(verdict, self.scene))
        wrong = [what for what, right in points if not right]
        overlaps = [seen.overlap for found in verdict.things for seen in found.places]
        return Score(
            value=(len(points) - len(wrong)) / len(points),
            clearness=sum(overlaps) / len(overlaps) if overlaps else 0.0,
            said="all as asked" if not wrong else "; ".join(wrong),
        )


def verifier_of(names: Sequence[str], size: int) -> Verifier:
    """Raises MissingExtra without the emoji font, whose artwork pictures are held to."""
    return Verifier(names, size)


def _points(verdict: Verdict, scene: Scene) -> Iterator[tuple[str, bool]]:
    """All that is examined: what is wrong if it is, and whether it is right."""
    for found, thing in zip(verdict.things, scene.things, strict=True):
        yield f"no {found.sprite}", bool(found.places)
        yield f"{len(found.places)} {found.sprite}, not {found.asked}", found.count
        if thing.colour is not None:
            yield f"{found.sprite} not {thing.colour}", _coloured(found)
    if verdict.relation is not None:
        first, second = (thing.sprite for thing in scene.things[:2])
        yield f"{first} not {scene.relation} {second}", verdict.relation
    yield f"not {scene.style}", verdict.style
    yield "something else is there", not (verdict.strangers or verdict.stray)


def _coloured(found: Found) -> bool:
    """A colour that cannot be told in this style is not held against the picture, if the thing is there."""
    return bool(found.places) if found.colour is None else found.colour

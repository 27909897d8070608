"""What a judge says of a picture, and which of several it likes best."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from PIL import Image
from torch import Tensor

from sfumato.errors import InputError
from sfumato.pictures import tensor_of


class Score(NamedTuple):
    """``value`` is 1 at best; where two are equal, ``clearness`` decides. ``said`` is the reason in words."""

    value: float
    clearness: float
    said: str


class Judge(Protocol):
    """Judges pictures by one sentence."""

    @property
    def by(self) -> str:
        """Who judges, in words, and why not another."""
        ...

    def __call__(self, picture: Tensor) -> Score:
        """The score of a picture (1, 3, H, W) in 0..1."""
        ...


class Shown(Protocol):
    """A finished picture: ``Picture`` of the painter."""

    @property
    def image(self) -> Image.Image: ...


Candidate = TypeVar("Candidate", bound=Shown)


@dataclass(frozen=True, eq=False)
class Best(Generic[Candidate]):
    """All candidates in the order they were drawn, a score for each, and who gave them."""

    candidates: tuple[Candidate, ...]
    scores: tuple[Score, ...]
    by: str

    @property
    def number(self) -> int:
        """Which is the best, from 0; of equals the first."""
        return max(range(len(self.scores)), key=lambda number: (*self.scores[number][:2], -number))

    @property
    def picture(self) -> Candidate:
        return self.candidates[self.number]

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each candidate, and one on who judged."""
        best = self.number
        lines = (
            f"candidate {number + 1}: {score.value:.3f}{', kept' if number == best else ''} ({score.said})"
            for number, score in enumerate(self.scores)
        )
        return (f"the best of {len(self.scores)} by {self.by}", *lines)

    def noted(self, add: Callable[[Candidate, tuple[str, ...]], Candidate]) -> Best[Candidate]:
        """The same, in which ``add`` has put the notes on the best."""
        candidates = list(self.candidates)
        candidates[self.number] = add(self.picture, self.notes)
        return Best(tuple(candidates), self.scores, self.by)


def best_of(candidates: Iterable[Candidate], judge: Judge) -> Best[Candidate]:
    """Judge each candidate as it comes. Raises InputError if there is none."""
    drawn: list[Candidate] = []
    scores: list[Score] = []
    for candidate in candidates:
        drawn.append(candidate)
        scores.append(judge(tensor_of(candidate.image.convert("RGB"))))
    if not drawn:
        raise InputError("the best of no pictures: ask for at least 1, and 4 or 8 to choose among")
    return Best(tuple(drawn), tuple(scores), judge.by)

"""What the embedded model is examined on: sentences, the scene that each describes, and the count of marks.

Six kinds of question. Where the split has such a kind (thing and colour, thing relation thing, thing and
style), the combination is one that training never showed. `verifier.py` marks the answers, `measure` adds.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from torch import Tensor

from sfumato.errors import InputError
from sfumato.world.captions import describe
from sfumato.world.colours import COLOURS
from sfumato.world.compose import Variety, arrange, arrange_pair, unplaced
from sfumato.world.scenes import RELATIONS, Relation, Scene
from sfumato.world.split import held_out_words
from sfumato.world.styles import STYLES
from sfumato.world.verifier import Verdict, Verifier

Category = Literal["single thing", "colour", "two things", "relation", "count", "style"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
BACKDROP = "light blue"
"""Before which a question's scene would be rendered: the sentence does not say it, the verdict ignores it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A sentence to draw, and the scene by whose things, relation and style the picture is judged."""

    category: Category
    sentence: str
    scene: Scene


@dataclass(frozen=True, kw_only=True)
class Row:
    """How many of ``asked`` were right, of one category or of one part of all questions."""

    name: str
    asked: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.asked if self.asked else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with 95% confidence (Wilson 1927)."""
        if not self.asked:
            return 0.0, 1.0
        z, n = 1.959964, self.asked
        centre = (self.share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(self.share * (1 - self.share) / n + z * z / (4 * n * n))
        return max(0.0, centre - reach), min(1.0, centre + reach)


@dataclass(frozen=True, kw_only=True)
class Table:
    """The result: a row for each category, one for all, and one for each part that is checked."""

    categories: tuple[Row, ...]
    overall: Row
    parts: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]  # one for each question


def sentences(names: Sequence[str], per_category: int, seed: int) -> list[Question]:
    """The questions about a world of the named sprites, category by category; the same for the same seed."""
    if len(names) < 2:
        raise InputError(f"{len(names)} sprites are too few to ask of two things")
    questions: list[Question] = []
    for category in CATEGORIES:
        rng = random.Random(f"{category} {seed}")  # noqa: S311 - repeatable, not secret
        scenes = itertools.islice(_SCENES[category](sorted(names), rng), per_category)
        questions.extend(
            Question(category=category, sentence=_said(scene, rng), scene=scene) for scene in scenes
        )
    return questions


def measure(pictures: Iterable[Tensor], questions: Sequence[Question], verifier: Verifier) -> Table:
    """Judge the pictures (3, S, S), 0 to 1, that were drawn for the questions, in the same order."""
    verdicts = tuple(
        verifier(picture[None], [question.scene])[0]
        for picture, question in zip(pictures, questions, strict=True)
    )
    return tabulated(questions, verdicts)


def tabulated(questions: Sequence[Question], verdicts: Sequence[Verdict]) -> Table:
    """Add up verdicts on the questions, one each."""
    rows = [
        _row(
            category,
            [
                verdict.passed
                for question, verdict in zip(questions, verdicts, strict=True)
                if question.category == category
            ],
        )
        for category in CATEGORIES
    ]
    things = [thing for verdict in verdicts for thing in verdict.things]
    parts = (
        _row("things found", [bool(thing.places) for thing in things]),
        _row("number right", [thing.count for thing in things]),
        _row("colour right", [thing.colour for thing in things if thing.colour is not None]),
        _row("relation right", [verdict.relation for verdict in verdicts if verdict.relation is not None]),
        _row("style right", [verdict.style for verdict in verdicts]),
        _row("nothing else there", [not (verdict.strangers or verdict.stray) for verdict in verdicts]),
    )
    overall = _row("all", [verdict.passed for verdict in verdicts])
    return Table(categories=tuple(rows), overall=overall, parts=parts, verdicts=tuple(verdicts))


def _row(name: str, marks: Sequence[bool]) -> Row:
    return Row(name=name, asked=len(marks), right=sum(marks))


def _said(scene: Scene, rng: random.Random) -> str:
    """A sentence that says all that is checked: "a cat and a dog" does not say "side by side"."""
    while True:
        sentence = describe(scene, rng.randrange(2**32))
        if scene.relation is None or " and " not in sentence:
            return sentence


# scenes without end, of one category each ------------------------------------------------------------

_ANYWHERE = Variety(
    sprites=(),
    colours=(),
    backgrounds={},
    styles={},
    layouts={},
    coloured=0,
    grid=1 / 16,
    jitter=0,
    turn=0,
)


def _shuffled(pool: Iterable[tuple[str, ...]], rng: random.Random) -> Iterator[tuple[str, ...]]:
    """All of the pool in a random order, again and again. Raises InputError if it is empty."""
    items = list(pool)
    if not items:
        raise InputError("with so few sprites no combination is held out: name more")
    while True:
        rng.shuffle(items)
        yield from items


def _single(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    for (name,) in _shuffled(((name,) for name in names), rng):
        yield _alone(name, rng)


def _coloured(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    pairs = (pair for pair in itertools.product(names, COLOURS) if held_out_words(*pair))
    for name, colour in _shuffled(pairs, rng):
        yield _alone(name, rng, colour=colour)


def _counted(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    numbered = zip(_shuffled(((name,) for name in names), rng), itertools.cycle((2, 3, 4)))
    for (name,), count in numbered:
        yield _alone(name, rng, count=count)


def _styled(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    pairs = (
        pair for pair in itertools.product(names, STYLES) if pair[1] != "sticker" and held_out_words(*pair)
    )
    for name, style in _shuffled(pairs, rng):
        yield _alone(name, rng, style=style)


def _two(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    """Two things, half of them with a colour word."""
    while True:
        things = [
            unplaced(name, rng.choice([*COLOURS]) if rng.random() < 0.5 else None)
            for name in rng.sample(names, 2)
        ]
        yield Scene(things=arrange("list", things, rng, _ANYWHERE), background=BACKDROP, style="sticker")


def _related(names: Sequence[str], rng: random.Random) -> Iterator[Scene]:
    """Two things in a relation, in an order of which the split keeps every picture from training."""
    pairs = [(one, other) for one, other in itertools.permutations(names, 2)]
    pool = ((*pair, relation) for pair in pairs for relation in RELATIONS if _unseen(*pair, relation))
    for one, other, relation in _shuffled(pool, rng):
        named: Relation = next(each for each in RELATIONS if each == relation)
        things = arrange_pair((unplaced(one), unplaced(other)), named, rng, _ANYWHERE)
        yield Scene(things=things, background=BACKDROP, style="sticker", relation=named)


def _unseen(one: str, other: str, relation: str) -> bool:
    """Whether training holds out every picture of this relation: side by side, that is either order."""
    beside = [held_out_words(one, "left of", other), held_out_words(other, "left of", one)]
    upright = [held_out_words(one, "above", other), held_out_words(other, "above", one)]
    return {
        "left of": beside[0],
        "right of": beside[1],
        "next to": all(beside),
        "above": upright[0],
        "on top of": upright[0],
        "below": upright[1],
    }[relation]


def _alone(
    name: str, rng: random.Random, *, colour: str | None = None, count: int = 1, style: str = "sticker"
) -> Scene:
    layout = "single" if count == 1 else "counted"
    (thing,) = arrange(layout, [unplaced(name, colour, count)], rng, _ANYWHERE)
    return Scene(things=(replace(thing, size=None),), background=BACKDROP, style=style)


_SCENES: dict[Category, Callable[[Sequence[str], random.Random], Iterator[Scene]]] = {
    "single thing": _single,
    "colour": _coloured,
    "two things": _two,
    "relation": _related,
    "count": _counted,
    "style": _styled,
}

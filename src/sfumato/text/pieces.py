r"""Weights in a text: ``(word:1.2)``, ``((word))``, ``[word]`` and ``BREAK``, read as A1111's UI reads them.

A round bracket multiplies by its number, or by 1.1; a square one divides by 1.1; a backslash makes the sign
after it text. Brackets that are never closed hold to the end. The rest of the grammar is in grammar.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

from sfumato.errors import InputError
from sfumato.text.limits import check_text

STEP = 1.1
HEAVIEST = 1000.0
"""Some seventy brackets; beyond it a weight is a slip, and would end in numbers that are not finite."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text of one weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Break:
    """Here the next chunk of tokens begins."""


BREAK: Final = Break()

_Part: TypeAlias = str | int | None
"""Text, or the number of the bracket that opens, or None where one closes."""

_SIGNS = re.compile(
    r"""\\[()\[\]{}<>|:_\\]                            # an escaped sign
      | [(\[]
      | (?: : \s*+ ([+-]?(?:\d++(?:\.\d*+)?|\.\d++)) \s*+ )? \)
      | \]
      | [^\\()\[\]:]++                                 # text
      | [\\:]""",
    re.VERBOSE,
)
_BREAK = re.compile(r"\bBREAK\b")


def pieces(text: str) -> tuple[Piece | Break, ...]:
    """The stretches of ``text`` with their weights, in time linear in its length.

    Neighbours of one weight are one piece, so their letters join to words. Raises InputError for a weight
    beyond a thousand, and for a text that no one reads (``limits``).
    """
    check_text(text)
    parts, factors = _opened_and_closed(text)
    found: list[Piece | Break] = []
    for weight, group in groupby(_weighted(parts, factors), key=itemgetter(1)):
        stretches = [stretch for stretch, _ in group]
        if weight is None:
            found += [BREAK] * len(stretches)
        else:
            found.append(Piece("".join(stretches), weight))
    return tuple(found)


def _opened_and_closed(text: str) -> tuple[list[_Part], list[float]]:
    """The text in parts, and what each bracket multiplies by, which only its end tells."""
    parts: list[_Part] = []
    factors: list[float] = []
    opened: list[tuple[str, int]] = []
    counts = {"(": 0, "[": 0}
    for match in _SIGNS.finditer(text):
        sign = match[0]
        kind = {")": "(", "]": "["}.get(sign[-1]) if sign[0] != "\\" else None
        if sign in counts:
            opened.append((sign, len(factors)))
            counts[sign] += 1
            parts.append(len(factors))
            factors.append(STEP if sign == "(" else 1 / STEP)
        elif kind is not None and counts[kind]:
            last = None
            while last != kind:  # what was opened inside and left open ends here too
                last, number = opened.pop()
                counts[last] -= 1
                parts.append(None)
            if match[1]:
                factors[number] = float(match[1])  # pyright: ignore[reportPossiblyUnboundVariable]
        else:
            parts.append(sign[1] if len(sign) == 2 and sign[0] == "\\" else sign)
    return parts, factors


def _weighted(parts: Iterable[_Part], factors: list[float]) -> Iterator[tuple[str, float | None]]:
    """Each stretch with its weight; None is the weight of a break."""
    weights = [1.0]
    for part in parts:
        if part is None:
            weights.pop()
        elif isinstance(part, int):
            weights.append(weights[-1] * factors[part])
        else:
            weight = round(weights[-1], 9)  # 1.1 * 1.1 is 1.21, whatever was multiplied first
            if not abs(weight) <= HEAVIEST:
                raise InputError(
                    f"{part[:30]!r} has the weight {weight:g}; weights go to {HEAVIEST:g}: take brackets away"
                )
            yield from _broken(part, weight)


def _broken(text: str, weight: float) -> Iterator[tuple[str, float | None]]:
    """``text`` cut at every BREAK, without the blanks beside it."""
    first, *rest = _BREAK.split(text)
    if first := first.rstrip() if rest else first:
        yield first, weight
    for number, stretch in enumerate(rest, 1):
        yield "BREAK", None
        if kept := stretch.strip() if number < len(rest) else stretch.lstrip():
            yield kept, weight

"""What a grid varies: every option that is a list, and every {a|b} of its texts, is an axis."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sfumato.cli.walk import parse_guidance, parse_size
from sfumato.errors import InputError

MOST_PICTURES = 2000
"""Of one grid: with 4 seconds each, two hours."""
MOST_SEEDS = 1000

_OPEN, _CLOSE = "([{", ")]}"
_BRACES = re.compile(r"\\.|\{([^{}]*)\}", re.DOTALL)


class Choice(NamedTuple):
    """One value of an axis: what of the request it sets, and what it is called on the sheet."""

    label: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Something that varies. ``part`` is the number of the braces in a text, None where all of it varies."""

    name: str
    choices: tuple[Choice, ...]
    part: int | None = None


Cell = tuple[tuple[Axis, Choice], ...]
"""One choice of every axis."""


def listed(text: str) -> list[str]:
    """Cut "2, cfg(4, stop=0.8)" at the commas that stand outside of brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        depth += 0 if quote else (letter in _OPEN) - (letter in _CLOSE)
        if letter == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def axis(name: str, text: str) -> Axis:
    """The values of an option, "euler,dpmpp_2m". Raises InputError for what is empty or cannot be read."""
    parts = listed(text)
    if not all(parts):
        raise InputError(f"{name} {text!r} has nothing between two commas: write, for instance, 2,4,8")
    read = VARIED[name]
    choices = [choice for part in parts for choice in read(name, part)]
    twice = [choice.label for number, choice in enumerate(choices) if choice in choices[:number]]
    if twice:
        raise InputError(f"{name} {twice[0]} is given twice: it would be the same picture")
    return Axis(name=name, choices=tuple(choices))


def text_axes(name: str, text: str) -> list[Axis]:
    """An axis for each {a|b} of a text. Raises InputError for braces in braces, and for one that is empty."""
    found = [match[1] for match in _BRACES.finditer(text) if match[1] is not None]
    if "$$" in text or re.search(r"\{[^{}]*\d::", text):
        raise InputError(f"{name} {text!r}: in a grid {{a|b}} is an axis, so shares and counts mean nothing")
    left = _BRACES.sub("", text)
    if "{" in left or "}" in left:
        raise InputError(f"{name} {text!r}: braces of a grid are closed, and stand in no others")
    axes: list[Axis] = []
    for part, inside in enumerate(found):
        choices = [Choice(option.strip() or "(nothing)", option) for option in inside.split("|")]
        if len(set(choices)) < len(choices):
            raise InputError(f"{name} {text!r}: {{{inside}}} says the same twice")
        axes.append(Axis(name=name, choices=tuple(choices), part=part))
    return axes


def filled(text: str, options: Sequence[str]) -> str:
    """The text with its braces replaced by ``options``, in their order."""
    left = iter(options)
    return _BRACES.sub(lambda match: match[0] if match[1] is None else next(left), text)


def cells(axes: Sequence[Axis]) -> Iterator[Cell]:
    """All choices with all others, the last axis running fastest. Raises InputError for too many."""
    count = 1
    for each in axes:
        count *= len(each.choices)
    if count > MOST_PICTURES:
        raise InputError(f"a grid of {count:,} pictures: at most {MOST_PICTURES:,}, so vary less at once")
    for chosen in itertools.product(*(each.choices for each in axes)):
        yield tuple(zip(axes, chosen, strict=True))


def changes(cell: Cell, texts: Mapping[str, str]) -> dict[str, Any]:
    """What of the request a cell sets; ``texts`` are those that may have braces, by their names."""
    found = {each.name: choice.value for each, choice in cell if each.part is None}
    for name, text in texts.items():
        options = [choice.value for each, choice in cell if each.name == name and each.part is not None]
        found[name] = filled(text, options)
    return found


# how options are read -----------------------------------------------------------------------------


def _word(name: str, text: str) -> list[Choice]:
    return [Choice(text, text)]


def _guidance(name: str, text: str) -> list[Choice]:
    return [Choice(text, parse_guidance(text))]


def _size(name: str, text: str) -> list[Choice]:
    return [Choice(text, parse_size(text))]


def _whole(name: str, text: str) -> list[Choice]:
    if not re.fullmatch(r"\d{1,19}", text):
        raise InputError(f"{name} {text!r} is no whole number")
    return [Choice(text, int(text))]


def _seeds(name: str, text: str) -> list[Choice]:
    """A number, or all from one to another: 1-4."""
    found = re.fullmatch(r"(\d{1,19})-(\d{1,19})", text)
    if found is None:
        return _whole(name, text)
    first, last = int(found[1]), int(found[2])
    if not first <= last < first + MOST_SEEDS:
        raise InputError(f"seeds {text}: from the lower to the higher, at most {MOST_SEEDS} of them")
    return [Choice(str(seed), seed) for seed in range(first, last + 1)]


def _share(name: str, text: str) -> list[Choice]:
    try:
        return [Choice(text, float(text))]
    except ValueError as error:
        raise InputError(f"{name} {text!r} is no number") from error


VARIED: dict[str, Callable[[str, str], list[Choice]]] = {
    "style": _word,
    "size": _size,
    "levels": _word,
    "sampler": _word,
    "steps": _whole,
    "guidance": _guidance,
    "weighting": _word,
    "clip_skip": _whole,
    "handoff": _share,
    "strength": _share,
    "seed": _seeds,
}
"""Options that may be lists, in the order in which they become axes: the last is across the sheet."""

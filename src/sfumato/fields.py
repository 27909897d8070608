"""What the fields of a request may hold: requests are also made from JSON that strangers wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias, cast

from sfumato.errors import InputError

MOST_DIGITS = 30
MOST_ROWS = 100  # of adapters, regions, ...: each costs memory and time

Kinds: TypeAlias = tuple[type, ...]

NUMBER: Kinds = (int, float)
NOTHING = type(None)

FIELDS: dict[str, Kinds] = {
    "prompt": (str,),
    "negative": (str,),
    "seed": (int,),
    "steps": (int,),
    "sampler": (str,),
    "guidance": (int, float, str),
    "size": (tuple, NOTHING),
    "levels": (str, NOTHING),
    "weighting": (str,),
    "clip_skip": (int, NOTHING),
    "adapters": (tuple,),
    "handoff": (int, float, NOTHING),
    "picture": (str, NOTHING),
    "mask": (str, NOTHING),
    "framing": (tuple, NOTHING),
    "strength": (int, float, NOTHING),
    "masking": (str,),
    "around": (int, NOTHING),
    "outpaint": (tuple, NOTHING),
    "passes": (tuple,),
    "variations": (tuple,),
    "toward": (tuple, NOTHING),
    "controls": (tuple,),
    "references": (tuple,),
    "regions": (tuple,),
    "regions_by": (str,),
    "sentence": (str, NOTHING),
    "model": (str,),
}

TUPLES: dict[str, tuple[int, str]] = {
    "size": (2, "two whole numbers (width, height)"),
    "framing": (4, "four whole numbers: width, height, left, top"),
    "outpaint": (4, "four whole numbers: left, top, right, bottom"),
}
"""Fields of whole numbers: how many, and what they are."""

ROWS: dict[str, tuple[tuple[Kinds, ...], str]] = {
    "adapters": (((str,), NUMBER, NUMBER), "a name with two weights, of picture and words"),
    "variations": (((int,), NUMBER), "a seed with a share of 0 to 1"),
    "controls": (
        ((str,), (str,), (str,), NUMBER, NUMBER, NUMBER),
        "a network, a kind, a picture's digest, a weight, where it starts and where it stops",
    ),
    "references": (((str,), (str,), (str,), NUMBER), "a network, a role, a picture's digest and a weight"),
    "regions": (
        ((str, tuple), (str,), (str,), NUMBER),
        "an area, its words, its unwanted words and how wide its seam is",
    ),
}
"""Fields of rows: what stands in a row, and how that is said."""


def check_fields(values: Mapping[str, object]) -> None:
    """Raise InputError, naming field and value, for what is of another kind than the field holds."""
    for name, kinds in FIELDS.items():
        value = values[name]
        check_digits(name, value)
        if isinstance(value, bool) or not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__.replace("NoneType", "null") for kind in kinds)
            raise InputError(f"the request's {name} is {value!r}, not {wanted}")
        if isinstance(value, str):
            check_unicode(name, value)
    for name, (length, meaning) in TUPLES.items():
        found = cast("tuple[object, ...] | None", values[name])
        if found is not None and (len(found) != length or any(type(each) is not int for each in found)):
            raise InputError(f"the request's {name} is {found!r}, not {meaning}")
    for name, (kinds, meaning) in ROWS.items():
        rows = cast("tuple[object, ...]", values[name])
        _check_count(name, rows)
        for row in rows:
            _check_row(name, row, kinds, meaning)
    _check_count("passes", cast("tuple[object, ...]", values["passes"]))
    _check_passes(values["passes"])
    _check_toward(values["toward"])


def _check_count(name: str, rows: tuple[object, ...]) -> None:
    if len(rows) > MOST_ROWS:
        raise InputError(f"the request has {len(rows)} {name}: {MOST_ROWS} at most")


def _check_row(name: str, row: object, kinds: tuple[Kinds, ...], meaning: str) -> None:
    parts = cast("tuple[object, ...]", row if isinstance(row, tuple) else ())
    fits = len(parts) == len(kinds) and all(
        isinstance(part, kind) and not isinstance(part, bool) for part, kind in zip(parts, kinds, strict=True)
    )
    if not fits:
        raise InputError(f"the request's {name.removesuffix('s')} {row!r} is not {meaning}")
    for part in parts:
        check_digits(name, part)
        if isinstance(part, str):
            check_unicode(name, part)
        elif isinstance(part, float) and not math.isfinite(part):
            raise InputError(f"the request's {name.removesuffix('s')} {row!r} has the number {part}")
        elif isinstance(part, tuple):
            _check_area(name, cast("tuple[object, ...]", part))


def _check_area(name: str, area: tuple[object, ...]) -> None:
    if len(area) != 4 or any(isinstance(each, bool) or not isinstance(each, NUMBER) for each in area):
        raise InputError(f"the request's {name} name the area {area!r}, not left, top, width and height")


def _check_passes(passes: object) -> None:
    for each in cast("tuple[object, ...]", passes):
        if not isinstance(each, str):
            raise InputError(f"the request's pass {each!r} is not text such as 'hires(2)'")
        check_unicode("passes", each)


def _check_toward(toward: object) -> None:
    if toward is None:
        return
    parts = cast("tuple[object, ...]", toward)
    share = parts[1] if len(parts) == 2 else None
    number = isinstance(share, NUMBER) and not isinstance(share, bool)
    if not number or not isinstance(parts[0], str):
        raise InputError(f"the request's toward is {toward!r}, not another prompt with a share of 0 to 1")
    check_unicode("toward", parts[0])


def check_digits(name: str, value: object) -> None:
    """Whole numbers without end fit no float, and past 4300 digits Python refuses to print them."""
    numbers = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
    if any(isinstance(number, int) and abs(number) >= 10**MOST_DIGITS for number in numbers):
        raise InputError(f"the request's {name} has more than {MOST_DIGITS} digits")


def check_unicode(name: str, value: str) -> None:
    """Half a surrogate pair (bytes of another encoding on a command line) has no UTF-8 and no tokens."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the request's {name} is not text: character {error.start + 1} is half a pair"
        ) from error

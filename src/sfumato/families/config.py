"""From the JSON in a weights file to frozen dataclasses, and nothing that does not fit them exactly."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from sfumato.errors import CheckpointError

Config = TypeVar("Config")


def parse(kind: type[Config], text: str, where: str) -> Config:
    """The dataclass ``kind`` that ``text`` (JSON) describes; ``where`` names the place in errors.

    Fields are int, float, bool, str, tuples of those, or dataclasses of such. Raises CheckpointError for
    fields that are unknown, absent or of another type, and for values that ``kind`` itself refuses.
    """
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where} is not JSON: {error}") from error
    return _build(kind, found, where)


def _build(kind: type[Config], found: object, where: str) -> Config:
    if not isinstance(found, dict):
        raise CheckpointError(f"{where} is a JSON {type(found).__name__}, not an object of fields")
    given = cast("dict[str, object]", found)
    wanted = {field.name: field for field in fields(cast("Any", kind))}
    unknown = sorted(set(given) - set(wanted))
    absent = sorted(name for name in set(wanted) - set(given) if wanted[name].default is MISSING)
    if unknown or absent:
        faults = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"no {', '.join(absent)}"] * bool(
            absent
        )
        raise CheckpointError(
            f"{where} has {' and '.join(faults)}; it was written by another version of sfumato"
        )
    hints = get_type_hints(kind)
    try:
        values = {name: _value(hints[name], value, f"{where}.{name}") for name, value in given.items()}
        return kind(**values)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise CheckpointError(f"{where}: {error}") from error


def _value(hint: object, found: object, where: str) -> object:
    if is_dataclass(hint):
        return _build(cast("type[object]", hint), found, where)
    if get_origin(hint) is tuple:
        if not isinstance(found, list):
            raise CheckpointError(f"{where} is {found!r}, not a list")
        items = cast("list[object]", found)
        kinds = get_args(hint)
        kinds = (kinds[0],) * len(items) if kinds[-1] is Ellipsis else kinds
        if len(kinds) != len(items):
            raise CheckpointError(f"{where} has {len(items)} entries, not {len(kinds)}")
        return tuple(_value(kind, item, where) for kind, item in zip(kinds, items, strict=True))
    if hint is float and type(found) is int:
        return float(found)
    if type(found) is not hint:
        raise CheckpointError(f"{where} is {found!r}, not {getattr(hint, '__name__', hint)}")
    return found

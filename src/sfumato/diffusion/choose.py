"""Looking up a name that a person typed, in one of the explicit tables."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from sfumato.errors import InputError

Entry = TypeVar("Entry")


def choose(table: Mapping[str, Entry], name: str, what: str) -> Entry:
    """The entry of that name; else an ``InputError`` with the nearest names, or with all of them."""
    if name in table:
        return table[name]
    near = get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), table, n=3, cutoff=0.5)
    way_out = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(table))}"
    raise InputError(f"unknown {what} {name!r}: {way_out}")

"""What everyday words mean in words that a model knows (``everyday.toml``), or how near they are spelt.

Families tell it of a prompt, so nothing here knows the world's own tables.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ALIKE = 0.72
"""Least likeness of spelling (difflib's ratio), at which "elefant" is elephant."""


def meanings(word: str) -> tuple[str, ...]:
    """The words of the world that an everyday word stands behind, in the table's order; () for none."""
    table = _everyday()
    return next((table[form] for form in singulars(word.lower()) if form in table), ())


def meant_kinds() -> dict[str, dict[str, tuple[str, ...]]]:
    """The whole table: kind, the world's word, everyday words behind it."""
    return {kind: {word: tuple(behind) for word, behind in rows.items()} for kind, rows in _table().items()}


def singulars(word: str) -> list[str]:
    """A word, and all that it may be the plural or the possessive of."""
    forms = [word, word.removesuffix("'s"), word.removesuffix("s"), word.removesuffix("es")]
    if word.endswith("ies"):
        forms.append(word.removesuffix("ies") + "y")
    if word.endswith("ves"):
        forms.append(word.removesuffix("ves") + "f")
    return forms


def alike(word: str, known: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """Of ``known`` words those that are written alike, the most alike first."""
    return tuple(difflib.get_close_matches(word.lower(), list(known), n=most, cutoff=ALIKE))


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(Path(__file__).with_name("everyday.toml").read_text(encoding="utf-8"))


@cache
def _everyday() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for rows in _table().values():
        for word, behind in rows.items():
            for each in behind:
                found.setdefault(each, []).append(word)
    return {word: tuple(dict.fromkeys(words)) for word, words in found.items()}

"""Which words of a sentence a model does not know, and what to write instead.

A word that was never taught has no place in a model's text space: its pieces land somewhere, near anything.
So an unknown word is brought to known ones by people's knowledge, the table of everyday words
(``everyday.toml``), or else by spelling. Which of several known words suits the sentence best, the text tower
may then say: it measures known words only, in ``near.py``.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sfumato.text.words import unknown_words
from sfumato.words.lexicon import Lexicon

ALIKE = 0.72
"""Least likeness of spelling (difflib's ratio), at which "elefant" is elephant."""
MOST = 5

Ranked = Callable[[str, Sequence[str]], Sequence[str]]
"""Orders known words by how well they suit a sentence: ``near.suiting``."""


@dataclass(frozen=True)
class Unknown:
    """A word that the model was never taught. ``instead`` are known ones, the likeliest first.

    ``why`` is "means" (the table has it), "spelt" (it looks alike) or "" (nothing is near).
    """

    word: str
    instead: tuple[str, ...]
    why: str


def check(sentence: str, lexicon: Lexicon, *, ranked: Ranked | None = None) -> list[Unknown]:
    """Every unknown word of a sentence, in order, each once."""
    return [_looked_up(word, sentence, lexicon, ranked) for word in unknown_words(sentence, lexicon.words)]


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


def spelt_alike(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Known words that are written alike, the most alike first."""
    return tuple(difflib.get_close_matches(word.lower(), lexicon.content, n=3, cutoff=ALIKE))


def _looked_up(word: str, sentence: str, lexicon: Lexicon, ranked: Ranked | None) -> Unknown:
    meant, alike = meanings(word), spelt_alike(word, lexicon)
    if ranked is not None and len(meant) > 1:
        meant = tuple(ranked(sentence.replace(word, " ", 1), meant))
    why = "means" if meant else "spelt" if alike else ""
    return Unknown(word, (meant or alike)[:MOST], why)


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

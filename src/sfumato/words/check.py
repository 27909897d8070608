"""Which words of a sentence a model does not know, and what to write instead.

A word that was never taught has no place in a model's text space: its pieces land somewhere, near anything.
So an unknown word is brought to known ones by people's knowledge, the table of everyday words
(``everyday.toml``), or else by spelling. Which of several known words suits the sentence best, the text tower
may then say: it measures known words only, in ``near.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sfumato.text.words import unknown_words
from sfumato.words.everyday import alike, meanings
from sfumato.words.lexicon import Lexicon

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


def spelt_alike(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Known words that are written alike, the most alike first."""
    return alike(word, lexicon.content)


def _looked_up(word: str, sentence: str, lexicon: Lexicon, ranked: Ranked | None) -> Unknown:
    meant, spelt = meanings(word), spelt_alike(word, lexicon)
    if ranked is not None and len(meant) > 1:
        meant = tuple(ranked(sentence.replace(word, " ", 1), meant))
    why = "means" if meant else "spelt" if spelt else ""
    return Unknown(word, (meant or spelt)[:MOST], why)

"""Which words of a prompt a model with a closed vocabulary has never seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator

_APOSTROPHES = str.maketrans("’‘ʼ", "'''")


def unknown_words(prompt: str, known: Container[str]) -> tuple[str, ...]:
    """The words of ``prompt`` that are not in ``known`` (lower-case), as typed, each once, in order.

    A possessive counts as its owner and a hyphenated word as its parts. An emoji is a word; numbers are too.
    """
    missing = {
        word.lower(): word for word in reversed(list(words_of(prompt))) if not _is_known(word.lower(), known)
    }
    return tuple(reversed(missing.values()))


def words_of(prompt: str) -> Iterator[str]:
    """The words of ``prompt``, as typed."""
    text = unicodedata.normalize("NFKC", prompt).translate(_APOSTROPHES)
    for chunk in "".join(map(_spaced, text)).split():
        word = chunk.strip("-'")
        if any(unicodedata.category(character)[0] in "LNS" for character in word):
            yield word


def _spaced(character: str) -> str:
    """Letters, marks, digits, hyphen and apostrophe stay in their word; a pictograph is a word of its own."""
    category = unicodedata.category(character)
    if category == "So":
        return f" {character} "
    return character if category[0] in "LMN" or character in "-'" else " "


def _is_known(word: str, known: Container[str]) -> bool:
    if word in known or word.removesuffix("'s").removesuffix("'") in known:
        return True
    parts = [part for part in word.split("-") if part]
    return len(parts) > 1 and all(_is_known(part, known) for part in parts)

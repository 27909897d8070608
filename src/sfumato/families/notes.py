"""What a model did not read of a prompt, in one line each: a picture's notes."""

from __future__ import annotations

from collections.abc import Set

from sfumato.text.words import unknown_words
from sfumato.words.everyday import alike, meanings

SUGGESTED = 2
"""Words for each that is unknown."""


def unknown_note(prompt: str, known: Set[str]) -> str | None:
    """Name the words of ``prompt`` that are not in ``known`` and what to write instead; None if all are."""
    unknown = unknown_words(prompt, known)
    if not unknown:
        return None
    suggestions = dict.fromkeys(each for word in unknown for each in _instead(word, known))
    hint = f"; write instead: {', '.join(suggestions)}" if suggestions else ""
    return f"the model does not know: {', '.join(unknown)}{hint}"


def _instead(word: str, known: Set[str]) -> tuple[str, ...]:
    """What the word means in known words, or else known ones that are spelt alike; a few at most."""
    meant = [each for each in meanings(word) if not unknown_words(each, known)]
    return tuple(meant[:SUGGESTED]) or alike(word, sorted(known), most=SUGGESTED)


def break_note(*, breaks: bool) -> str | None:
    """Say that BREAK does nothing here; None unless the text ``breaks``."""
    return "BREAK has no effect: this model reads one chunk of tokens" if breaks else None


def cut_note(cut: str, length: int) -> str | None:
    """Say that the text ``cut`` lay beyond the ``length`` tokens that are read; None if nothing did."""
    return f"the text was cut at {length} tokens; not read: {cut!r}" if cut else None

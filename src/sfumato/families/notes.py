"""What a model did not read of a prompt, in one line each: a picture's notes."""

from __future__ import annotations

import difflib
from collections.abc import Set

from sfumato.text.words import unknown_words


def unknown_note(prompt: str, known: Set[str]) -> str | None:
    """Name the words of ``prompt`` that are not in ``known`` and what to write instead; None if all are."""
    unknown = unknown_words(prompt, known)
    if not unknown:
        return None
    listed = sorted(known)
    near = [difflib.get_close_matches(word.lower(), listed, n=2, cutoff=0.6) for word in unknown]
    suggestions = dict.fromkeys(match for matches in near for match in matches)
    hint = f"; nearest words it knows: {', '.join(suggestions)}" if suggestions else ""
    return f"the model does not know: {', '.join(unknown)}{hint}"


def break_note(*, breaks: bool) -> str | None:
    """Say that BREAK does nothing here; None unless the text ``breaks``."""
    return "BREAK has no effect: this model reads one chunk of tokens" if breaks else None


def cut_note(cut: str, length: int) -> str | None:
    """Say that the text ``cut`` lay beyond the ``length`` tokens that are read; None if nothing did."""
    return f"the text was cut at {length} tokens; not read: {cut!r}" if cut else None

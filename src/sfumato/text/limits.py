"""What no text may exceed, so that a hostile one costs seconds and not the machine."""

from __future__ import annotations

import re

from sfumato.errors import InputError

LONGEST = 100_000
"""Characters; far beyond any prompt, and few enough that everything that reads them is done in a second."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def check_text(text: str) -> None:
    """Raise InputError for a text that is too long, or holds half a character."""
    if len(text) > LONGEST:
        raise InputError(f"the text has {len(text):,} characters; at most {LONGEST:,} are read: shorten it")
    if half := _SURROGATE.search(text):
        raise InputError(
            f"the text holds U+{ord(half[0]):04X}, half of a character, at place {half.start()}: take it out"
        )

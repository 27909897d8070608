"""Names that the server gives to jobs and pictures: no text of a client ever becomes one, or a file's."""

from __future__ import annotations

import re
import secrets
import time

LETTERS = "0123456789abcdefghijklmnopqrstuv"  # in the order in which text is sorted
PATTERN = r"^[0-9a-v]{25}$"


def fresh_id(at: float | None = None) -> str:
    """A name that no other has: 13 letters of time in nanoseconds, 12 drawn by lot; sorted as they were made.

    ``at`` is the time, in seconds since 1970, of something that is older than its name.
    """
    moment = time.time_ns() if at is None else int(at * 1e9)
    return _spelt(moment, 13) + _spelt(secrets.randbits(60), 12)


def is_id(text: str) -> bool:
    """Whether the text can be one of our names."""
    return re.fullmatch(PATTERN, text) is not None


def _spelt(number: int, length: int) -> str:
    return "".join(LETTERS[number >> 5 * place & 31] for place in reversed(range(length)))

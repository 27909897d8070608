"""Sessions of the page: a random number in a cookie that scripts cannot read and other sites cannot send."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from sfumato.serve.guarding.tokens import Holder

COOKIE = "sfumato_session"
LASTING = 12 * 3600  # seconds
MOST = 100  # of one holder, open at once; their oldest ends first


class Sessions:
    """Who is logged in, by the digest of the number; all end with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[bytes, tuple[float, Holder]] = {}

    def begin(self, holder: Holder) -> str:
        """A new session's number."""
        number = secrets.token_urlsafe(32)
        self._open[_digest(number)] = (self._clock() + LASTING, holder)
        own = [digest for digest, (_, whose) in self._open.items() if whose.name == holder.name]
        for digest in own[:-MOST]:
            del self._open[digest]
        return number

    def holder(self, number: str) -> Holder | None:
        """Whose session it is, unless it has ended."""
        until, holder = self._open.get(_digest(number), (0.0, None))
        if holder is not None and until <= self._clock():
            self.end(number)
            return None
        return holder

    def end(self, number: str) -> None:
        """Log out."""
        self._open.pop(_digest(number), None)


def number_in(cookie: str) -> str | None:
    """Our number in a Cookie header."""
    try:
        found = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def cookie(number: str, *, lasting: int, secure: bool) -> str:
    """The Set-Cookie header; ``lasting`` 0 takes it away."""
    parts = [f"{COOKIE}={number}", "Path=/", "HttpOnly", "SameSite=Strict", f"Max-Age={lasting}"]
    return "; ".join([*parts, *["Secure"] * secure])


def _digest(number: str) -> bytes:
    return hashlib.sha256(number.encode()).digest()

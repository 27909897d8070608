"""How often one client may ask, and how many streams it may hear at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked

STREAM = "/events"
CLIENTS = 10_000  # remembered at most


class Rates:
    """A bucket for each client, that a minute fills; and its open streams."""

    def __init__(self, per_minute: int, streams: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._most_streams = streams
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._streams: dict[str, int] = {}

    def count(self, client: str) -> None:
        """Count a request. Raises Denied."""
        now, most = self._clock(), float(self._per_minute)
        left, at = self._left.pop(client, (most, now))
        left = min(most, left + (now - at) * most / 60)
        self._left[client] = (max(0.0, left - 1), now)
        while len(self._left) > CLIENTS:
            del self._left[next(iter(self._left))]
        if left < 1:
            wait = max(1, math.ceil((1 - left) * 60 / most))
            told = f"more than {self._per_minute} requests a minute; again in {wait} seconds"
            raise Denied(429, told, kind="too_many", headers={"Retry-After": str(wait)})

    @contextmanager
    def stream(self, asked: Asked, client: str) -> Generator[None]:
        """Hold a place while a stream is open; other requests need none. Raises Denied."""
        if not asked.path.endswith(STREAM):
            yield
            return
        number = self._streams.get(client, 0)
        if number >= self._most_streams:
            told = f"{number} streams are open already; end one, or ask for the job itself"
            raise Denied(429, told, kind="too_many", headers={"Retry-After": "5"})
        self._streams[client] = number + 1
        try:
            yield
        finally:
            self._streams[client] -= 1
            if not self._streams[client]:
                del self._streams[client]

"""Wrong tokens make an address slow: a while for each, then none is looked at for a while."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import anyio

from sfumato.serve.guarding.answers import Denied

FREE = 3  # mistakes that cost nothing
MOST = 10  # mistakes in WINDOW; then no token from there is looked at
WINDOW = 60.0
ADDRESSES = 10_000  # remembered at most


class Attempts:
    """The last failures of each address. ``first`` is the seconds that the first slow one costs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, first: float = 0.2) -> None:
        self._clock = clock
        self._first = first
        self._failed: dict[str, deque[float]] = {}

    def check(self, address: str) -> None:
        """Raise Denied where too many tokens from this address were wrong lately."""
        failed = self._recent(address)
        if len(failed) >= MOST:
            wait = max(1, int(failed[0] + WINDOW - self._clock()) + 1)
            raise Denied(
                429,
                f"too many wrong tokens from this address; again in {wait} seconds",
                kind="too_many_attempts",
                headers={"Retry-After": str(wait)},
            )

    async def failed(self, address: str) -> None:
        """Count a failure, and take the longer for it the more there were."""
        failed = self._recent(address)
        failed.append(self._clock())
        self._failed[address] = failed
        while len(self._failed) > ADDRESSES:
            del self._failed[next(iter(self._failed))]
        if len(failed) > FREE:
            await anyio.sleep(min(2.0, self._first * 2 ** (len(failed) - FREE - 1)))

    def _recent(self, address: str) -> deque[float]:
        failed = self._failed.get(address, deque[float]())
        while failed and failed[0] <= self._clock() - WINDOW:
            failed.popleft()
        return failed

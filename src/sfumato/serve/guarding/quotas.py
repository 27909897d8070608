"""How much is drawn for one client: jobs in the last hour, pictures in the last day."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from sfumato.serve.guarding.tokens import Holder

HOUR, DAY = 3600.0, 86_400.0


class QuotaSpent(Exception):  # noqa: N818 - named after what happened
    """Nothing more is drawn for this client before ``retry_after`` seconds have passed; 0: never so much."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Quotas:
    """What each holder has spent lately. Clients without a quota spend freely; safe in threads."""

    def __init__(self, holders: Sequence[Holder] = (), clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._spent = {holder.name: deque[tuple[float, int]]() for holder in holders}
        self._holders = {holder.name: holder for holder in holders}

    @property
    def clients(self) -> Sequence[str]:
        """Whose spending is counted."""
        return [
            name
            for name, each in self._holders.items()
            if (each.jobs_per_hour, each.pictures_per_day) != (None, None)
        ]

    def remember(self, client: str, at: float, pictures: int) -> None:
        """Count a job of the past: quotas hold over a restart. ``at`` is in seconds since 1970."""
        with self._lock:
            if client in self._spent:
                rows = sorted([*self._spent[client], (at, pictures)])
                self._spent[client] = deque(rows)

    def spend(self, client: str, pictures: int) -> float | None:
        """Count a new job; a mark for ``give_back``. Raises QuotaSpent."""
        holder, now = self._holders.get(client), self._clock()
        if holder is None:
            return None
        with self._lock:
            spent = self._spent[client]
            while spent and spent[0][0] <= now - DAY:
                spent.popleft()
            _check(
                holder.jobs_per_hour, [(at, 1) for at, _ in spent if at > now - HOUR], 1, (now, HOUR, "jobs")
            )
            _check(holder.pictures_per_day, list(spent), pictures, (now, DAY, "pictures"))
            spent.append((now, pictures))
        return now

    def give_back(self, client: str, mark: float | None) -> None:
        """Forget a job that was not accepted after all."""
        with self._lock:
            rows = self._spent.get(client, ())
            found = next((row for row in rows if row[0] == mark), None)
            if found is not None:
                self._spent[client].remove(found)


def _check(
    most: int | None, spent: Sequence[tuple[float, int]], more: int, window: tuple[float, float, str]
) -> None:
    now, span, unit = window
    if most is None or sum(count for _, count in spent) + more <= most:
        return
    per = "hour" if span == HOUR else "day"
    if more > most:
        raise QuotaSpent(
            f"{more} {unit} at once are more than your quota of {most} per {per}; ask for fewer", 0
        )
    free, until = most - sum(count for _, count in spent), now
    for at, count in spent:
        free, until = free + count, at + span
        if free >= more:
            break
    wait = max(1, math.ceil(until - now))
    raise QuotaSpent(f"your quota of {most} {unit} per {per} is spent; again in {wait} seconds", wait)

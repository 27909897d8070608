"""What happens to jobs, told to whoever watches: from the worker's thread into the event loop.

Nothing is kept but the last event of each job that is not over. A slow watcher misses steps, never the end,
and holds at most one event of each kind and picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Generator, Mapping
from threading import Lock
from typing import NamedTuple

LAST = ("done", "failed", "cancelled", "closing")
"""Kinds of events after which a stream ends. "closing" is told when the server ends before the job does."""
BEAT = "beat"
"""The kind of an event that says only that the stream still lives."""


class Event(NamedTuple):
    """``id`` counts the events of a job, from the moment on at which the server was started."""

    kind: str
    data: Mapping[str, object]
    id: int = 0


def _is_replaced(older: Event, event: Event) -> bool:
    """Whether nobody needs the older one when the other has come."""
    return older.kind == event.kind and older.data.get("picture") == event.data.get("picture")


class Watch:
    """One that watches a job. To be used in the event loop that it was made in."""

    def __init__(self, *, previews: bool) -> None:
        self.previews = previews
        self._loop = asyncio.get_running_loop()
        self._pending: deque[Event] = deque()
        self._lock = Lock()
        self._awake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Add an event, in the place of an older one of its kind and picture. From any thread."""
        with self._lock:
            for older in [each for each in self._pending if _is_replaced(each, event)]:
                self._pending.remove(older)
                if event.data.get("preview") is None and older.data.get("preview") is not None:
                    event = event._replace(data={**event.data, "preview": older.data["preview"]})
            self._pending.append(event)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._awake.set)

    async def next(self, timeout: float | None = None) -> Event | None:
        """The next event; None when none came in ``timeout`` seconds."""
        while True:
            with self._lock:
                if self._pending:
                    return self._pending.popleft()
                self._awake.clear()
            try:
                await asyncio.wait_for(self._awake.wait(), timeout)
            except TimeoutError:
                return None


class Hub:
    """The watchers of all jobs. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._watches: dict[str, list[Watch]] = {}
        self._last: dict[str, Event] = {}
        self._lock = Lock()
        self._first = time.time_ns() // 1_000_000  # so that no number is of an earlier server, too

    def tell(self, job: str, kind: str, data: Mapping[str, object]) -> None:
        """Tell all watchers of a job."""
        with self._lock:
            before = self._last.pop(job, None)
            event = Event(kind, data, self._first if before is None else before.id + 1)
            if kind not in LAST:
                self._last[job] = event
            watches = list(self._watches.get(job, ()))
        for watch in watches:
            watch.put(event)

    def last(self, job: str) -> Event | None:
        """What was told last of a job that is not over."""
        with self._lock:
            return self._last.get(job)

    def forget(self, job: str) -> None:
        """Keep nothing of a job that is over: it may have taken a step after its end was told."""
        with self._lock:
            self._last.pop(job, None)

    def is_watched(self, job: str) -> bool:
        """Whether anybody wants to see its steps."""
        with self._lock:
            return any(watch.previews for watch in self._watches.get(job, ()))

    @property
    def watched(self) -> tuple[str, ...]:
        """The jobs that anybody watches."""
        with self._lock:
            return tuple(self._watches)

    @contextlib.contextmanager
    def watching(self, job: str, *, previews: bool = True) -> Generator[Watch]:
        """Watch a job from now on, in the event loop that runs."""
        watch = Watch(previews=previews)
        with self._lock:
            self._watches.setdefault(job, []).append(watch)
        try:
            yield watch
        finally:
            with self._lock:
                left = self._watches[job]
                left.remove(watch)
                if not left:
                    del self._watches[job]

    def close(self, data: Mapping[str, object]) -> None:
        """End all streams: the server goes, and the jobs stay."""
        for job in self.watched:
            self.tell(job, "closing", data)

"""The jobs that wait: the line, and what each of them is. For any thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from sfumato.engine.line import Line
from sfumato.serve.store.records import Job
from sfumato.serve.wish import Wish

USUAL = (512, 512)  # the size, and
STEPS = 24  # the steps, that a wish is taken to have which says none: costs need only be comparable


class Waiting:
    """Jobs in the order in which they will be begun, if nothing else comes."""

    def __init__(self) -> None:
        self._line = Line()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: object) -> bool:
        return job in self._jobs

    def put(self, job: Job) -> None:
        """Let a job wait; one that waits already goes on waiting where it is."""
        with self._lock:
            if job.id not in self._jobs:
                self._jobs[job.id] = job
                self._line.put(job.id, job.client, cost_of(job))

    def take(self, fits: Callable[[Job], bool], *, may: Callable[[str], bool]) -> Job | None:
        """The next that fits, of a client that ``may`` begin one; it waits no longer."""
        with self._lock:
            name = self._line.take(lambda name: fits(self._jobs[name]), may)
            return None if name is None else self._jobs.pop(name)

    def put_back(self, job: Job) -> None:
        """Let the job that was taken last wait where it was: it could not begin."""
        with self._lock:
            if job.id not in self._jobs:
                self._jobs[job.id] = job
                self._line.put_back(job.id)

    def remove(self, id: str) -> bool:  # noqa: A002 - what it is called everywhere
        """Let a job wait no longer. Whether it did."""
        with self._lock:
            if self._jobs.pop(id, None) is None:
                return False
            self._line.remove(id)
            return True

    def place(self, id: str) -> int:  # noqa: A002
        """The place of a job, 1 the next; 0 for one that does not wait."""
        with self._lock:
            return self._line.place(id) if id in self._jobs else 0

    def late(self) -> list[Job]:
        """Those whose time is over."""
        now = time.time()
        with self._lock:
            return [job for job in self._jobs.values() if ends_at(job) <= now]


def ends_at(job: Job) -> float:
    """When a job's time is over, in seconds since 1970; infinity where it has all the time."""
    seconds = job.wish.get("deadline")
    return job.created + seconds if isinstance(seconds, int | float) else float("inf")


def cost_of(job: Job) -> float:
    """About how much work a job is, in steps of a picture of the usual size."""
    wish = Wish.model_validate(job.wish)
    width, height = wish.size or USUAL
    return wish.count * (wish.steps or STEPS) * width * height / (USUAL[0] * USUAL[1])

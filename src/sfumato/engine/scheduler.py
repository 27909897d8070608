"""Continuous batching: requests join and leave between any two forwards, and all who can share one do.

``step`` runs one forward for whoever has had least (``shares.py``), filled with what rows of others can share
it (``forwards.py``). So a forward is the longest that anybody waits for a stranger at a time. One thread
joins, leaves and steps.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass
from itertools import count
from typing import NamedTuple, cast

import torch

from sfumato.engine.failures import Answer, is_of_memory, not_finite, told, which_finite
from sfumato.engine.foresight import Foresight
from sfumato.engine.forwards import EXACT_ROWS, FAST_ROWS, Live, Row, answered, gathered, most_rows
from sfumato.engine.job import Drawing, Drawn
from sfumato.engine.question import Asked
from sfumato.engine.shares import Turns
from sfumato.errors import DeadlinePassed
from sfumato.families.model import Model

LIVE = 16
"""Jobs that one who fills a scheduler draws at a time. Forwards are as full as they get from 12 on (6.2 of 8
rows at 64 users of mixed requests; benchmarks/serve.py), and more make each of them later.
"""

CAUTION = 200
"""Forwards for which no more than half the rows share one after that many were too much for the memory."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A job for a model, from a client. ``exact``: its pixels do not depend on what else is drawn."""

    drawing: Drawing
    model: Model
    _: KW_ONLY
    client: str = ""
    exact: bool = False
    deadline: float | None = None  # by ``time.monotonic``: it ends with DeadlinePassed within a step
    tag: object = None  # the caller's own, given back with the end
    foresight: Foresight | None = None  # of the model: fast forwards stay within the memory that is free


class Ended(NamedTuple):
    """Job ``number`` is over: here is its picture, or the error that it alone died of.

    ``exact``: whether every forward of it had exactly ``EXACT_ROWS`` rows, asked for or not. ``seconds`` is
    its share of the time that was spent: of a forward of eight rows, two of them its own, a quarter.
    """

    number: int
    outcome: Drawn | Exception
    exact: bool
    seconds: float
    tag: object = None


class Scheduler:
    """Draws all that join, a forward at a time. Fair between clients, and between the jobs of one client.

    What is shared out is seconds by ``clock``; if not ``timed``, rows, so that the same jobs meet in the same
    forwards whatever else the machine does. ``good`` is for how many jobs, or clients, ``has_room`` says so.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, timed: bool = True, good: int = LIVE
    ) -> None:
        self.good = good
        self.rows = 0  # of the last forward, with copies
        self._clock = clock
        self._timed = timed
        self._numbers = count()
        self._entries: dict[int, Entry] = {}
        self._clients: Counter[str] = Counter()  # how many jobs each has here
        self._new: list[int] = []
        self._jobs: dict[int, Live] = {}
        self._turns: Turns[str, int] = Turns()
        self._cramped: dict[Hashable, tuple[int, int]] = {}  # rows that fit, and forwards to heed it for
        self._talking: int | None = None  # the job that runs now: its watcher may want it to end
        self._left = False

    @property
    def live(self) -> int:
        """How many have joined and have not ended."""
        return len(self._entries)

    def has_room(self, client: str) -> bool:
        """Whether it is good for all that another job of this client joins; to be asked before ``join``.

        So many clients have one each here, however many jobs others of them have. Where there are more
        clients, some wait until another's job ends, and all are served sooner: simulated with 64 who send one
        picture after the other, small and large ones take a third of what they take if all 64 begin at once.
        """
        return self.live < self.good or (self._clients[client] == 0 and len(self._clients) < self.good)

    def join(self, entry: Entry) -> int:
        """The number of a new job, which begins with the next step."""
        number = next(self._numbers)
        self._entries[number] = entry
        self._clients[entry.client] += 1
        self._new.append(number)
        return number

    def leave(self, number: int) -> None:
        """Close a job, and forget it, if it has not ended: nothing is told of it any more."""
        if number not in self._entries:
            return
        if number == self._talking:
            self._left = True  # a generator that runs cannot be closed
        else:
            self._closed(number)

    def close(self) -> None:
        """Close all jobs."""
        with ExitStack() as closing:
            for number in list(self._entries):
                closing.callback(self._closed, number)

    def step(self) -> list[Ended]:
        """Begin who has joined, run one forward, and hand its answers on; who ended by it."""
        over = [*self._expired(), *self._begun()]
        if not self._jobs:
            return over
        rows = gathered([self._jobs[number] for number in self._turns.order()], self._most)
        return [*over, *self._ran(rows)]

    def _expired(self) -> list[Ended]:
        now = self._clock()
        late = [
            number
            for number, entry in self._entries.items()
            if entry.deadline is not None and entry.deadline <= now
        ]
        return [self._ended(number, _late(self._seconds(number))) for number in late]

    def _begun(self) -> Iterator[Ended]:
        while self._new:
            number = self._new.pop(0)
            entry = self._entries[number]
            job = Live(number, entry.drawing, entry.model, exact=entry.exact, foresight=entry.foresight)
            self._jobs[number] = job
            self._turns.come(number, entry.client)
            yield from self._sent(job, None)

    def _ran(self, rows: Sequence[Row]) -> list[Ended]:
        """Run the forward of these rows; one that was shared and failed is run again for each job alone."""
        jobs = list(dict.fromkeys(row.job for row in rows))
        started = self._clock()
        try:
            answers, size = answered(rows)
            self.rows = size
            sound = which_finite(answers)
        except Exception as error:  # handed to whoever asked for this picture
            self._spent([row.job for row in rows], self._clock() - started)
            if len(jobs) == 1:
                return [self._ended(jobs[0].number, told(error, rows[0].asked, jobs[0].model))]
            for job in jobs:
                job.apart = True
            if is_of_memory(error):
                self._cramped[rows[0].kin] = max(EXACT_ROWS, len(rows) // 2), CAUTION
            return []
        self._spent([row.job for row in rows], self._clock() - started)
        return [*self._handed_on(rows, answers, sound, size=size)]

    def _most(self, row: Row) -> int:
        """How many rows like this share a fast forward: for a while fewer than what was too much."""
        rows, forwards = self._cramped.pop(row.kin, (FAST_ROWS, 0))
        if forwards:
            self._cramped[row.kin] = rows, forwards - 1
        return min(rows, most_rows(row))

    def _handed_on(
        self, rows: Sequence[Row], answers: Sequence[Answer], sound: Sequence[bool], *, size: int
    ) -> Iterator[Ended]:
        """Put answers where they belong, end the jobs of what is not finite, let complete ones go on."""
        broken: dict[Live, Asked] = {}
        for row, answer, whole in zip(rows, answers, sound, strict=True):
            job = row.job
            job.was_exact &= row.kin is None or size == EXACT_ROWS
            job.answers[row.place] = answer
            job.waits = [each for each in job.waits if each is not row]
            if not whole:
                broken.setdefault(job, row.asked)
        for job in dict.fromkeys(row.job for row in rows):
            if job.number not in self._jobs:
                continue  # another's watcher ended it meanwhile
            if job in broken:
                yield self._ended(job.number, not_finite(broken[job], job.model))
            elif not job.waits:
                yield from self._sent(job, cast("list[Answer]", job.answers))

    def _sent(self, job: Live, answers: Sequence[Answer] | None) -> Iterator[Ended]:
        """Send a job its answers; its end, unless it asks on. What it raises ends no other job."""
        started = self._clock()
        outcome: Drawn | Exception | None = None
        self._talking = job.number
        try:
            with torch.inference_mode():
                question = job.talk.send(answers)
                while not question:
                    question = job.talk.send([])
            job.asks(question)
        except StopIteration as done:
            outcome = cast("Drawn", done.value)
        except Exception as error:  # as above
            outcome = told(error, None, job.model)
        self._spent([job], self._clock() - started, rows=0)
        self._talking, left, self._left = None, self._left, False
        if left:
            self._closed(job.number)
        elif outcome is not None:
            yield self._ended(job.number, outcome)

    def _spent(self, jobs: Sequence[Live], seconds: float, *, rows: int = 1) -> None:
        """Charge time to jobs, those named twice twice; if turns are not timed, so many rows to each."""
        for job in jobs:
            job.seconds += seconds / len(jobs)
            if job.number in self._jobs:
                self._turns.charge(job.number, seconds / len(jobs) if self._timed else rows)

    def _seconds(self, number: int) -> float:
        return self._jobs[number].seconds if number in self._jobs else 0.0

    def _ended(self, number: int, outcome: Drawn | Exception) -> Ended:
        job, tag = self._jobs.get(number), self._entries[number].tag
        try:
            self._closed(number)
        except Exception as error:  # as above; of its ``finally``
            outcome = error
        exact, seconds = (True, 0.0) if job is None else (job.was_exact, job.seconds)
        return Ended(number, outcome, exact, seconds, tag)

    def _closed(self, number: int) -> None:
        entry = self._entries.pop(number)
        self._clients -= Counter([entry.client])  # and forget who has none
        if self._jobs.pop(number, None) is None:
            self._new.remove(number)
        else:
            self._turns.go(number)
        entry.drawing.close()


def _late(seconds: float) -> DeadlinePassed:
    return DeadlinePassed(
        f"not finished by the deadline, after {seconds:.1f} s of work on it: give it more time, or ask for "
        "fewer steps or a smaller picture"
    )

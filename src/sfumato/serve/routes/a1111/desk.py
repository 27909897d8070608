"""What A1111's protocol has beyond jobs: settings that last, and one request at a time that is asked after.

There, both are one for the whole server; here each client has its own, in memory, until the server ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from fastapi import Request


@dataclass(eq=False)
class Run:
    """A request that is being drawn, round by round."""

    task: str
    kind: str  # "txt2img" or "img2img"
    rounds: int
    number: int = 0  # of the round, from 0
    jobs: list[str] = field(default_factory=list[str])  # of the round
    begun: float = field(default_factory=time.time)
    round_begun: float = field(default_factory=time.monotonic)
    interrupted: bool = False
    skipped: bool = False

    def begin(self, number: int, jobs: list[str]) -> None:
        """Begin a round."""
        self.number, self.jobs, self.skipped = number, jobs, False
        self.round_begun = time.monotonic()


class Desk:
    """Settings and runs by client."""

    def __init__(self) -> None:
        self._options: dict[str, dict[str, object]] = {}
        self._runs: dict[str, list[Run]] = {}

    def options(self, client: str) -> dict[str, object]:
        """What a client has set, to be changed."""
        return self._options.setdefault(client, {})

    def runs(self, client: str) -> list[Run]:
        """The requests of a client that are being drawn, the oldest first."""
        return self._runs.setdefault(client, [])

    def run(self, client: str, task: str | None = None) -> Run | None:
        """The oldest, or the one of a task."""
        runs = self.runs(client)
        return next((run for run in runs if task is None or run.task == task), None)


def desk_of(request: Request) -> Desk:
    """The server's one desk."""
    state = request.app.state
    if not hasattr(state, "a1111"):
        state.a1111 = Desk()
    return state.a1111

"""What the worker measures while it draws: how long steps take, what was drawn."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfumato.serve.running import Running

LATELY = 32  # steps, forwards
SMOOTHED = 0.3  # weight of the newest measurement


class Measured:
    """Counts and times. The worker writes; others read."""

    def __init__(self) -> None:
        self.ending = 0.0  # seconds from a picture's last step until it is kept
        self.pictures = 0
        self.forwards = 0
        self.forward_seconds = 0.0
        self.jobs: Counter[str] = Counter()  # by how they ended
        self._steps: deque[float] = deque(maxlen=LATELY)
        self._forwards: deque[float] = deque(maxlen=LATELY)

    def forward(self, seconds: float) -> None:
        """A forward of the scheduler, or an encoding, took so long."""
        self.forwards += 1
        self.forward_seconds += seconds
        self._forwards.append(seconds)

    def step(self, at: float) -> None:
        """A picture has taken a step."""
        self._steps.append(at)

    def picture(self, running: Running, at: int) -> None:
        """A picture has left the scheduler."""
        self.pictures += 1
        since = running.since_seen(at)
        if since is not None:
            self.ending += SMOOTHED * (since - self.ending) if self.ending else since

    def ended(self, how: str) -> None:
        """A job has ended: done, failed or cancelled."""
        self.jobs[how] += 1

    @property
    def seconds_per_step(self) -> float | None:
        """Of all pictures together, lately; None before two were taken, and when the last is long ago."""
        steps = [*self._steps]
        if len(steps) < 2 or time.monotonic() - steps[-1] > 60:
            return None
        return (steps[-1] - steps[0]) / (len(steps) - 1)

"""What the worker measures while it draws: how long steps take, what was drawn."""

from __future__ import annotations

import time
from collections import Counter, deque

LATELY = 32  # steps
STALE = 60.0  # seconds after which what was measured says nothing of now
SMOOTHED = 0.3  # the weight of the newest measurement


class Measured:
    """Counts and times. The worker writes; others read."""

    def __init__(self) -> None:
        self.ending = 0.0  # seconds that a picture takes after its last step: it is decoded
        self.pictures = 0
        self.forwards: Counter[int] = Counter()  # by their rows
        self.seconds = 0.0  # in forwards
        self._steps: deque[float] = deque(maxlen=LATELY)

    def forward(self, rows: int, seconds: float) -> None:
        """A forward of so many rows, or what is answered alone, took so long."""
        self.forwards[rows] += 1
        self.seconds += seconds

    def step(self, at: float) -> None:
        """A picture has taken a step."""
        self._steps.append(at)

    def picture(self, seen: float | None) -> None:
        """A picture is drawn whose last step was ``seen`` then."""
        self.pictures += 1
        if seen is not None:
            took = time.monotonic() - seen
            self.ending += SMOOTHED * (took - self.ending) if self.ending else took

    @property
    def seconds_per_step(self) -> float | None:
        """Of all pictures together, lately; None where nothing was drawn lately."""
        steps = [*self._steps]
        if len(steps) < 2 or time.monotonic() - steps[-1] > STALE:
            return None
        return (steps[-1] - steps[0]) / (len(steps) - 1)

"""A job under way: its pictures, how far they are, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from sfumato.request import Request
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.wish import Wish

if TYPE_CHECKING:
    from torch import Tensor

    from sfumato.painter import Painter

LATELY = 12  # steps of a job that its pace is measured on


class Progress(NamedTuple):
    """How far a job is: step ``index`` of ``total`` of its picture number ``picture``, from 0.

    ``seconds_left`` is of the whole job, None while nothing is measured; ``preview`` what is seen of it.
    """

    index: int
    total: int
    picture: int
    seconds_left: float | None
    preview: Image.Image | None


@dataclass(eq=False)
class Part:
    """One picture of a job: its scheduler's number, its steps, and the latent that the model sees now."""

    request: Request
    number: int | None = None
    index: int = 0
    total: int = 0
    clean: Tensor | None = None
    at: float | None = None  # when it was seen last
    kept: Kept | None = None
    is_over: bool = False


@dataclass(eq=False)
class Running:
    """A job that has been begun. The worker changes it; other threads read ``progress`` alone."""

    job: Job
    wish: Wish
    painter: Painter
    beside: tuple[str, ...]
    parts: list[Part]
    notes: list[str] = field(default_factory=list[str])
    is_over: bool = False
    is_discarded: bool = False  # the keeper keeps nothing more of it
    previewed: float = 0.0  # when the last preview was made, by the monotonic clock
    preview: Image.Image | None = None
    polled: float = 0.0  # when somebody asked for progress
    last: int = 0  # the part that was seen last
    _moments: deque[float] = field(default_factory=lambda: deque[float](maxlen=LATELY))
    _lock: Lock = field(default_factory=Lock)

    @property
    def live(self) -> int:
        """How many of its pictures are being drawn."""
        return sum(part.number is not None for part in self.parts)

    @property
    def waiting(self) -> tuple[int, Part] | None:
        """The next picture that is to be begun."""
        return next(
            ((at, part) for at, part in enumerate(self.parts) if part.number is None and not part.is_over),
            None,
        )

    def seen(self, at: int, index: int, total: int, clean: Tensor) -> None:
        """Note a step of one of its pictures."""
        part = self.parts[at]
        with self._lock:
            part.index, part.total, part.clean = index, total, clean
            self.last = at
            part.at = time.monotonic()
            self._moments.append(part.at)

    def since_seen(self, at: int) -> float | None:
        """Seconds since a step of one of its pictures."""
        seen = self.parts[at].at
        return None if seen is None else time.monotonic() - seen

    def progress(self, ending: float) -> Progress:
        """How far it is; ``ending`` seconds are what its pictures take after their last steps."""
        with self._lock:
            part = self.parts[self.last]
            return Progress(part.index, part.total, self.last, self._seconds_left(ending), self.preview)

    def _seconds_left(self, ending: float) -> float | None:
        """From the steps that all its pictures took lately: whoever shares the networks slows them down."""
        if len(self._moments) < 3:
            return None
        passed = self._moments[-1] - self._moments[0]
        pace = passed / (len(self._moments) - 1)
        usual = max(part.total for part in self.parts)
        left = sum((part.total or usual) - part.index for part in self.parts if not part.is_over)
        since = time.monotonic() - self._moments[-1]
        undone = sum(not part.is_over for part in self.parts)
        return max(left * pace - since, 0.0) + undone * ending

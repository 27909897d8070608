"""A job under way: its pictures, how far they are, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image

from sfumato.request import Request
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.wish import Wish

if TYPE_CHECKING:
    from torch import Tensor

    from sfumato.engine.job import Seen
    from sfumato.painter import Painter
    from sfumato.serve.planning import Borrowed

LATELY = 12  # steps of a job that its pace is measured on
FEWEST = 4  # steps that tell a pace: the first ones wait for the words to be read


@dataclass(frozen=True, kw_only=True)
class Progress:
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
    at: float | None = None  # when it was seen last, by the monotonic clock
    previewed: float = 0.0  # when a preview was made of it
    kept: Kept | None = None
    is_over: bool = False


@dataclass(eq=False)
class Running:
    """A job that has been begun. The worker changes it; other threads read ``progress`` alone."""

    job: Job
    wish: Wish
    borrowed: Borrowed
    parts: list[Part]
    notes: list[str] = field(default_factory=list[str])
    is_over: bool = False
    is_discarded: bool = False  # nothing more of it is to be kept
    preview: Image.Image | None = None
    polled: float = 0.0  # when somebody asked for progress
    last: int = 0  # the picture that was seen last
    _moments: deque[float] = field(default_factory=lambda: deque[float](maxlen=LATELY))
    _lock: Lock = field(default_factory=Lock)

    @property
    def painter(self) -> Painter:
        return self.borrowed.painter

    @property
    def live(self) -> int:
        """How many of its pictures are being drawn."""
        return sum(part.number is not None for part in self.parts)

    @property
    def undone(self) -> list[Part]:
        """The pictures that are not drawn yet."""
        return [part for part in self.parts if not part.is_over]

    @property
    def unbegun(self) -> list[tuple[int, Part]]:
        """The pictures that are still to be begun, with their places."""
        return [(at, part) for at, part in enumerate(self.parts) if part.number is None and not part.is_over]

    def seen(self, at: int, seen: Seen, now: float) -> None:
        """Note a step of one of its pictures."""
        part = self.parts[at]
        with self._lock:
            part.index, part.total, part.clean, part.at = seen.index, seen.total, seen.clean, now
            self.last = at
            self._moments.append(now)

    def progress(self, ending: float) -> Progress:
        """How far it is; ``ending`` seconds are what a picture takes after its last step."""
        with self._lock:
            part = self.parts[self.last]
            return Progress(
                index=part.index,
                total=part.total,
                picture=self.last,
                seconds_left=self._seconds_left(ending),
                preview=self.preview,
            )

    def _seconds_left(self, ending: float) -> float | None:
        """From the steps that all its pictures took lately: whoever shares the networks slows them down."""
        if len(self._moments) < FEWEST:
            return None
        pace = (self._moments[-1] - self._moments[0]) / (len(self._moments) - 1)
        usual = max(part.total for part in self.parts)
        left = sum((part.total or usual) - part.index for part in self.undone)
        passed = time.monotonic() - self._moments[-1]
        return max(left * pace - passed, 0.0) + len(self.undone) * ending

"""Running networks: ``job.py`` is one request as a generator, ``scheduler.py`` answers many together."""

from sfumato.engine.engine import Engine
from sfumato.engine.forwards import EXACT_ROWS, FAST_ROWS
from sfumato.engine.job import Drawing, Drawn, Seen, Watcher, drawing
from sfumato.engine.scheduler import Ended, Entry, Scheduler

__all__ = [
    "EXACT_ROWS",
    "FAST_ROWS",
    "Drawing",
    "Drawn",
    "Ended",
    "Engine",
    "Entry",
    "Scheduler",
    "Seen",
    "Watcher",
    "drawing",
]

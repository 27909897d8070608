"""Running networks: ``job.py`` is one request as a generator, ``engine.py`` answers many of them together."""

from sfumato.engine.engine import EXACT_ROWS, FAST_ROWS, Ended, Engine
from sfumato.engine.job import Drawing, Drawn, Seen, Watcher, drawing

__all__ = ["EXACT_ROWS", "FAST_ROWS", "Drawing", "Drawn", "Ended", "Engine", "Seen", "Watcher", "drawing"]

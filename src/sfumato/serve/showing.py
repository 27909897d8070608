"""What is shown of jobs while they are drawn: steps as they are taken, previews as often as anybody looks."""

from __future__ import annotations

import base64
import time
from collections.abc import Container
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from sfumato.engine.decoding import tiles_needed
from sfumato.engine.job import Seen
from sfumato.engine.preview import Previews
from sfumato.serve.events import Hub
from sfumato.serve.measured import Measured
from sfumato.serve.running import Running

if TYPE_CHECKING:
    from sfumato.painter import Painter

EVERY = 0.2  # seconds between two previews of a picture
POLLED = 5.0  # seconds for which one who asked for progress counts as a watcher
LARGEST = 256  # pixels of a preview's longer side


class Showing:
    """Shows what the worker's jobs look like. For its thread."""

    def __init__(self, hub: Hub, measured: Measured) -> None:
        self._hub = hub
        self._measured = measured
        self._previews: dict[str, Previews] = {}  # by the names of models

    def step(self, running: Running, at: int, seen: Seen) -> None:
        """Tell of a step of one of a job's pictures, with a preview where anybody watches."""
        now = time.monotonic()
        running.seen(at, seen, now)
        self._measured.step(now)
        watched = self._hub.is_watched(running.job.id)
        preview: str | None = None
        part = running.parts[at]
        if (watched or now - running.polled < POLLED) and now - part.previewed >= EVERY:
            running.preview = self._of(running.painter).quick(seen.clean)
            part.previewed = now
            preview = as_url(running.preview) if watched else None
        left = running.progress(self._measured.ending).seconds_left
        told = {
            "index": seen.index,
            "total": seen.total,
            "picture": at,
            "seconds_left": None if left is None else round(left, 2),
            "preview": preview,
        }
        self._hub.tell(running.job.id, "step", told)

    def in_full(self, running: Running) -> Image.Image | None:
        """What a job shows now, through the decoder if memory is free for it; None if nothing is seen yet."""
        clean = running.parts[running.last].clean
        if clean is None:
            return None
        previews, foresight = self._of(running.painter), running.painter.foresight
        is_short = tiles_needed(clean, foresight, foresight.free()) is not None
        return previews.quick(clean) if is_short else previews.full(clean)

    def _of(self, painter: Painter) -> Previews:
        found = self._previews.get(painter.name)
        if found is None or found.model is not painter.model:  # another was loaded under the name
            found = self._previews[painter.name] = Previews(painter.model)
        return found

    def forget(self, resident: Container[str]) -> None:
        """Hold no model that is not in memory any more: ``resident`` are the names of those that are."""
        for name in [name for name in self._previews if name not in resident]:
            del self._previews[name]


def as_url(image: Image.Image) -> str:
    """The picture as a data: URL, a small WebP."""
    if max(image.size) > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST))
    file = BytesIO()
    image.save(file, "WEBP", quality=75, method=0)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()

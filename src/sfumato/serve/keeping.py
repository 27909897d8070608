"""Finished pictures onto the disk and into the gallery, in a thread of its own: nobody's forward waits for it.

Files come first, under names that the job decides, then the row that says done, in one transaction. A job
that ended otherwise meanwhile takes its files with it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from sfumato.serve.events import Hub
from sfumato.serve.running import Running
from sfumato.serve.store.folder import Folder
from sfumato.serve.store.ids import fresh_id
from sfumato.serve.store.records import Kept
from sfumato.serve.store.store import Store

if TYPE_CHECKING:
    from sfumato.painter import Picture

LOG = logging.getLogger("sfumato.serve")


class Keeper:
    """Keeps pictures. ``failed`` is told, in its thread, of a job whose picture cannot be kept."""

    def __init__(self, store: Store, folder: Folder, hub: Hub) -> None:
        self.store = store
        self.folder = folder
        self.failed: Callable[[Running, Exception], None] = lambda running, error: None
        self.done: Callable[[], None] = lambda: None
        self._hub = hub
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._begun = 0
        self._lock = Lock()

    @property
    def busy(self) -> int:
        """How many pictures are not kept yet."""
        return self._begun

    def keep(self, running: Running, at: int, picture: Picture, *, is_last: bool) -> None:
        """Write a picture of a job; with its last one, end the job."""
        self._count(1)
        self._thread.submit(self._keep, running, at, picture, is_last)

    def discard(self, running: Running) -> None:
        """Remove what was written of a job that ended without its pictures."""
        self._count(1)
        self._thread.submit(self._discard, running)

    def close(self) -> None:
        """Write what is left, and end."""
        self._thread.shutdown()

    def _count(self, more: int) -> None:
        with self._lock:
            self._begun += more

    def _keep(self, running: Running, at: int, picture: Picture, is_last: bool) -> None:
        try:
            if running.is_discarded:
                return
            running.parts[at].kept = self._written(running, at, picture)
            running.notes += [note for note in picture.notes if note not in running.notes]
            if is_last:
                self._finish(running)
        except Exception as error:
            LOG.exception("picture %d of job %s cannot be kept", at, running.job.id)
            self.failed(running, error)
        finally:
            self._count(-1)

    def _written(self, running: Running, at: int, picture: Picture) -> Kept:
        job, request = running.job, picture.request
        recipe = picture.recipe()
        written = self.folder.write(picture, job=job.id, index=at, created=job.created)
        return Kept(
            id=fresh_id(),
            job=job.id,
            client=job.client,
            file=written.file,
            pixels=recipe.pixels,
            request=json.loads(request.to_json()),
            prompt=request.prompt,
            negative=request.negative,
            model=request.model,
            seed=request.seed,
            width=picture.image.width,
            height=picture.image.height,
            size=written.size,
            created=time.time(),
            notes=picture.notes,
        )

    def _finish(self, running: Running) -> None:
        kept = [part.kept for part in running.parts if part.kept is not None]
        if not self.store.finish(running.job.id, kept, running.notes):
            self._remove(running)
            return
        self.done()
        found = self.store.job(running.job.id)
        if found is not None:
            self._hub.tell(running.job.id, "done", {"job": found})

    def _discard(self, running: Running) -> None:
        try:
            running.is_discarded = True
            self._remove(running)
        except Exception:
            LOG.exception("what was drawn of job %s cannot be removed", running.job.id)
        finally:
            self._count(-1)

    def _remove(self, running: Running) -> None:
        for part in running.parts:
            if part.kept is not None:
                self.folder.remove(part.kept)
                part.kept = None

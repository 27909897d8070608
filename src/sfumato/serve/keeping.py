"""Finished pictures onto the disk and into the gallery, in a thread of its own: no forward waits for it.

Files come first, under names that the job decides, then the row that says done, in one transaction. A job
that ended otherwise meanwhile takes its files with it. However a job ends, it is told from here.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from sfumato.serve.events import Hub
from sfumato.serve.refused import without_folders
from sfumato.serve.running import Running
from sfumato.serve.store.folder import Folder
from sfumato.serve.store.ids import fresh_id
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.store.store import Store

if TYPE_CHECKING:
    from sfumato.painter import Picture

LOG = logging.getLogger("sfumato.serve")

PAUSES = (0.1, 0.4, 1.5, 5, 10, 20)
"""Seconds between attempts to write how a job ended into a database that is away."""


class Keeper:
    """Keeps pictures, and tells how jobs ended. All but its methods runs in its thread."""

    def __init__(self, store: Store, folder: Folder, hub: Hub) -> None:
        self.store = store
        self.folder = folder
        self.ended: dict[str, int] = {"done": 0, "failed": 0, "cancelled": 0}  # jobs, by how
        self._hub = hub
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._begun = 0
        self._lock = Lock()
        self._closing = Event()

    @property
    def busy(self) -> int:
        """How much it has still to do."""
        return self._begun

    def keep(self, running: Running, at: int, picture: Picture, *, is_last: bool) -> None:
        """Write a picture of a job; with its last one, end the job."""
        self._soon(lambda: self._keep(running, at, picture, is_last=is_last))

    def discard(self, running: Running) -> None:
        """Remove what was written of a job that ended without its pictures."""
        running.is_discarded = True
        self._soon(lambda: self._remove(running))

    def put_back(self, running: Running) -> None:
        """Let a job that ran wait again, for the next start; what was written of it is written anew then."""
        running.is_discarded = True
        self.store.put_back(running.job.id)

    def fail(self, job: Job, message: str) -> None:
        """End a job with what went wrong, if it has not ended."""
        self._soon(lambda: self._fail(job, message))

    def close(self) -> None:
        """Write what is left, and end."""
        self._closing.set()
        self._thread.shutdown()

    def _soon(self, act: Callable[[], None]) -> None:
        with self._lock:
            self._begun += 1
        self._thread.submit(self._do, act)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            LOG.exception("the keeper could not do what it was told")
        finally:
            with self._lock:
                self._begun -= 1

    def _keep(self, running: Running, at: int, picture: Picture, *, is_last: bool) -> None:
        if running.is_discarded:
            return
        try:
            running.parts[at].kept = self._written(running, at, picture)
            running.notes += [note for note in picture.notes if note not in running.notes]
            if is_last:
                self._finish(running)
        except Exception as error:
            LOG.exception("picture %d of job %s cannot be kept", at, running.job.id)
            running.is_discarded = True
            self._fail(running.job, f"the picture cannot be kept: {without_folders(str(error))}")
            self._remove(running)

    def _written(self, running: Running, at: int, picture: Picture) -> Kept:
        job, request = running.job, picture.request
        written = self.folder.write(picture, job=job.id, index=at, created=job.created)
        return Kept(
            id=fresh_id(),
            job=job.id,
            client=job.client,
            file=written.file,
            pixels=picture.recipe().pixels,
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
        id, kept = running.job.id, [part.kept for part in running.parts if part.kept is not None]  # noqa: A001
        finished = self._insisted(lambda: self.store.finish(id, kept, running.notes))
        job = self.store.job(id)
        if not finished and (
            job is None or job.state != "done"
        ):  # it may be done by an attempt that broke off
            self._remove(running)
            return
        self.ended["done"] += 1
        self._hub.tell(id, "done", {"job": job})

    def _fail(self, job: Job, message: str) -> None:
        if self._insisted(lambda: self.store.fail(job.id, message)):
            self.ended["failed"] += 1
            self._hub.tell(job.id, "failed", {"error": message})

    def _insisted(self, end: Callable[[], bool]) -> bool:
        """Whether an end was written. A database that is away is asked again: no end gets lost."""
        for pause in PAUSES:
            try:
                return end()
            except DBAPIError as error:
                LOG.warning("the database cannot be written (%s): again in %g s", error.orig, pause)
            self._closing.wait(pause)  # who ends asks again without waiting
        return end()

    def _remove(self, running: Running) -> None:
        for part in running.parts:
            if part.kept is not None:
                self.folder.remove(part.kept)
                part.kept = None

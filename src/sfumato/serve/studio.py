"""What all routes use: wishes accepted, jobs watched and cancelled, pictures found.

The event loop never waits for the disk or for a picture: both are asked in threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from anyio import to_thread
from PIL import Image

from sfumato.engine.residency import Residency
from sfumato.errors import InputError, OutOfMemory
from sfumato.request import fresh_seed
from sfumato.serve.adapters import Adapters
from sfumato.serve.events import BEAT, LAST, Event, Hub
from sfumato.serve.facts import read
from sfumato.serve.guarding.quotas import Quotas, QuotaSpent
from sfumato.serve.keeping import Keeper
from sfumato.serve.models import Models
from sfumato.serve.planning import Planning
from sfumato.serve.preparing import Pictures, check_wish, digests_of, worded
from sfumato.serve.refused import Refused
from sfumato.serve.running import Progress
from sfumato.serve.settings import Settings
from sfumato.serve.shelf import Shelf
from sfumato.serve.spending import paid, remember
from sfumato.serve.store import Folder, KeyReused, LineFull, Most, Store, finish_deletions, fresh_id
from sfumato.serve.store.records import ENDED, Job
from sfumato.serve.uploads import lay, owned
from sfumato.serve.wish import Wish
from sfumato.serve.worker import Worker

if TYPE_CHECKING:
    from sfumato.painter import Painter

LOG = logging.getLogger("sfumato.serve")

PATIENCE = 1.5  # seconds that a check waits for the worker, which may be in the midst of a long forward


@dataclass(frozen=True, kw_only=True)
class Status:
    """How the server is doing."""

    waiting: int  # jobs in the line
    running: tuple[str, ...]  # the jobs that are drawn, in the order in which they were begun
    live: int  # pictures that are drawn
    resident: Mapping[str, int]  # models in memory, with their bytes
    seconds_per_step: float | None  # lately, over all pictures together
    draining: bool
    dead: str | None  # why the worker is no more


class Studio:
    """A server without its routes. ``start`` it before anything is asked of it."""

    def __init__(
        self, settings: Settings, store: Store, folder: Folder, quotas: Quotas | None = None
    ) -> None:
        self.settings = settings
        self.quotas = quotas or Quotas()
        self.store = store
        self.folder = folder
        self.hub = Hub()
        self.models = Models(settings.models)
        _ = self.models.known  # a file that is not drawn with is told of before anything is opened
        self.adapters = Adapters(settings.adapters)
        maker = Shelf(self.models, self.adapters)
        self.shapes = maker.shapes
        self.shelf: Residency[Painter] = Residency(maker, budget=settings.budget)
        self.keeper = Keeper(store, folder, self.hub)
        self.planning = Planning(self.shelf, self.models, self.adapters, self.pictures_of)
        self.worker = Worker(settings, self.planning, keeper=self.keeper, hub=self.hub)
        self._draining = False

    # beginning and end ------------------------------------------------------------------------------

    def start(self) -> Self:
        """Take the line up where it was left, and begin to draw. Raises InputError if another server does."""
        self.folder.lock()
        finish_deletions(self.store, self.folder)
        remember(self.quotas, self.store)
        for job in self.store.recover():
            self.worker.submit(job)
        self.worker.start(self.models.default)
        return self

    @property
    def draining(self) -> bool:
        return self._draining

    async def drain(self, grace: float | None = None) -> None:
        """Accept nothing more; give what runs ``grace`` seconds, then end all streams."""
        self._draining = True
        self.worker.drain()
        seconds = self.settings.grace if grace is None else grace
        await to_thread.run_sync(self.worker.idle, seconds, abandon_on_cancel=True)
        self.hub.close({"retry_after": 5})

    def stop(self) -> None:
        """End the worker and close the store; what ran waits for the next start."""
        self.worker.stop()
        self.keeper.close()
        self.store.close()
        self.folder.unlock()

    # jobs -------------------------------------------------------------------------------------------

    async def accept(self, wish: Wish, client: str, key: str | None = None) -> Job:
        """Accept a wish: from now on it ends exactly once, done or failed. Raises Refused.

        Its seed is settled; with a ``key`` it follows from that, so that the same wish again is the same job.
        """
        if self._draining:
            raise Refused(503, "the server is about to end: ask again in a moment", retry_after=5)
        settled = self.settled(wish, client, key)
        await to_thread.run_sync(self.check, settled, client)
        return await to_thread.run_sync(self._accepted, settled, client, key)

    def settled(self, wish: Wish, client: str = "", key: str | None = None) -> Wish:
        """The wish with its seed and its model."""
        changes: dict[str, object] = {}
        if wish.seed is None:
            changes["seed"] = fresh_seed() if key is None else _seed_of(client, key)
        if "model" not in wish.model_fields_set:
            changes["model"] = self.models.default
        return wish.model_copy(update=changes)

    def check(self, wish: Wish, client: str) -> None:
        """Raise Refused for what can be known to be undrawable before a model is asked."""
        try:
            check_wish(wish)
            known = self.models.named(wish.model) and self.models.known[wish.model]
            worded(wish, wish.model, family=known.family)
            self.planning.wanted(wish)
        except InputError as error:
            raise Refused(422, str(error), param=_param(error, wish)) from error
        for digest in digests_of(wish):
            if not self._is_here(client, digest):
                told = f"no picture {digest[:12]}... is here: upload it to /v1/uploads first"
                raise Refused(422, told, param="picture")

    async def foreseen(self, wish: Wish, client: str) -> tuple[str, ...]:
        """What of a wish would have no effect, nothing drawn. Raises Refused for what cannot be drawn."""
        settled = self.settled(wish)
        await to_thread.run_sync(self.check, settled, client)
        notes = await to_thread.run_sync(self._words_noted, settled)
        try:
            async with asyncio.timeout(PATIENCE):
                planned = await asyncio.wrap_future(self.worker.foreseen(settled, client))
        except TimeoutError:
            planned = None
        except (InputError, OutOfMemory) as error:
            raise Refused(422, str(error), param=_param(error, wish)) from error
        if planned is None:
            planned = ("not looked at further: the model is busy, or not in memory yet",)
        return tuple(dict.fromkeys((*notes, *planned)))

    def _words_noted(self, wish: Wish) -> tuple[str, ...]:
        """What the model does not read of the words, and what their looks tell."""
        file, known = self.models.named(wish.model), self.models.known_by(wish.model)
        request, notes = worded(wish, wish.model, family=known.family)
        for text in filter(str.strip, (request.prompt, request.negative)):
            notes += read(file.path, text, request.seed, embeddings=self.adapters.words_in(text)).notes
        return notes

    def _is_here(self, client: str, digest: str) -> bool:
        if owned(digest, self.folder, client=client) is not None:
            return True
        return self.store.by_pixels(digest, client) is not None

    def _accepted(self, wish: Wish, client: str, key: str | None) -> Job:
        limits, fresh = self.settings.limits, fresh_id()
        most = Most(queued_per_client=limits.queued_per_client, queued=limits.queued)
        told = wish.model_dump(mode="json")
        try:
            with paid(self.quotas, self.store, client, key=key, pictures=wish.count) as give_back:
                job = self.store.accept(fresh, client, told, key=key, most=most)
                if job.id != fresh:
                    give_back()
        except (LineFull, QuotaSpent) as error:
            if not error.retry_after:  # more than there ever is: to wait helps nothing
                raise Refused(422, str(error), param="count") from error
            raise Refused(429, str(error), retry_after=error.retry_after) from error
        except KeyReused as error:
            raise Refused(409, str(error), param="Idempotency-Key") from error
        if job.state == "queued":
            self.worker.submit(job)
        return job

    async def job(self, id: str, client: str | None = None) -> Job:  # noqa: A002 - as everywhere
        """The job of an id; with ``client``, if it is theirs. Raises Refused (404)."""
        job = await to_thread.run_sync(self.store.job, id)
        if job is None or (client is not None and job.client != client):
            raise Refused(404, f"no job {id} is here", param="id")
        return job

    async def jobs(
        self,
        client: str | None = None,
        states: tuple[str, ...] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, the newest first."""
        found = partial(self.store.jobs, client=client, states=states, before=before, limit=limit)  # pyright: ignore
        return await to_thread.run_sync(found)

    async def cancel(self, id: str) -> Job:  # noqa: A002
        """Cancel a job; one that has ended already stays as it is. Raises Refused (404)."""
        await self.job(id)
        if await to_thread.run_sync(self.store.cancel, id):
            self.worker.forget(id)
            self.keeper.ended["cancelled"] += 1
            self.hub.tell(id, "cancelled", {})
        return await self.job(id)

    async def ended(self, id: str, timeout: float | None = None) -> Job:  # noqa: A002
        """Wait until a job has ended. Raises TimeoutError, and Refused: 404, 503 if the server ends first."""
        async with asyncio.timeout(timeout):
            async for event in self.events(id, previews=False):
                if event.kind == "closing":
                    raise Refused(
                        503, "the server ended before the job; it goes on at the next start", retry_after=5
                    )
        return await self.job(id)

    async def events(
        self,
        id: str,  # noqa: A002
        last: int | None = None,
        *,
        beat: float | None = None,
        previews: bool = True,
    ) -> AsyncIterator[Event]:
        """What happens to a job, until it ends; its present state first, unless that is number ``last``.

        A place in the line is told in any case: it may have moved while nobody listened.

        With ``beat``, an event of kind ``BEAT`` after so many silent seconds. Raises Refused (404).
        """
        with self.hub.watching(id, previews=previews) as watch:
            job = await self.job(id)
            present = self.present(job)
            if present.kind in LAST:
                yield present
                return
            if present.kind == "queued" or present.id != last:
                yield present
            while True:
                event = await watch.next(beat)
                if event is not None and event.kind not in LAST and event.id <= present.id:
                    continue  # it came while the present was looked at, which is it or later
                yield event or Event(BEAT, {})
                if event is not None and event.kind in LAST:
                    return

    def present(self, job: Job) -> Event:
        """The state of a job as an event."""
        if job.state == "done":
            return Event("done", {"job": job})
        if job.state in ENDED:
            return Event(job.state, {"error": job.error} if job.state == "failed" else {})
        told = self.hub.last(job.id)
        if told is not None and told.kind != "queued":
            return told
        place = self.worker.waiting.place(job.id)
        if not place:
            return Event("started", {}, told.id if told else 0)
        return Event("queued", {"place": place, "of": len(self.worker.waiting)}, told.id if told else 0)

    def place(self, id: str) -> int:  # noqa: A002
        """The place of a job in the line, 1 the next; 0 for one that does not wait."""
        return self.worker.waiting.place(id)

    def progress(self, id: str) -> Progress | None:  # noqa: A002
        """How far a job is; None for one that does not run. Its preview is made while somebody asks."""
        return self.worker.progress(id)

    async def preview(self, id: str, *, full: bool = False) -> Image.Image | None:  # noqa: A002
        """What a running job shows now; ``full`` through the decoder. None if there is nothing to see yet."""
        if full:
            return await asyncio.wrap_future(self.worker.full_preview(id))
        progress = self.worker.progress(id)
        return None if progress is None else progress.preview

    def status(self) -> Status:
        worker = self.worker
        return Status(
            waiting=len(worker.waiting),
            running=worker.running,
            live=worker.live,
            resident=self.shelf.resident,
            seconds_per_step=worker.measured.seconds_per_step,
            draining=self._draining,
            dead=None if worker.dead is None else f"{type(worker.dead).__name__}: {worker.dead}",
        )

    # pictures ---------------------------------------------------------------------------------------

    async def picture_bytes(self, id: str) -> bytes:  # noqa: A002
        """The PNG of a picture. Raises Refused (404)."""
        return await to_thread.run_sync(self._picture_bytes, id)

    def _picture_bytes(self, id: str) -> bytes:  # noqa: A002
        kept = self.store.picture(id)
        if kept is None:
            raise Refused(404, f"no picture {id} is here", param="id")
        return self.folder.read(kept)

    def pictures_of(self, client: str) -> Pictures:
        """Where the pictures lie that a client may name: its uploads, and its pictures of the gallery."""
        return Pictures(partial(self._found, client), partial(self._kept, client))

    def _found(self, client: str, digest: str) -> Image.Image | None:
        path = owned(digest, self.folder, client=client)
        if path is None:
            kept = self.store.by_pixels(digest, client)
            if kept is None:
                return None
            path = self.folder.file(kept)
        with Image.open(path) as image:
            image.load()
            return image

    def _kept(self, client: str, digest: str, image: Image.Image) -> None:
        lay(digest, image, self.folder, client=client)


def _seed_of(client: str, key: str) -> int:
    """A seed for who gave none but a key: the same again."""
    return int.from_bytes(hashlib.sha256(f"{client}\n{key}".encode()).digest()[:4])


def _param(error: Exception, wish: Wish) -> str | None:
    """The field that an error speaks of, if its line begins with the field's name."""
    first = str(error).split()[0] if str(error) else ""
    return first if first in type(wish).model_fields else None

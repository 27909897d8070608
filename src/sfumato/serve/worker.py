"""The one thread that owns all torch work: from the line, through the scheduler, to pictures that are kept.

Between any two forwards it hears what it is told (a job came, one is cancelled, somebody wants a preview),
begins jobs for which there is room, and hands finished pictures to the keeper, which writes them in a thread
of its own. What goes wrong with a job ends that job alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING

from PIL import Image

from sfumato.engine.job import Drawn, Seen, foreseen_notes
from sfumato.engine.line import Line
from sfumato.engine.memory import check_memory
from sfumato.engine.preview import Previews
from sfumato.engine.residency import Busy, Residency
from sfumato.engine.scheduler import Ended, Entry, Scheduler
from sfumato.errors import DeadlinePassed, SfumatoError
from sfumato.request import Request
from sfumato.serve.adapters import Adapters
from sfumato.serve.events import Hub
from sfumato.serve.keeping import Keeper
from sfumato.serve.measured import Measured
from sfumato.serve.models import Models
from sfumato.serve.preparing import Pictures, prepared
from sfumato.serve.previewing import as_url
from sfumato.serve.running import Part, Progress, Running
from sfumato.serve.settings import Settings
from sfumato.serve.store.records import Job
from sfumato.serve.wish import Wish

if TYPE_CHECKING:
    from sfumato.painter import Painter

LOG = logging.getLogger("sfumato.serve")

PREVIEW_EVERY = 0.2  # seconds between two previews of a job
POLLED = 5.0  # seconds for which one who asked for progress counts as a watcher
STARVED = 20.0  # seconds after which a job whose model finds no room is waited for by all others
DEFECT = "a defect in sfumato, please report it: {}: {}"


class Worker:
    """Draws what it is handed. Its methods may be called from any thread; those with a ``_`` run in its own."""

    def __init__(
        self, settings: Settings, shelf: Residency[Painter], *, keeper: Keeper, hub: Hub, pictures: Callable[[str], Pictures],
        models: Models, adapters: Adapters,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.measured = Measured()
        self.dead: BaseException | None = None
        self._shelf = shelf
        self._keeper = keeper
        self._store = keeper.store
        self._hub = hub
        self._pictures = pictures
        self._models = models
        self._adapters = adapters
        self._scheduler = Scheduler()
        self._previews: dict[str, Previews] = {}
        self._line = Line()
        self._lock = Lock()  # of the line, and of the two tables below
        self._waiting: dict[str, Job] = {}
        self._running: dict[str, Running] = {}
        self._held: tuple[str, float] | None = None  # a job whose model finds no room, and since when
        self._told: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._draining = False
        self._ending = False
        self._idle = Flag()
        self._thread = Thread(target=self._live, name="worker", daemon=True)
        keeper.failed = self._kept_failed

    # for any thread ---------------------------------------------------------------------------------

    def start(self, preload: str | None = None) -> None:
        """Begin; ``preload`` is the model that is loaded before anybody asks for it."""
        if preload is not None:
            self._told.put(lambda: self._preload(preload))
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Put a job that the store has accepted into the line; once, however often it is said."""
        with self._lock:
            if job.id in self._waiting or job.id in self._running:
                return
            self._waiting[job.id] = job
            self._line.put(job.id, job.client, cost_of(job))
        self._told.put(lambda: self._arrived(job))

    def forget(self, id: str) -> None:  # noqa: A002 - what it is called everywhere
        """Draw a job no further: it was cancelled."""
        with self._lock:
            if self._waiting.pop(id, None) is not None:
                self._line.remove(id)
        self._told.put(lambda: self._drop(id))

    def place(self, id: str) -> int:  # noqa: A002
        """The place of a job in the line, 1 the next; 0 for one that does not wait."""
        with self._lock:
            return self._line.place(id) if id in self._waiting else 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._running)

    @property
    def live(self) -> int:
        """How many pictures are being drawn."""
        return self._scheduler.live

    def progress(self, id: str) -> Progress | None:  # noqa: A002
        """How far a job is that runs. Who asks counts as a watcher for some seconds: previews are made."""
        running = self._running.get(id)
        if running is None:
            return None
        running.polled = time.monotonic()
        return running.progress(self.measured.ending)

    def full_preview(self, id: str) -> Future[Image.Image | None]:  # noqa: A002
        """What a job shows now, through the decoder; None if nothing is seen yet. Made between two forwards."""
        future: Future[Image.Image | None] = Future()
        self._told.put(lambda: self._show_in_full(id, future))
        return future

    def foreseen(self, wish: Wish, client: str) -> Future[tuple[str, ...]]:
        """What of a wish would have no effect, looked at between two forwards. InputError: it cannot be drawn.

        Nothing is told of a model that is not in memory.
        """
        future: Future[tuple[str, ...]] = Future()
        self._told.put(lambda: self._foresee(wish, client, future))
        return future

    def drain(self) -> None:
        """Begin nothing more; ``idle`` tells when all that ran has ended."""
        self._told.put(self._drain)

    def idle(self, timeout: float) -> bool:
        """Wait until nothing runs. Whether that came true in time."""
        return self._idle.wait(timeout)

    def stop(self) -> None:
        """End now: what runs is left for the next start."""
        self._told.put(self._stop)
        self._thread.join(timeout=60)

    # in its thread ----------------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            while not self._ending:
                self._round()
        except BaseException as error:
            LOG.exception("the worker died")
            self.dead = error

    def _round(self) -> None:
        self._listen()
        self._begin_what_fits()
        if self._scheduler.live:
            began = time.monotonic()
            ended = self._step()
            self.measured.forward(time.monotonic() - began)
            for each in ended:
                self._ended(each)
        if self._draining and not self._running and not self._keeper.busy:
            self._idle.set()

    def _step(self) -> list[Ended]:
        """One forward. A scheduler that fails takes its jobs with it, and no others."""
        try:
            return self._scheduler.step()
        except Exception as error:
            LOG.exception("the scheduler failed")
            self._scheduler = Scheduler()
            for running in list(self._running.values()):
                for part in running.parts:
                    part.number = None
                self._fail(running.job, error)
            return []

    def _listen(self) -> None:
        """Do what was told; with nothing to draw, wait for it."""
        has_work = self._scheduler.live or any(each.waiting for each in self._running.values())
        wait = None if not has_work else 0.0
        if wait is None and ((self._waiting and not self._draining) or self._keeper.busy):
            wait = 0.05  # for a model that others have borrowed, or for the last picture to be written
        try:
            told = self._told.get(timeout=wait) if wait != 0.0 else self._told.get_nowait()
            while True:
                self._guarded(told)
                told = self._told.get_nowait()
        except Empty:
            return

    def _guarded(self, told: Callable[[], None]) -> None:
        try:
            told()
        except Exception:
            LOG.exception("the worker could not do what it was told")

    def _preload(self, name: str) -> None:
        """Load a model before it is asked for; what is wrong with it is told when it is."""
        with self._shelf.lent(name):
            pass

    def _stop(self) -> None:
        self._ending = True
        self._scheduler.close()
        for each in self._running.values():
            self._store.put_back(each.job.id)
        self._idle.set()

    def _drain(self) -> None:
        self._draining = True

    # jobs come --------------------------------------------------------------------------------------

    def _arrived(self, job: Job) -> None:
        """Plan a job that has to wait, if its model is there: what cannot be drawn fails now."""
        if job.id not in self._waiting or self._room() > 0:
            return
        wish = Wish.model_validate(job.wish)
        beside = self._beside(wish)
        if not self._is_there(wish.model, beside):
            return
        with self._shelf.lent(wish.model, beside) as painter:
            try:
                for request in self._requests(wish, job.client, painter)[0]:
                    _checked(request, painter)
                    planned = painter.job(request)
                    planned.send(None)
                    planned.close()
            except Exception as error:  # of this job alone
                self._fail(job, error)

    def _begin_what_fits(self) -> None:
        for running in list(self._running.values()):
            self._fill(running)
        while not self._draining and self._room() > 0:
            job = self._taken()
            if job is None:
                return
            self._begin(job)

    def _room(self) -> int:
        """For how many further pictures there is room."""
        claimed = sum(
            max(each.live, min(len(each.parts), self.settings.limits.of_one_job))
            for each in self._running.values()
        )
        return self.settings.limits.live - claimed

    def _taken(self) -> Job | None:
        """The next job of the line for whose model there is room."""
        with self._lock:
            name = self._line.take(fits=self._fits)
            job = None if name is None else self._waiting.pop(name)
        return job

    def _fits(self, name: str) -> bool:
        """Whether the model of a job that waits can be borrowed now, and nobody else is to go first."""
        if self._held is None or self._held[0] not in self._waiting:
            self._held = None
            return True
        held, since = self._held
        return (name != held and time.monotonic() - since < STARVED) or not self._running

    def _begin(self, job: Job) -> None:
        """Borrow its model, prepare its requests and let them join."""
        if self._late(job):
            return
        try:
            wish = Wish.model_validate(job.wish)
            beside = self._beside(wish)
            painter = self._shelf.borrow(wish.model, beside)
        except Busy:
            self._wait_on(job)
            return
        except Exception as error:
            self._fail(job, error)
            return
        try:
            if not self._store.start(job.id):
                self._shelf.give_back(wish.model, beside)
                return
            requests, notes = self._requests(wish, job.client, painter)
        except Exception as error:
            self._shelf.give_back(wish.model, beside)
            self._fail(job, error)
            return
        parts = [Part(request) for request in requests]
        running = Running(job, wish, painter, beside, parts, [*notes])
        with self._lock:
            self._running[job.id] = running
        self._hub.tell(job.id, "started", {})
        self._moved()
        self._fill(running)

    def _wait_on(self, job: Job) -> None:
        """Put a job back whose model finds no room; after a while nobody goes before it."""
        with self._lock:
            self._waiting[job.id] = job
            self._line.put(job.id, job.client, cost_of(job))
        if self._held is None or self._held[0] != job.id:
            self._held = (job.id, time.monotonic())

    def _late(self, job: Job) -> bool:
        """Whether its time was over before it was begun; then it has failed."""
        deadline = deadline_of(job)
        if deadline is None or time.monotonic() < deadline:
            return False
        self._fail(job, DeadlinePassed("it waited in the line until its time was over: give it more"))
        return True

    def _beside(self, wish: Wish) -> tuple[str, ...]:
        """The files of the folder of adapters that a wish names."""
        return self._adapters.wanted(wish)

    def _requests(self, wish: Wish, client: str, painter: Painter) -> tuple[list[Request], tuple[str, ...]]:
        found = prepared(wish, painter, self._pictures(client), family=self._models.known[wish.model].family)
        return [*found.requests], found.notes

    def _moved(self) -> None:
        """Tell those who wait, and are watched, their places."""
        for name in self._hub.watched:
            place = self.place(name)
            if place:
                self._hub.tell(name, "queued", {"place": place, "of": self.waiting})

    # jobs are drawn ---------------------------------------------------------------------------------

    def _fill(self, running: Running) -> None:
        """Let the next pictures of a job join, so many as may be drawn at a time."""
        while not running.is_over and running.live < self.settings.limits.of_one_job:
            found = running.waiting
            if found is None:
                return
            self._join(running, *found)

    def _join(self, running: Running, at: int, part: Part) -> None:
        painter = running.painter
        wish = running.wish
        try:
            _checked(part.request, painter)
            entry = Entry(
                painter.job(part.request, lambda seen: self._seen(running, at, seen)),
                painter.model,
                client=running.job.client,
                exact=self.settings.exact if wish.exact is None else wish.exact,
                deadline=deadline_of(running.job),
                tag=(running, at),
            )
            part.number = self._scheduler.join(entry)
        except Exception as error:
            self._fail(running.job, error)

    def _seen(self, running: Running, at: int, seen: Seen) -> None:
        """A step of one of its pictures was taken: told, with a preview where anybody watches."""
        running.seen(at, seen.index, seen.total, seen.clean)
        now = time.monotonic()
        self.measured.step(now)
        watched = self._hub.is_watched(running.job.id)
        preview: str | None = None
        if (watched or now - running.polled < POLLED) and now - running.previewed >= PREVIEW_EVERY:
            running.preview = self._preview(running.painter).quick(seen.clean)
            running.previewed = now
            preview = as_url(running.preview) if watched else None
        progress = running.progress(self.measured.ending)
        left = progress.seconds_left
        self._hub.tell(
            running.job.id,
            "step",
            {
                "index": seen.index,
                "total": seen.total,
                "picture": at,
                "seconds_left": None if left is None else round(left, 2),
                "preview": preview,
            },
        )

    def _preview(self, painter: Painter) -> Previews:
        found = self._previews.get(painter.name)
        if found is None or found.model is not painter.model:
            found = self._previews[painter.name] = Previews(painter.model)
        return found

    def _show_in_full(self, id: str, future: Future[Image.Image | None]) -> None:  # noqa: A002
        try:
            running = self._running.get(id)
            clean = None if running is None else running.parts[running.last].clean
            shown = None
            if running is not None and clean is not None:
                shown = self._preview(running.painter).full(clean)
            future.set_result(shown)
        except Exception as error:  # handed to whoever asked
            future.set_exception(error)

    def _foresee(self, wish: Wish, client: str, future: Future[tuple[str, ...]]) -> None:
        if not future.set_running_or_notify_cancel():
            return  # who asked has gone
        try:
            future.set_result(self._foreseen(wish, client))
        except Exception as error:  # handed to whoever asked
            future.set_exception(error)

    def _foreseen(self, wish: Wish, client: str) -> tuple[str, ...]:
        beside = self._beside(wish)
        if not self._is_there(wish.model, beside):
            return ()
        with self._shelf.lent(wish.model, beside) as painter:
            request = self._requests(wish, client, painter)[0][0]
            _checked(request, painter)
            return foreseen_notes(request, painter.model, pictures=painter.pictures)

    def _is_there(self, model: str, beside: Sequence[str]) -> bool:
        """Whether a model is in memory, with all of these beside it."""
        return model in self._shelf.resident and {*beside} <= {*self._shelf.beside(model)}

    # jobs end ---------------------------------------------------------------------------------------

    def _ended(self, ended: Ended) -> None:
        running, at = ended.tag  # pyright: ignore
        part = running.parts[at]
        part.number = None
        part.is_over = True
        if running.is_over:
            return
        try:
            self._finished(running, at, ended)
        except Exception as error:
            self._fail(running.job, error)

    def _finished(self, running: Running, at: int, ended: Ended) -> None:
        if not isinstance(ended.outcome, Drawn):
            raise ended.outcome
        part = running.parts[at]
        self.measured.picture(running, at)
        picture = running.painter.finished(part.request, ended.outcome, fast=not ended.exact)
        is_last = all(each.is_over for each in running.parts)
        self._keeper.keep(running, at, picture, is_last=is_last)
        if is_last:
            self._over(running)

    def _over(self, running: Running) -> None:
        """Let go of all that a job holds."""
        running.is_over = True
        for part in running.parts:
            if part.number is not None:
                self._scheduler.leave(part.number)
                part.number = None
            part.clean = None
        with self._lock:
            if self._running.pop(running.job.id, None) is None:
                return
        self._shelf.give_back(running.wish.model, running.beside)
        self._moved()

    def _drop(self, id: str) -> None:  # noqa: A002
        running = self._running.get(id)
        if running is not None:
            self._over(running)
            self._keeper.discard(running)

    def _fail(self, job: Job, error: Exception) -> None:
        """End a job with what went wrong, if it has not ended; it alone."""
        message = told(error)
        if not isinstance(error, SfumatoError):
            LOG.error("job %s failed", job.id, exc_info=error)
        running = self._running.get(job.id)
        with self._lock:
            if self._waiting.pop(job.id, None) is not None:
                self._line.remove(job.id)
        if running is not None:
            self._over(running)
            self._keeper.discard(running)
        if self._store.fail(job.id, message):
            self.measured.ended("failed")
            self._hub.tell(job.id, "failed", {"error": message})

    def _kept_failed(self, running: Running, error: Exception) -> None:
        """From the keeper's thread: a picture could not be written."""
        self._told.put(lambda: self._fail(running.job, error))


def told(error: Exception) -> str:
    """What of an error is told to whoever asked for the picture."""
    if isinstance(error, SfumatoError):
        return str(error)
    return " ".join(DEFECT.format(type(error).__name__, error).split())


def deadline_of(job: Job) -> float | None:
    """When a job's time is over, by the monotonic clock."""
    seconds = job.wish.get("deadline")
    if not isinstance(seconds, int | float):
        return None
    return time.monotonic() + job.created + seconds - time.time()


def cost_of(job: Job) -> float:
    """About how much work a job is, in steps of a picture of 512x512."""
    wish = Wish.model_validate(job.wish)
    width, height = wish.size or (512, 512)
    return wish.count * (wish.steps or 24) * width * height / 512**2


def _checked(request: Request, painter: Painter) -> None:
    try:
        check_memory(request, painter.model, pictures=painter.pictures)
    except NotImplementedError:
        pass

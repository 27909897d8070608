"""The one thread that owns all torch work: from the line, through the scheduler, to pictures that are kept.

Between any two forwards it hears what it is told (a job came, one is cancelled, somebody wants a preview),
begins jobs for which there is room, and hands finished pictures to the keeper, which writes them in a thread
of its own. What goes wrong with a job ends that job alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import TypeVar, cast

from PIL import Image

from sfumato.engine.job import Drawn, Seen
from sfumato.engine.residency import Busy
from sfumato.engine.scheduler import Ended, Entry, Scheduler
from sfumato.errors import DeadlinePassed, SfumatoError
from sfumato.serve.events import Hub
from sfumato.serve.keeping import Keeper
from sfumato.serve.measured import Measured
from sfumato.serve.planning import Planning
from sfumato.serve.refused import without_folders
from sfumato.serve.running import Part, Progress, Running
from sfumato.serve.settings import Settings
from sfumato.serve.showing import Showing
from sfumato.serve.store.records import Job
from sfumato.serve.waiting import Waiting, ends_at
from sfumato.serve.wish import Wish

LOG = logging.getLogger("sfumato.serve")

NAP = 0.05  # seconds until it looks again at what nobody tells it of
T = TypeVar("T")


class Worker:
    """Draws what it is handed. Its methods are for any thread; those with a ``_`` run in its own."""

    def __init__(self, settings: Settings, planning: Planning, *, keeper: Keeper, hub: Hub) -> None:
        self.settings = settings
        self.measured = Measured()
        self.waiting = Waiting()
        self.dead: BaseException | None = None
        self._planning = planning
        self._shelf = planning.shelf
        self._keeper = keeper
        self._hub = hub
        self._showing = Showing(hub, self.measured)
        self._scheduler = Scheduler(good=settings.limits.live)
        self._running: dict[str, Running] = {}
        self._busy: set[str] = set()  # models for which there was no room when last asked
        self._told: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._draining = False
        self._ending = False
        self._idle = Flag()
        self._thread = Thread(target=self._live, name="worker", daemon=True)

    # for any thread ---------------------------------------------------------------------------------

    def start(self, preload: str | None = None) -> None:
        """Begin; ``preload`` is the model that is loaded before anybody asks for it."""
        if preload is not None:
            self._told.put(lambda: self._preload(preload))
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Let a job wait that the store has accepted; said twice, it waits once."""
        if job.id in self._running:
            return
        self.waiting.put(job)
        self._told.put(lambda: self._arrived(job))

    def forget(self, id: str) -> None:  # noqa: A002 - what it is called everywhere
        """Draw a job no further: it has been cancelled."""
        self.waiting.remove(id)
        self._told.put(lambda: self._drop(id))

    @property
    def running(self) -> tuple[str, ...]:
        """The jobs that are drawn, in the order in which they were begun."""
        return tuple(self._running.copy())

    @property
    def live(self) -> int:
        """How many pictures are drawn."""
        return self._scheduler.live

    def progress(self, id: str) -> Progress | None:  # noqa: A002
        """How far a job is that runs. Who asks counts as a watcher for some seconds: previews are made."""
        running = self._running.get(id)
        if running is None:
            return None
        running.polled = time.monotonic()
        return running.progress(self.measured.ending)

    def full_preview(self, id: str) -> Future[Image.Image | None]:  # noqa: A002
        """What a job shows now, through the decoder; None if nothing is seen yet."""

        def shown() -> Image.Image | None:
            running = self._running.get(id)
            return None if running is None else self._showing.in_full(running)

        return self._asked(shown)

    def foreseen(self, wish: Wish, client: str) -> Future[tuple[str, ...] | None]:
        """What of a wish would have no effect; None where the model is not in memory. InputError."""
        return self._asked(lambda: self._planning.foreseen(wish, client))

    def drain(self) -> None:
        """Begin nothing more; ``idle`` tells when all that ran has ended."""
        self._told.put(self._drain)

    def idle(self, timeout: float) -> bool:
        """Wait until nothing runs. Whether that came true in time."""
        return self._idle.wait(timeout)

    def stop(self) -> None:
        """End now: what runs is put back, for the next start."""
        self._told.put(self._stop)
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def _asked(self, question: Callable[[], T]) -> Future[T]:
        """The answer to a question that is asked in the worker's thread, between two forwards."""
        future: Future[T] = Future()

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return  # whoever asked has gone
            try:
                future.set_result(question())
            except Exception as error:  # handed to whoever asked
                future.set_exception(error)

        self._told.put(answer)
        return future

    # in its thread ----------------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            while not self._ending:
                self._round()
        except BaseException as error:
            LOG.exception("the worker died")
            self.dead = error
            self._idle.set()

    def _round(self) -> None:
        self._listen()
        if self._ending:
            return
        for job in self.waiting.late():
            self._fail(job, DeadlinePassed("its time was over before it was begun: give it more"))
        self._begin_what_fits()
        if self._scheduler.live:
            began = time.monotonic()
            ended = self._step()
            self.measured.forward(self._scheduler.rows, time.monotonic() - began)
            for each in ended:
                self._ended(each)
        if self._draining and not self._running and not self._keeper.busy:
            self._idle.set()

    def _listen(self) -> None:
        """Do what was told; with nothing to draw, wait for it."""
        try:
            if self._scheduler.live:
                told = self._told.get_nowait()
            else:
                looks = len(self.waiting) or self._running or self._draining
                told = self._told.get(timeout=NAP if looks else None)
            while True:
                self._do(told)
                told = self._told.get_nowait()
        except Empty:
            return

    def _do(self, told: Callable[[], None]) -> None:
        try:
            told()
        except Exception:
            LOG.exception("the worker could not do what it was told")

    def _step(self) -> list[Ended]:
        """One forward. A scheduler that fails takes its jobs with it, and no others."""
        try:
            return self._scheduler.step()
        except Exception as error:
            LOG.exception("the scheduler failed")
            self._scheduler = Scheduler(good=self.settings.limits.live)
            for running in [*self._running.values()]:
                for part in running.parts:
                    part.number = None
                self._fail(running.job, error)
            return []

    def _preload(self, name: str) -> None:
        """Load a model before it is asked for. What is wrong with it is told to whoever asks for it."""
        try:
            with self._shelf.lent(name):
                pass
        except SfumatoError as error:
            LOG.warning("model %s: %s", name, error)

    def _drain(self) -> None:
        self._draining = True

    def _stop(self) -> None:
        self._ending = True
        self._scheduler.close()
        for running in self._running.values():
            self._keeper.put_back(running)
        self._running.clear()
        self._idle.set()

    # jobs begin -------------------------------------------------------------------------------------

    def _arrived(self, job: Job) -> None:
        """Plan a job that has to wait, if its model is there: what cannot be drawn fails now."""
        if job.id not in self.waiting or self._scheduler.has_room(job.client):
            return
        try:
            self._planning.foreseen(Wish.model_validate(job.wish), job.client)
        except Busy:
            pass
        except Exception as error:  # of this job alone
            self._fail(job, error)

    def _begin_what_fits(self) -> None:
        for running in [*self._running.values()]:
            self._fill(running)
        while not self._draining:
            job = self.waiting.take(
                lambda job: job.wish.get("model") not in self._busy, may=self._scheduler.has_room
            )
            if job is None:
                return
            self._begin(job)

    def _begin(self, job: Job) -> None:
        """Borrow its model, prepare its requests and let them join."""
        try:
            wish = Wish.model_validate(job.wish)
            borrowed = self._planning.borrowed(wish)
        except Busy:
            self._busy.add(str(job.wish.get("model")))
            self.waiting.put_back(job)
            return
        except Exception as error:
            self._fail(job, error)
            return
        try:
            if not self._keeper.store.start(job.id):  # it has been cancelled meanwhile
                self._planning.give_back(borrowed)
                return
            prepared = self._planning.prepared(wish, job.client, borrowed.painter)
        except Exception as error:
            self._planning.give_back(borrowed)
            self._fail(job, error)
            return
        parts = [Part(request) for request in prepared.requests]
        running = Running(job, wish, borrowed, parts, [*prepared.notes])
        self._running[job.id] = running
        self._hub.tell(job.id, "started", {})
        self._moved()
        self._fill(running)

    def _fill(self, running: Running) -> None:
        """Let the next pictures of a job join, so many as may be drawn at a time."""
        try:
            for at, part in running.unbegun:
                if running.live >= self.settings.limits.of_one_job:
                    return
                self._join(running, at, part)
        except Exception as error:
            self._fail(running.job, error)

    def _join(self, running: Running, at: int, part: Part) -> None:
        painter, exact = running.painter, running.wish.exact

        def seen(step: Seen) -> None:
            self._showing.step(running, at, step)

        end = ends_at(running.job)
        self._planning.lay_again(running.wish, running.job.client, painter, part.request)
        entry = Entry(
            painter.job(part.request, seen),
            painter.model,
            client=running.job.client,
            exact=self.settings.exact if exact is None else exact,
            deadline=None if end == float("inf") else time.monotonic() + end - time.time(),
            tag=(running, at),
            foresight=painter.foresight,
        )
        part.number = self._scheduler.join(entry)

    def _moved(self) -> None:
        """Tell those who wait, and are watched, their places."""
        for name in self._hub.watched:
            place = self.waiting.place(name)
            if place:
                self._hub.tell(name, "queued", {"place": place, "of": len(self.waiting)})

    # jobs end ---------------------------------------------------------------------------------------

    def _ended(self, ended: Ended) -> None:
        running, at = cast("tuple[Running, int]", ended.tag)
        part = running.parts[at]
        part.number, part.is_over = None, True
        if running.is_over:
            return
        try:
            if not isinstance(ended.outcome, Drawn):
                raise ended.outcome
            self.measured.picture(part.at)
            picture = running.painter.finished(part.request, ended.outcome, fast=not ended.exact)
        except Exception as error:
            self._fail(running.job, error)
            return
        is_last = not running.undone
        self._keeper.keep(running, at, picture, is_last=is_last)
        if is_last:
            self._let_go(running)

    def _let_go(self, running: Running) -> None:
        """Hold nothing more of a job."""
        running.is_over = True
        for part in running.parts:
            if part.number is not None:
                self._scheduler.leave(part.number)
            part.number = part.clean = None
        if self._running.pop(running.job.id, None) is not None:
            self._planning.give_back(running.borrowed)
            self._busy.clear()
            self._showing.forget(self._shelf.resident)
            self._moved()

    def _drop(self, id: str) -> None:  # noqa: A002
        self.waiting.remove(id)  # it may have been put back since
        running = self._running.get(id)
        if running is not None:
            self._let_go(running)
            self._keeper.discard(running)
        self._hub.forget(id)
        self._moved()

    def _fail(self, job: Job, error: Exception) -> None:
        """End a job with what went wrong, if it has not ended; it alone."""
        if not isinstance(error, SfumatoError):
            LOG.error("job %s failed", job.id, exc_info=error)
        self.waiting.remove(job.id)
        running = self._running.get(job.id)
        if running is not None:
            self._let_go(running)
            self._keeper.discard(running)
        self._keeper.fail(job, told(error))


def told(error: Exception) -> str:
    """What of an error is told to whoever asked for the picture."""
    if isinstance(error, SfumatoError):
        return without_folders(str(error))
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return f"a defect in sfumato, please report it: {without_folders(why)}"

"""Runs a server: the port is taken, the studio started, the page opened; signals drain it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import webbrowser
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sfumato.errors import InputError
from sfumato.serve.app import app_of
from sfumato.serve.guarding.guard import Guard
from sfumato.serve.guarding.heads import PatientProtocol
from sfumato.serve.guarding.tokens import made_token_file
from sfumato.serve.settings import LOOPBACK, Settings
from sfumato.serve.store import Folder, open_store
from sfumato.serve.studio import Studio

LOG = logging.getLogger("sfumato.serve")

BACKLOG = 512
CLOSING = 5  # seconds that connections are given once all streams have ended
MOST_HEAD = 64 << 10  # bytes of a request's head


def run(settings: Settings, *, say: Callable[[str], None], opens: bool = True) -> None:
    """Serve until a signal says to end; then drain, and return. Raises InputError where it cannot begin."""
    guard = made_guard(settings, say)
    folder = Folder(settings.gallery)
    folder.lock()  # before anything of it is opened: another server may have it
    taken = listening(settings.listen, settings.port)
    host, port = taken.getsockname()[:2]
    settings = at_port(settings, port)
    store = open_store(settings.database or folder.database)
    studio = Studio(settings, store, folder, guard.quotas)
    app = app_of(studio, guard.around)
    app.router.lifespan_context = started(studio)
    address = f"http://{shown(host)}:{port}/"
    say(address)
    say(f"models may take {settings.budget / 2**30:.1f} GiB; --budget says how much")
    server = Server(uvicorn.Config(
        app, log_level="warning", backlog=BACKLOG, timeout_graceful_shutdown=CLOSING,
        h11_max_incomplete_event_size=MOST_HEAD, http=PatientProtocol, ws="none",
        server_header=False, access_log=False, lifespan="on",
    ), studio)  # fmt: skip
    if opens:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    server.run([taken])


def made_guard(settings: Settings, say: Callable[[str], None]) -> Guard:
    """The guard that the settings ask for; a token file that is not there is made. Raises InputError."""
    path = settings.token_file
    if path is not None and not path.exists():
        made_token_file(path)
        say(f"made {path}: a token for me; lines are name:token[:jobs-an-hour[:pictures-a-day]]")
    guard = Guard(settings)
    for note in guard.notes:
        say(note)
    return guard


def listening(address: str, port: int) -> socket.socket:
    """A socket at an address. Raises InputError where the port is taken, or the address is not ours."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taken = socket.socket(family)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address, port))
    except (OSError, OverflowError) as error:
        taken.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen at {address} port {port} ({why}): say another with --port, or --port 0 for any"
        ) from error
    taken.listen(BACKLOG)
    return taken


def shown(host: str) -> str:
    """An address as a browser on this machine reaches it."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened at
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def at_port(settings: Settings, port: int) -> Settings:
    """The settings with the port that was found free."""
    return replace(settings, port=port)


def started(studio: Studio) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """The life of an app: its studio draws while it answers."""

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncGenerator[None]:
        studio.start()
        try:
            yield
        finally:
            studio.stop()

    return life


class Server(uvicorn.Server):
    """uvicorn's, but that the first signal drains: it goes on answering until what runs has ended."""

    def __init__(self, config: uvicorn.Config, studio: Studio) -> None:
        super().__init__(config)
        self._studio = studio
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop that signals are answered in."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Drain; a second signal ends at once."""
        if self._draining is not None or self._loop is None:
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drained())

    async def _drained(self) -> None:
        try:
            await self._studio.drain()
        finally:
            self.should_exit = True

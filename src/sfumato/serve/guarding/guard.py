"""The guard around all routes, as pure ASGI: head, Host, Origin, token, body; then the route; then headers.

Each item stands in a file of its own; here is only their order. Cheap checks come first, and no body
is read of a request whose head says that it may not ask. ``docs/serving/safety.md`` tells what each is for.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfumato.errors import InputError
from sfumato.serve.guarding.answers import Denied, answered
from sfumato.serve.guarding.asked import Asked, asked_of
from sfumato.serve.guarding.attempts import Attempts
from sfumato.serve.guarding.bodies import Bodies, Gone
from sfumato.serve.guarding.headers import is_page, shielded
from sfumato.serve.guarding.hosts import Hosts, is_loopback
from sfumato.serve.guarding.limits import BodyLimits
from sfumato.serve.guarding.origins import check_origin
from sfumato.serve.guarding.quotas import Quotas
from sfumato.serve.guarding.rates import Rates
from sfumato.serve.guarding.sessions import Sessions, number_in
from sfumato.serve.guarding.tokens import Holder, Tokens, presented, read_tokens

LOCAL = "local"  # the one client of a server without tokens
OPEN = frozenset({"/v1/session", "/v1/health", "/v1/ready"})  # beside the page: answered without a token
CLIENT, GUARD = "sfumato.client", "sfumato.guard"  # keys of the scope

log = logging.getLogger("sfumato.serve")


class Bounds(Protocol):
    """What of ``settings.Limits`` a guard reads."""

    @property
    def body_bytes(self) -> int: ...
    @property
    def upload_bytes(self) -> int: ...
    @property
    def requests_per_minute(self) -> int: ...
    @property
    def streams_per_client(self) -> int: ...


class Served(Protocol):
    """What of ``Settings`` a guard reads. ``listen`` None is loopback; ``hosts`` are further names."""

    @property
    def listen(self) -> str | None: ...
    @property
    def hosts(self) -> tuple[str, ...]: ...
    @property
    def token_file(self) -> Path | None: ...
    @property
    def limits(self) -> Bounds: ...


class Guard:
    """All that is decided before a route is asked. ``notes`` are lines for whoever starts the server."""

    def __init__(self, settings: Served, *, body_limits: BodyLimits | None = None) -> None:
        check_exposed(settings.listen, settings.token_file)
        self.tokens: Tokens | None = None
        self.notes: tuple[str, ...] = ()
        if settings.token_file is not None:
            self.tokens, self.notes = read_tokens(settings.token_file)
        self.hosts = Hosts(settings.listen, settings.hosts)
        self.sessions = Sessions()
        self.attempts = Attempts()
        self.quotas = Quotas(self.tokens.holders if self.tokens else ())
        limits = settings.limits
        self.rates = Rates(limits.requests_per_minute, limits.streams_per_client)
        self.bodies = Bodies(
            body_limits or BodyLimits(json_bytes=limits.body_bytes, upload_bytes=limits.upload_bytes)
        )

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app behind this guard: ``app.add_middleware(guard.around)``, the last, so the outermost."""
        return Guarded(app, self)

    async def holder_of(self, token: str, address: str) -> Holder:
        """Whose token it is. Raises Denied, slowly."""
        self.attempts.check(address)
        holder = self.tokens.holder(token) if self.tokens else None
        if holder is None:
            await self.attempts.failed(address)
            raise _unknown("this token is not known; send one of the server's token file")
        return holder

    async def client(self, asked: Asked) -> str | None:
        """Who asks: the holder's name, ``LOCAL`` without tokens, None if nothing says it. Raises Denied."""
        if self.tokens is None:
            return LOCAL
        authorization = asked.headers.get("authorization")
        if authorization is not None:
            token = presented(authorization)
            if token is None:
                raise _unknown("the Authorization header has no token; send Bearer TOKEN")
            return (await self.holder_of(token, asked.address)).name
        number = number_in(asked.headers.get("cookie", ""))
        holder = self.sessions.holder(number) if number else None
        return holder.name if holder else None


class Guarded:
    """An app behind a guard."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; websockets are closed, for there are none here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def out(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = shielded(message, scope["path"])
            await send(message)

        try:
            await self._passed(scope, receive, out)
        except Gone:
            return
        except Denied as denied:
            if started:
                raise
            await answered(denied, out, scope["path"])
        except Exception:
            mark = secrets.token_hex(4)
            log.exception("an answer failed (%s %s, mark %s)", scope["method"], ascii(scope["path"]), mark)
            if started:
                raise
            told = f"something broke in the server; its log says what, at mark {mark}"
            await answered(Denied(500, told, kind="internal"), out, scope["path"])

    async def _passed(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = asked_of(scope)
        check_origin(asked, self._guard.hosts.check(asked))
        anyone = is_page(asked.path) or asked.path in OPEN
        client = None if is_page(asked.path) else await self._guard.client(asked)
        if client is None and not anyone:
            raise _unknown(
                "this server asks for a token; send Authorization: Bearer TOKEN, or log in on its page"
            )
        told = {**scope, CLIENT: client, GUARD: self._guard}
        who = client or f"address {asked.address}"
        self._guard.rates.count(who)
        with self._guard.rates.stream(asked, who):
            async with self._guard.bodies.received(asked, receive) as whole:
                await self._app(told, whole, send)


def client_of(request: Request) -> str:
    """Who asks: the name of the token's holder, or "local" without tokens."""
    client: str | None = request.scope.get(CLIENT)
    if client is None:
        raise RuntimeError("a route was asked past the guard; put guard.around about the app")
    return client


def guard_of(request: Request) -> Guard:
    """The guard that this request came through."""
    return request.scope[GUARD]


def check_exposed(listen: str | None, token_file: Path | None) -> None:
    """Raise InputError where strangers could reach the server and nothing asks who they are."""
    if listen is not None and not is_loopback(listen) and token_file is None:
        raise InputError(
            f"--listen {listen} lets others reach this server: give --token-file FILE with lines name:token "
            "(a file that is not there is made, with one token), or leave --listen away"
        )


def _unknown(message: str) -> Denied:
    return Denied(401, message, kind="unauthorized", headers={"WWW-Authenticate": 'Bearer realm="sfumato"'})

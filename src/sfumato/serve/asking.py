"""Questions about routes that HTTP has and FastAPI does not answer: HEAD, and which methods a path has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAMS = "/events"  # what has no end to wait for is not asked by HEAD


def answering_head(app: ASGIApp) -> ASGIApp:
    """HEAD as GET without the body: what is there, how large it is, whether it changed."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].endswith(STREAMS):
            await app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await app({**scope, "method": "GET"}, receive, bare)

    return answered


def methods_of(scope: Scope, routers: Sequence[APIRouter]) -> str:
    """The methods that a path has, as ``Allow`` names them."""
    found: set[str] = set()
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.matches(scope)[0] != Match.NONE:
                found.update(cast("set[str]", route.methods))
    if "GET" in found and not scope["path"].endswith(STREAMS):
        found.add("HEAD")
    return ", ".join(sorted(found))

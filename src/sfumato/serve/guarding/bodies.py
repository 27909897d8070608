"""Bodies, read whole before any route sees them: counted, in time, and of a shape that parsers bear.

Up to a mebibyte is kept in memory, the rest in an unnamed file. What a route then receives is complete, so a
slow or endless sender holds up nobody but itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

import anyio
from starlette.types import Message, Receive

from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked
from sfumato.serve.guarding.limits import BodyLimits, check_kind, check_length, has_body, too_large

IN_MEMORY = 2**20
CHUNK = 256 * 2**10
EPILOGUE = 1024  # bytes at a form's end in which its last boundary stands

MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.S)
ODD_TEXT = re.compile(rb"\\u(?:0000|d[89a-f])", re.I)
BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?', re.I)


class Gone(Exception):  # noqa: N818 - named after what happened
    """The sender went away in the middle of its body."""


class Bodies:
    """Reads bodies within ``limits``; knows how many bytes are pending in all."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._pending = 0

    @asynccontextmanager
    async def received(self, asked: Asked, receive: Receive) -> AsyncGenerator[Receive]:
        """Give a ``receive`` that has the whole body, or none if there is none. Raises Denied."""
        if not has_body(asked):
            yield receive
            return
        kind, most = check_kind(asked), self._limits.most(asked)
        check_length(asked, most)
        held = 0
        with SpooledTemporaryFile[bytes](max_size=IN_MEMORY) as spool:

            def count(size: int) -> None:
                nonlocal held
                held += size
                self._pending += size
                if held > most:
                    raise too_large(most)
                if self._pending > self._limits.pending_bytes:
                    raise Denied(
                        503, "too much is being sent at once; try again", headers={"Retry-After": "5"}
                    )

            try:
                await self._read(receive, spool, count)
                spool.seek(0)
                if kind == "application/json":
                    check_json(spool.read(), self._limits.depth)
                else:
                    check_parts(spool, asked, self._limits.parts)
                spool.seek(0)
                yield _replayed(spool, receive)
            finally:
                self._pending -= held

    async def _read(self, receive: Receive, spool: IO[bytes], count: Callable[[int], None]) -> None:
        try:
            with anyio.fail_after(self._limits.body_seconds):
                more = True
                while more:
                    with anyio.fail_after(self._limits.chunk_seconds):
                        message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    chunk: bytes = message.get("body", b"")
                    count(len(chunk))
                    spool.write(chunk)
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Denied(408, "the body came too slowly; send it again", kind="too_slow") from None


def check_json(body: bytes, depth: int) -> None:
    """Raise Denied for JSON too deep for parsers, or with texts that are none; else the route's."""
    level = 0
    for mark in MARKS.finditer(body):
        sign = body[mark.start()]
        level += (sign in b"[{") - (sign in b"]}")
        if level > depth:
            raise Denied(400, f"the JSON is nested deeper than {depth}; send it flatter", kind="invalid_json")
    if ODD_TEXT.search(body):
        _check_texts(body)


def _check_texts(body: bytes) -> None:
    """What is only text in JSON: half a surrogate pair, which no file can hold, or NUL, which few can."""
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise Denied(
            400, "a text has half a surrogate pair; send whole characters", kind="invalid_json"
        ) from None
    except (ValueError, RecursionError):
        return  # no JSON at all: the route says so
    if "\\u0000" in text.replace("\\\\", ""):
        raise Denied(400, "a text has a NUL character; leave it out", kind="invalid_json")


def check_parts(spool: IO[bytes], asked: Asked, most: int) -> None:
    """Raise Denied for a form without a boundary or without its end, or with more than ``most`` parts."""
    found = BOUNDARY.findall(asked.headers.get("content-type", ""))
    if len(found) != 1:
        raise Denied(400, "the form has no boundary; let your client write the Content-Type")
    mark = b"--" + found[0].strip().encode("latin-1")
    parts, tail = 0, b""
    while chunk := spool.read(CHUNK):
        seen = tail + chunk
        parts += seen.count(mark)
        tail = seen[-len(mark) + 1 :]
    if parts > most + 1:  # the last one ends the form
        raise Denied(413, f"the form has more than {most} parts; send fewer", kind="too_large")
    spool.seek(max(0, spool.tell() - EPILOGUE))
    if mark + b"--" not in spool.read():
        raise Denied(400, "the form breaks off before its end; send all of it")


def _replayed(spool: IO[bytes], receive: Receive) -> Receive:
    ended = False

    async def replay() -> Message:
        nonlocal ended
        if ended:
            return await receive()
        chunk = spool.read(CHUNK)
        ended = len(chunk) < CHUNK
        return {"type": "http.request", "body": chunk, "more_body": not ended}

    return replay

"""What a guard says when it refuses: one form of error, sent without any framework around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Send

A1111 = ("/sdapi/", "/internal/", "/controlnet/")


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request can be read in more than one way, or not at all."},
    401: {"description": "The server asks for a token, and none that it knows was sent."},
    403: {"description": "Another page may not ask this."},
    408: {"description": "The body came too slowly."},
    413: {"description": "The body is too large."},
    414: {"description": "The query is too long."},
    415: {"description": "The body is of a kind that is not read here."},
    421: {"description": "The server is not called by that name."},
    429: {"description": "Too much is asked at once; Retry-After says when to ask again."},
    431: {"description": "The headers are too long."},
    501: {"description": "The method is not known here."},
    503: {"description": "Too much is sent at once; Retry-After says when to try again."},
}
"""What the guard answers on any path, for the OpenAPI."""


class Denied(Exception):  # noqa: N818 - named after what happened
    """A request that no route will see. ``message`` says what is wrong and the way out."""

    def __init__(
        self, status: int, message: str, *, kind: str = "denied", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = dict(headers or {})

    def body(self, path: str) -> bytes:
        """The error as JSON, in the form of the path's protocol: A1111's, or OpenAI's, which is ours too."""
        told = str(self)
        if path.startswith(A1111):
            return json.dumps({"error": "HTTPException", "detail": told, "body": "", "errors": told}).encode()
        error = {"message": told, "type": self.kind, "param": None, "code": None}
        return json.dumps({"error": error}).encode()


async def answered(denied: Denied, send: Send, path: str) -> None:
    """Send the refusal; the connection is closed, since a body may still be under way."""
    body = denied.body(path)
    told = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **denied.headers,
    }
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": denied.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""What a guard says when it refuses: one form of error, sent without any framework around it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.types import Send


class Denied(Exception):  # noqa: N818 - named after what happened
    """A request that no route will see. ``message`` says what is wrong and the way out."""

    def __init__(
        self, status: int, message: str, *, kind: str = "denied", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        """The error as JSON, in the form of all our errors, which is also OpenAI's."""
        error = {"message": str(self), "type": self.kind, "param": None, "code": None}
        return json.dumps({"error": error}).encode()


async def answered(denied: Denied, send: Send) -> None:
    """Send the refusal; the connection is closed, since a body may still be under way."""
    body = denied.body
    told = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **denied.headers,
    }
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": denied.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Errors in the form of A1111's API: ``detail`` says what is wrong, and the way out."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.replies import Fault
from sfumato.serve.routes.foreign import telling

KIND = "HTTPException"
"""What A1111 calls an error that it foresaw."""


def told(error: Refused) -> JSONResponse:
    """An answer that is no success."""
    fault = Fault(error=KIND, detail=error.message, errors=error.message)
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return JSONResponse(fault.model_dump(), error.status, headers=headers)


Route = telling(told)

MEANINGS = {
    400: "The request cannot be read.",
    404: "There is no such model, sampler or thing here.",
    413: "A picture is too large.",
    422: "The request can be read, and what it asks for cannot be done.",
    429: "Too much is asked at once; Retry-After says when to ask again.",
    500: "A defect in sfumato.",
    503: "The server is about to end, or cannot draw.",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors, for the OpenAPI."""
    return {status: {"model": Fault, "description": MEANINGS[status]} for status in statuses}

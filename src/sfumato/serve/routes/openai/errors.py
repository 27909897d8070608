"""Errors in OpenAI's form: by status and ``code`` its clients choose which exception they raise."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.responses import JSONResponse

from sfumato.serve.refused import Refused
from sfumato.serve.routes.foreign import telling
from sfumato.serve.routes.openai.replies import Fault, Faulty


class Kind(NamedTuple):
    """What OpenAI calls an error, by its status."""

    type: str
    code: str | None


KINDS: dict[int, Kind] = {
    400: Kind("invalid_request_error", "invalid_value"),
    404: Kind("invalid_request_error", "not_found"),
    409: Kind("invalid_request_error", "conflict"),
    413: Kind("invalid_request_error", "too_large"),
    429: Kind("rate_limit_error", "rate_limit_exceeded"),
    503: Kind("server_error", "unavailable"),
    504: Kind("server_error", "deadline_passed"),
}
AS_OPENAI = {422: 400}
"""OpenAI answers 400 to whatever can be read and not be done."""

NO_MODEL = "model_not_found"


def fault_of(error: Refused) -> Fault:
    """The error as it stands in a reply or in a stream."""
    status = AS_OPENAI.get(error.status, error.status)
    kind = KINDS.get(status, Kind("server_error", None))
    code = NO_MODEL if (status, error.param) == (404, "model") else kind.code
    return Fault(message=error.message, type=kind.type, param=error.param, code=code)


def told(error: Refused) -> JSONResponse:
    """An answer that is no success."""
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    if error.status == 504:
        headers["x-should-retry"] = "false"  # their clients would ask again, and wait as long in vain
    body = Faulty(error=fault_of(error)).model_dump()
    return JSONResponse(body, AS_OPENAI.get(error.status, error.status), headers=headers)


Route = telling(told)

MEANINGS = {
    400: "What is asked cannot be read, or cannot be done.",
    404: "There is no such model here.",
    409: "The idempotency key came with another request before.",
    413: "A file is too large.",
    429: "Too much is asked at once; Retry-After says when to ask again.",
    500: "A defect in sfumato.",
    503: "The server is about to end, or cannot draw.",
    504: "The deadline that was given has passed.",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors, for the OpenAPI."""
    return {status: {"model": Faulty, "description": MEANINGS[status]} for status in statuses}

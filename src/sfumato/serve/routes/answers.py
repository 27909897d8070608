"""How all routes answer: jobs as JSON, errors in one form, and what of it stands in the OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from sfumato.serve.guarding.guard import CLIENT, LOCAL
from sfumato.serve.refused import Refused
from sfumato.serve.store.ids import PATTERN
from sfumato.serve.store.records import Job
from sfumato.serve.studio import Studio

EXAMPLE_ID = "0p8k2m4v6c1t9q7r5s3n0a2bd"


JOB: dict[str, Any] = {
    "id": EXAMPLE_ID, "client": "local", "state": "done",
    "wish": {"prompt": "a red cat", "seed": 7, "count": 1},
    "created": 1795300000.0, "started": 1795300000.1, "ended": 1795300001.2, "attempts": 1, "error": None,
    "notes": [], "pictures": ["0p8k2m4v6c1t9q7r5s3n0a2be"], "key": None, "place": 0,
}  # fmt: skip
PICTURE: dict[str, Any] = {
    "id": "0p8k2m4v6c1t9q7r5s3n0a2be", "job": EXAMPLE_ID, "client": "local", "pixels": "0" * 64,
    "request": {"prompt": "a red cat", "seed": 7, "steps": 24}, "prompt": "a red cat", "negative": "",
    "model": "world", "seed": 7, "width": 128, "height": 128, "size": 20690, "created": 1795300001.2,
    "notes": [], "favourite": False,
}  # fmt: skip
"""What answers look like, for the OpenAPI."""


def examples(*values: Any) -> ConfigDict:  # noqa: ANN401 - JSON
    """What a body or an answer looks like, for the OpenAPI."""
    return ConfigDict(json_schema_extra={"examples": [*values]})


class Problem(BaseModel):
    """What went wrong: ``type`` is a word for programs, ``param`` the field that it is about."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Failure(BaseModel):
    """Every answer that is no success."""

    error: Problem


KINDS = {
    400: "invalid_request",
    401: "denied",
    403: "denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported",
    422: "invalid_request",
    429: "too_many",
    503: "unavailable",
    504: "deadline_passed",
}
"""``type`` of an error, by the status of its answer."""


def failure(
    status: int, message: str, *, param: str | None = None, retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:  # fmt: skip
    """An answer that is no success."""
    problem = {"message": message, "type": KINDS.get(status, "internal"), "param": param, "code": None}
    told = dict(headers or {})
    if retry_after is not None:
        told["Retry-After"] = str(max(1, round(retry_after)))
    return JSONResponse({"error": problem}, status, headers=told)


MEANINGS = {
    400: "The request cannot be read.",
    404: "There is no such thing here.",
    413: "More was sent than is read.",
    415: "The body is of a kind that is not read here.",
    409: "The idempotency key came with another wish before.",
    422: "The request can be read, and what it asks for cannot be done.",
    429: "Too much is asked at once; Retry-After says when to ask again.",
    503: "The server is about to end, or cannot draw.",
}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These failures, for the OpenAPI."""
    return {status: {"model": Failure, "description": MEANINGS[status]} for status in statuses}


def example(value: object) -> dict[int | str, dict[str, Any]]:
    """What an answer looks like, for the OpenAPI."""
    return {200: {"content": {"application/json": {"example": value}}}}


def studio_of(request: Request) -> Studio:
    """The server behind the routes."""
    return request.app.state.studio


def client_of(request: Request) -> str:
    """Who asks: what the guard found out, or "local" where there is none. Raises Refused for nobody."""
    client: str | None = request.scope.get(CLIENT, LOCAL)
    if client is None:
        raise Refused(401, "this server asks for a token; send Authorization: Bearer TOKEN")
    return client


TheStudio = Annotated[Studio, Depends(studio_of)]
TheClient = Annotated[str, Depends(client_of)]
JobId = Annotated[
    str,
    Path(alias="id", pattern=PATTERN, description="As the job was answered with.", examples=[EXAMPLE_ID]),
]


def told_job(job: Job, studio: Studio) -> dict[str, Any]:
    """A job as JSON, with its place in the line."""
    return {**asdict(job), "place": studio.place(job.id) if job.state == "queued" else 0}


def told_jobs(jobs: Sequence[Job], studio: Studio) -> list[dict[str, Any]]:
    """Jobs as JSON."""
    return [told_job(job, studio) for job in jobs]

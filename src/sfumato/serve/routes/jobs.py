"""Jobs: asked for, listed, watched, cancelled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Body, Header, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from sfumato.serve.events import BEAT, Event
from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import (
    JOB,
    JobId,
    TheClient,
    TheStudio,
    examples,
    failures,
    told_job,
    told_jobs,
)
from sfumato.serve.store.ids import PATTERN
from sfumato.serve.store.records import Job, State
from sfumato.serve.studio import Studio
from sfumato.serve.wish import Wish

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

BEAT_EVERY = 10.0  # seconds

EXAMPLES = {
    "words": {"summary": "A sentence", "value": {"prompt": "a red cat on a blue background", "seed": 7}},
    "several": {
        "summary": "Four pictures in a look, of another size",
        "value": {
            "prompt": "a castle", "styles": ["watercolor"], "count": 4, "size": [192, 128], "steps": 16,
        },
    },
    "from a picture": {
        "summary": "Painted where a mask is white",
        "value": {
            "prompt": "a yellow star", "picture": "0" * 64, "mask": "1" * 64, "strength": 0.9,
        },
    },
}  # fmt: skip


class ToldJob(BaseModel):
    """A job. Times are seconds since 1970; ``place`` is 1 for the next of the line, 0 for one not in it."""

    model_config = examples(JOB)

    id: str
    client: str
    state: State
    wish: dict[str, Any]
    created: float
    started: float | None
    ended: float | None
    attempts: int
    error: str | None
    notes: list[str]
    pictures: list[str]
    key: str | None
    place: int


class ToldJobs(BaseModel):
    """A page of jobs, the newest first; ``before`` the last one there are older ones."""

    model_config = examples({"jobs": [JOB]})

    jobs: list[ToldJob]


@router.post("", status_code=201, response_model=ToldJob, responses=failures(400, 409, 422, 429, 503))
async def ask(
    studio: TheStudio,
    client: TheClient,
    wish: Annotated[Wish, Body(openapi_examples=EXAMPLES)],  # pyright: ignore
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
            description="A name for this wish: asked again with it, the same job is answered.",
        ),
    ] = None,
) -> JSONResponse:  # fmt: skip
    """Ask for pictures. The job is answered at once; what becomes of it is told by its events."""
    job = await studio.accept(wish, client, key)
    return JSONResponse(told_job(job, studio), 201, headers={"Location": f"/v1/jobs/{job.id}"})


@router.get("", response_model=ToldJobs, responses=failures(400, 422))
async def listed(
    studio: TheStudio,
    client: TheClient,
    state: Annotated[list[State] | None, Query(description="Only jobs in these states.")] = None,
    before: Annotated[str | None, Query(pattern=PATTERN, description="Only older ones than this.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Jobs of whoever asks, the newest first."""
    found = await studio.jobs(client, tuple(state or ()), before, limit)
    return {"jobs": told_jobs(found, studio)}


@router.get("/{id}", response_model=ToldJob, responses=failures(404, 422))
async def told(studio: TheStudio, client: TheClient, job: JobId) -> dict[str, Any]:
    """One job."""
    return told_job(await studio.job(job, client), studio)


@router.delete("/{id}", response_model=ToldJob, responses=failures(404, 422))
async def cancel(studio: TheStudio, client: TheClient, job: JobId) -> dict[str, Any]:
    """Cancel a job, within one step of its drawing. One that has ended stays as it is."""
    await studio.job(job, client)
    return told_job(await studio.cancel(job), studio)


@router.get(
    "/{id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: queued, started, step, done, failed, cancelled; closing "
            "where the server ends before the job. The present state comes first.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "event: started\nid: 1\ndata: {}\n\n",
                }
            },
        },
        **failures(404, 422),
    },
)  # fmt: skip
async def events(
    studio: TheStudio,
    client: TheClient,
    job: JobId,
    last: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=40, description="Of the last event that was heard."),
    ] = None,
) -> StreamingResponse:
    """What happens to a job, as it happens. Who stops listening cancels nothing."""
    await studio.job(job, client)
    number = int(last) if last is not None and last.isascii() and last.isdigit() else None
    return StreamingResponse(
        _streamed(studio, job, number),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/{id}/preview",
    response_class=Response,
    responses={
        200: {"description": "What the job shows now.", "content": {"image/png": {}}},
        **failures(404, 422),
    },
)
async def preview(
    studio: TheStudio,
    client: TheClient,
    job: JobId,
    full: Annotated[bool, Query(description="Through the decoder, at full size; else a small one.")] = False,
) -> Response:
    """What a job that runs shows now."""
    await studio.job(job, client)
    image = await studio.preview(job, full=full)
    if image is None:
        raise Refused(404, "nothing is to be seen of this job now: it waits, has just begun, or has ended")
    file = BytesIO()
    await to_thread.run_sync(lambda: image.save(file, "PNG", compress_level=1))
    return Response(file.getvalue(), media_type="image/png", headers={"Cache-Control": "no-store"})


async def _streamed(studio: Studio, job: str, last: int | None) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async for event in studio.events(job, last, beat=BEAT_EVERY):
        yield _told(event, studio)


def _told(event: Event, studio: Studio) -> bytes:
    """An event as it goes over the wire."""
    if event.kind == BEAT:
        return b": still here\n\n"
    data = dict(event.data)
    job = data.get("job")
    if isinstance(job, Job):
        data["job"] = told_job(job, studio)
    number = f"id: {event.id}\n" if event.id else ""
    return f"event: {event.kind}\n{number}data: {json.dumps(data)}\n\n".encode()

"""How far a client's request is, and its end: progress, interrupt, skip."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from sfumato.serve.encoding import png_of
from sfumato.serve.routes.a1111.desk import Run, desk_of
from sfumato.serve.routes.a1111.errors import Route, faults
from sfumato.serve.routes.a1111.replies import Progress
from sfumato.serve.routes.answers import TheClient, TheStudio
from sfumato.serve.routes.waiting import cancelled
from sfumato.serve.studio import Studio

router = APIRouter(prefix="/sdapi/v1", tags=["a1111"], route_class=Route)
internal = APIRouter(prefix="/internal", tags=["a1111"], route_class=Route)

LEAST = 0.01
"""Of a request that is being drawn: clients take 0 for none."""


class TaskAsked(BaseModel):
    """What A1111's own page asks with."""

    model_config = ConfigDict(extra="ignore")

    id_task: str | None = None
    id_live_preview: int = -1
    live_preview: bool = True


@router.get("/progress", responses=faults(422))
async def progress(
    request: Request, studio: TheStudio, client: TheClient,
    skip_current_image: Annotated[bool, Query(description="Without the preview.")] = False,
    id_task: Annotated[str | None, Query(max_length=300, description="A request's force_task_id.")] = None,
) -> Progress:  # fmt: skip
    """How far the client's oldest request is."""
    run = desk_of(request).run(client, id_task)
    if run is None:
        return Progress(progress=0.0, eta_relative=0.0, state=_state(None, 0, 0))
    share, left, step, steps, image = await _seen(run, studio, shown=not skip_current_image)
    return Progress(
        progress=share,
        eta_relative=left,
        state=_state(run, step, steps),
        current_image=image,
        textinfo=f"batch {run.number + 1} of {run.rounds}",
        current_task=run.task,
    )


@router.post("/interrupt")
async def interrupt(request: Request, studio: TheStudio, client: TheClient) -> dict[str, Any]:
    """Cancel the client's requests; their calls return with what is finished."""
    for run in desk_of(request).runs(client):
        run.interrupted = True
        await cancelled(studio, run.jobs)
    return {}


@router.post("/skip")
async def skip(request: Request, studio: TheStudio, client: TheClient) -> dict[str, Any]:
    """Cancel what is drawn now of the client's requests; they go on with the next batch."""
    for run in desk_of(request).runs(client):
        run.skipped = True
        await cancelled(studio, run.jobs)
    return {}


@internal.get("/ping")
def ping() -> dict[str, Any]:
    """Here."""
    return {}


@internal.post("/progress", responses=faults(400, 422))
async def task_progress(
    asked: TaskAsked, request: Request, studio: TheStudio, client: TheClient
) -> dict[str, Any]:
    """How far a request is, as A1111's own page asks."""
    run = desk_of(request).run(client, asked.id_task)
    if run is None:
        told: dict[str, Any] = {"active": False, "queued": False, "completed": asked.id_task is not None}
        nothing = {"progress": None, "eta": None, "live_preview": None, "textinfo": None}
        return {**told, **nothing, "id_live_preview": asked.id_live_preview}
    share, left, step, _, image = await _seen(run, studio, shown=asked.live_preview)
    return {
        "active": True,
        "queued": step == 0,
        "completed": False,
        "progress": share,
        "eta": left,
        "live_preview": None if image is None else f"data:image/png;base64,{image}",
        "id_live_preview": step,
        "textinfo": f"batch {run.number + 1} of {run.rounds}",
    }


async def _seen(run: Run, studio: Studio, *, shown: bool) -> tuple[float, float, int, int, str | None]:
    """The share that is drawn, seconds left, step and steps of the picture, and its preview in base64."""
    found = [each for each in map(studio.progress, run.jobs) if each is not None]
    if not found:
        return max(LEAST, run.number / run.rounds), 0.0, 0, 0, None
    now = found[0]
    spent = time.monotonic() - run.round_begun
    left = max((each.seconds_left or 0.0) for each in found)
    within = spent / (spent + left) if left else now.index / max(now.total, 1)
    share = min(max(LEAST, (run.number + within) / run.rounds), 1.0)
    ahead = (spent + left) * (run.rounds - run.number - 1)
    image = None
    if shown and now.preview is not None:
        picture = now.preview
        image = base64.b64encode(await to_thread.run_sync(lambda: png_of(picture))).decode()
    return share, left + ahead, now.index, now.total, image


def _state(run: Run | None, step: int, steps: int) -> dict[str, Any]:
    """The keys that A1111's clients read."""
    begun = time.localtime(run.begun if run else 0)
    return {
        "skipped": bool(run and run.skipped),
        "interrupted": bool(run and run.interrupted),
        "stopping_generation": False,
        "job": "" if run is None else f"Batch {run.number + 1} out of {run.rounds}",
        "job_count": 0 if run is None else run.rounds,
        "job_timestamp": "0" if run is None else time.strftime("%Y%m%d%H%M%S", begun),
        "job_no": 0 if run is None else run.number,
        "sampling_step": step,
        "sampling_steps": steps,
    }

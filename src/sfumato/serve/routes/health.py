"""Whether the server lives, and whether it can draw."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from sfumato.serve.guarding.guard import CLIENT, LOCAL
from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import TheStudio, example, failures

router = APIRouter(prefix="/v1", tags=["health"])


@router.get("/health", responses=example({"alive": True}))
async def health() -> dict[str, Any]:
    """Whether the server answers at all."""
    return {"alive": True}


@router.get("/ready", responses={**failures(503), **example({
    "ready": True, "waiting": 0, "running": 0, "live": 0, "resident": {"world": 45000000},
    "seconds_per_step": 0.04, "draining": False, "dead": None,
})})  # fmt: skip
async def ready(request: Request, studio: TheStudio) -> dict[str, Any]:
    """Whether wishes are accepted and drawn; 503 says why not. Without a token nothing more is told."""
    status = studio.status()
    if status.dead is not None:
        raise Refused(503, f"nothing is drawn any more ({status.dead}): start the server again")
    if status.draining:
        raise Refused(503, "the server is about to end: ask again in a moment", retry_after=5)
    if request.scope.get(CLIENT, LOCAL) is None:
        return {"ready": True}
    return {"ready": True, **asdict(status), "running": len(status.running)}

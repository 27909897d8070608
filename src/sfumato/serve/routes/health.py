"""Whether the server lives, and whether it can draw."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import TheStudio, example, failures

router = APIRouter(prefix="/v1", tags=["health"])


@router.get("/health", responses=example({"alive": True}))
async def health() -> dict[str, Any]:
    """Whether the server answers at all."""
    return {"alive": True}


@router.get("/ready", responses={**failures(503), **example({
    "ready": True, "waiting": 0, "running": [], "live": 0, "resident": {"world": 45000000},
    "seconds_per_step": 0.04, "draining": False, "dead": None,
})})  # fmt: skip
async def ready(studio: TheStudio) -> dict[str, Any]:
    """Whether wishes are accepted and drawn; 503 says why not."""
    status = studio.status()
    if status.dead is not None:
        raise Refused(503, f"nothing is drawn any more ({status.dead}): start the server again")
    if status.draining:
        raise Refused(503, "the server is about to end: ask again in a moment", retry_after=5)
    return {"ready": True, **asdict(status)}

"""What Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sfumato.serve.metering import Meters

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus' text form.", "content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Jobs, pictures, forwards, memory and requests, for Prometheus."""
    meters: Meters = request.app.state.meters
    return Response(generate_latest(meters.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

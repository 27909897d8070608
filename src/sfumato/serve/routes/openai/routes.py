"""``/v1/images``: the three ways in which OpenAI's clients ask for pictures."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from starlette.responses import JSONResponse, Response

from sfumato.serve.facts import models_told
from sfumato.serve.routes.answers import TheClient, TheStudio
from sfumato.serve.routes.openai.asked import Asked, Edit, Generation, Variation
from sfumato.serve.routes.openai.drawing import accepted, reply
from sfumato.serve.routes.openai.errors import Route, faults
from sfumato.serve.routes.openai.forms import asked_of, body_of, form_of, kept
from sfumato.serve.routes.openai.replies import ImagesReply
from sfumato.serve.routes.openai.streaming import Stream
from sfumato.serve.routes.openai.wishes import Shelf, edit, generation, variation
from sfumato.serve.studio import Studio
from sfumato.serve.translated import Translated

router = APIRouter(prefix="/v1/images", tags=["openai"], route_class=Route)

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ImagesReply,
        "description": "The pictures; with `stream` server-sent events of them.",
        "content": {"text/event-stream": {}},
    },
    **faults(400, 404, 409, 413, 429, 500, 503, 504),
}
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$"),
]


@router.post("/generations", response_model=None, responses=ANSWERS)
async def generations(
    asked: Generation, request: Request, studio: TheStudio, client: TheClient, key: Key = None
) -> Response:
    """Draw pictures from words, as OpenAI's clients ask for it; the reply waits for them."""
    meant = generation(asked, await _shelf(studio))
    return await _answered(asked, meant, request, studio, client, key)


@router.post("/edits", response_model=None, responses=ANSWERS, openapi_extra=body_of(Edit, mask=True))
async def edits(request: Request, studio: TheStudio, client: TheClient, key: Key = None) -> Response:
    """Go on from a picture, or paint where a mask is clear, as OpenAI's clients ask for it."""
    form = await form_of(request)
    asked = asked_of(Edit, form)
    meant = edit(asked, await kept(form, studio, client), await _shelf(studio))
    return await _answered(asked, meant, request, studio, client, key)


@router.post(
    "/variations", response_model=None, responses=ANSWERS, openapi_extra=body_of(Variation, mask=False)
)
async def variations(request: Request, studio: TheStudio, client: TheClient, key: Key = None) -> Response:
    """Draw a picture's like, as OpenAI's clients ask for it."""
    form = await form_of(request)
    asked = asked_of(Variation, form)
    meant = variation(asked, await kept(form, studio, client), await _shelf(studio))
    return await _answered(asked, meant, request, studio, client, key)


async def _answered(
    asked: Asked, meant: Translated, request: Request, studio: Studio, client: str, key: str | None
) -> Response:
    job = await accepted(meant, studio, client, key)
    if not asked.stream:
        told = await reply(asked, meant, job, studio, request)
        return JSONResponse(told.model_dump(exclude_none=True))
    kind = "image_generation" if isinstance(asked, Generation) else "image_edit"
    return StreamingResponse(
        Stream(asked=asked, meant=meant, job=job.id, studio=studio, kind=kind).events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _shelf(studio: Studio) -> Shelf:
    """What of the server its translations know."""

    def told() -> dict[str, str]:
        found = models_told(studio.models, studio.adapters, {}, {})
        readers: dict[str, str] = {}
        for each in found:
            references: Any = each["references"]
            if references:
                readers[str(each["name"])] = str(references[0]["name"])
        return readers

    return Shelf(tuple(studio.models.by_name), await to_thread.run_sync(told))

"""Uploads: pictures that clients bring, to go on from or to steer by. Named by digest, given back as data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from sfumato.serve.refused import Refused
from sfumato.serve.routes.answers import TheClient, TheStudio, examples, failures
from sfumato.serve.routes.bringing import brought
from sfumato.serve.uploads import Upload, forget, owned
from sfumato.serve.wish import DIGEST

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}

Digest = Annotated[
    str,
    Path(alias="digest", pattern=DIGEST, description="As the upload was answered with.", examples=["0" * 64]),
]


class ToldUpload(BaseModel):
    """A picture that is kept. ``digest`` is what a wish names it by; ``notes`` say what was decided."""

    model_config = examples({"digest": "0" * 64, "width": 128, "height": 128, "notes": []})

    digest: str
    width: int
    height: int
    notes: list[str]


@router.post(
    "",
    status_code=201,
    response_model=ToldUpload,
    responses=failures(400, 413, 415, 422, 503),
    openapi_extra=FORM,
)
async def bring(request: Request, studio: TheStudio, client: TheClient) -> Upload:
    """Bring a picture: PNG, JPEG, WebP, GIF, TIFF, BMP or AVIF, in the form's part ``file``.

    It is known by its bytes, whatever its name and type say, and kept as its pixels alone. Clear parts stay
    clear, so that it may also be a mask.
    """
    async with request.form(max_files=1, max_fields=4) as form:
        files = form.getlist("file")
        if len(files) != 1 or not isinstance(files[0], UploadFile):
            raise Refused(422, "the form has no part called file with a file in it: send one", param="file")
        data = await files[0].read()
    return await brought(studio, data, client)


@router.get(
    "/{digest}",
    response_class=Response,
    responses={200: {"description": "The picture.", "content": {"image/png": {}}}, **failures(404, 422)},
)
def given(studio: TheStudio, client: TheClient, digest: Digest) -> Response:
    """A picture that you brought, as a file."""
    path = owned(digest, studio.folder, client=client)
    if path is None:
        raise Refused(404, f"no picture {digest[:12]}... of yours is here: upload it", param="digest")
    headers = {
        "Content-Disposition": f'attachment; filename="{digest[:16]}.png"',
        "Cache-Control": "private, no-cache",
    }
    return Response(path.read_bytes(), media_type="image/png", headers=headers)


@router.delete("/{digest}", status_code=204, responses=failures(404, 422))
def removed(studio: TheStudio, client: TheClient, digest: Digest) -> None:
    """Remove a picture that you brought. Jobs that wait for it will fail."""
    if not forget(digest, studio.folder, client=client):
        raise Refused(404, f"no picture {digest[:12]}... of yours is here", param="digest")

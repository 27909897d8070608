"""The gallery: pictures found by their words, looked at, marked, deleted; settings restored from a file."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, TypeAlias

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from sfumato.errors import InputError
from sfumato.serve.refused import Refused
from sfumato.serve.restored import Told, told_by
from sfumato.serve.routes.answers import EXAMPLE_ID, PICTURE, TheClient, TheStudio, examples, failures
from sfumato.serve.routes.uploads import FORM
from sfumato.serve.store import delete_picture
from sfumato.serve.store.ids import PATTERN
from sfumato.serve.store.records import Kept
from sfumato.serve.store.records import Query as Sought
from sfumato.serve.studio import Studio
from sfumato.serve.uploads import owned
from sfumato.serve.wish import Strict

router = APIRouter(prefix="/v1", tags=["pictures"])

PictureId = Annotated[
    str,
    Path(alias="id", pattern=PATTERN, description="As a job or a search named it.", examples=[EXAMPLE_ID]),
]
Moment = Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False, description="Seconds since 1970.")]


class ToldPicture(BaseModel):
    """A picture and all its settings. ``pixels`` is the digest by which a wish may name it."""

    model_config = examples(PICTURE)

    id: str
    job: str
    client: str
    pixels: str
    request: dict[str, Any]
    prompt: str
    negative: str
    model: str
    seed: int
    width: int
    height: int
    size: int
    created: float
    notes: list[str]
    favourite: bool


class ToldPictures(BaseModel):
    """A page of pictures, the newest first; ``before`` the last one there are older ones."""

    model_config = examples({"pictures": [PICTURE]})

    pictures: list[ToldPicture]


class Marking(Strict):
    """What can be changed about a picture."""

    model_config = examples({"favourite": True})

    favourite: bool


class ToldWish(BaseModel):
    """Settings out of a file: fields of a wish, a line for all that was not taken over."""

    model_config = examples(
        {"wish": {"prompt": "a red cat", "seed": 7, "steps": 24}, "notes": [], "ours": True}
    )

    wish: dict[str, Any]
    notes: list[str]
    ours: bool


def _told(kept: Kept) -> dict[str, Any]:
    told = asdict(kept)
    del told["file"]  # where it lies is nobody's business
    return told


def _of(studio: Studio, client: str, name: str) -> Kept:
    """The picture, if it is theirs. Raises Refused."""
    kept = studio.store.picture(name)
    if kept is None or kept.client != client:
        raise Refused(404, f"no picture {name} is here", param="id")
    return kept


class Sieve(BaseModel):
    """What of the gallery is wanted."""

    words: str = Field("", max_length=1000, description="All of them must occur, in any case.")
    model: str | None = Field(None, max_length=300)
    since: Moment = None
    until: Moment = None
    favourite: bool | None = None
    before: str | None = Field(None, pattern=PATTERN, description="Only older ones than this.")
    limit: int = Field(50, ge=1, le=200)


@router.get("/pictures", response_model=ToldPictures, responses=failures(422))
def listed(studio: TheStudio, client: TheClient, sieve: Annotated[Sieve, Query()]) -> dict[str, Any]:
    """Pictures of whoever asks, the newest first."""
    sought = Sought(client=client, **sieve.model_dump())
    return {"pictures": [_told(kept) for kept in studio.store.search(sought)]}


@router.get("/pictures/{id}", response_model=ToldPicture, responses=failures(404, 422))
def told(studio: TheStudio, client: TheClient, picture: PictureId) -> dict[str, Any]:
    """One picture, with all its settings."""
    return _told(_of(studio, client, picture))


Answers: TypeAlias = dict[int | str, dict[str, Any]]

IMAGE: Answers = {200: {"description": "The picture, with its receipt.", "content": {"image/png": {}}}}
SMALL: Answers = {200: {"description": "A small one.", "content": {"image/webp": {}}}}
SAME: Answers = {304: {"description": "It is the picture that you have."}}
Known = Annotated[str | None, Header(alias="If-None-Match", max_length=1000)]


@router.get(
    "/pictures/{id}/image", response_class=Response, responses={**IMAGE, **SAME, **failures(404, 422)}
)
def image(
    studio: TheStudio,
    client: TheClient,
    picture: PictureId,
    *,
    download: Annotated[bool, Query(description="As a file to keep, and not to be shown.")] = False,
    known: Known = None,
) -> Response:
    """The PNG, whose receipt draws it again."""
    kept = _of(studio, client, picture)
    answer = _seen(kept, known, partial(studio.folder.read, kept), "image/png")
    if download:
        answer.headers["Content-Disposition"] = f'attachment; filename="sfumato-{kept.id}.png"'
    return answer


@router.get(
    "/pictures/{id}/thumbnail", response_class=Response, responses={**SMALL, **SAME, **failures(404, 422)}
)
def thumbnail(studio: TheStudio, client: TheClient, picture: PictureId, *, known: Known = None) -> Response:
    """A small WebP of it."""
    kept = _of(studio, client, picture)
    return _seen(kept, known, partial(studio.folder.thumbnail, kept), "image/webp")


def _seen(kept: Kept, known: str | None, read: partial[bytes], media_type: str) -> Response:
    """The file, unless whoever asks has it. They ask each time: what is deleted is not to be seen again."""
    tag = f'"{kept.pixels[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if known is not None and (tag in known or known.strip() == "*"):
        return Response(status_code=304, headers=headers)
    try:
        return Response(read(), media_type=media_type, headers=headers)
    except InputError as error:
        raise Refused(404, str(error), param="id") from error


@router.patch("/pictures/{id}", response_model=ToldPicture, responses=failures(400, 404, 422))
def mark(studio: TheStudio, client: TheClient, picture: PictureId, marking: Marking) -> dict[str, Any]:
    """Mark a picture as a favourite, or take the mark away."""
    _of(studio, client, picture)
    studio.store.favourite(picture, marking.favourite)
    return _told(_of(studio, client, picture))


@router.delete("/pictures/{id}", status_code=204, response_class=Response, responses=failures(404, 422))
def delete(studio: TheStudio, client: TheClient, picture: PictureId) -> Response:
    """Delete a picture for good: file, thumbnail, words."""
    _of(studio, client, picture)
    delete_picture(studio.store, studio.folder, picture)
    return Response(status_code=204)


@router.post("/restore", response_model=ToldWish, responses=failures(400, 413, 415, 422), openapi_extra=FORM)
async def restored(request: Request, studio: TheStudio, client: TheClient) -> Told:
    """The settings that a picture's file carries, ours or A1111's, in the form's part ``file``."""
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused(422, "the form has no part called file with a file in it: send one", param="file")
        data = await file.read()
    limits = studio.settings.limits
    if len(data) > limits.upload_bytes:
        raise Refused(413, f"the file has more than {limits.upload_bytes:,} bytes", param="file")
    read = partial(
        told_by, data, most_pixels=limits.upload_pixels, models=studio.models.by_name,
        is_here=partial(_is_here, studio, client),
    )  # fmt: skip
    try:
        return await to_thread.run_sync(read)
    except InputError as error:
        raise Refused(422, str(error), param="file") from error


def _is_here(studio: Studio, client: str, digest: str) -> bool:
    return owned(digest, studio.folder, client=client) is not None or (
        studio.store.by_pixels(digest, client) is not None
    )

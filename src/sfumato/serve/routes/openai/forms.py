"""Forms with files, as OpenAI's clients send them to edits and variations: read, and their pictures kept."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, TypeVar

from anyio import to_thread
from fastapi import Request
from PIL import Image, ImageOps
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from sfumato.errors import InputError
from sfumato.pictures import received
from sfumato.serve.refused import Refused
from sfumato.serve.routes.bringing import apart, brought, laid, words_of
from sfumato.serve.routes.openai.asked import Asked
from sfumato.serve.routes.openai.fields import FIELDS
from sfumato.serve.routes.openai.wishes import Files, from_form
from sfumato.serve.settings import Limits
from sfumato.serve.studio import Studio
from sfumato.serve.translated import first_fault

IMAGES = ("image", "image[]")
MOST_FILES, MOST_FIELDS = 20, 200

A = TypeVar("A", bound=Asked)


class Form(NamedTuple):
    """What a form holds: fields as JSON would say them, pictures in their order, a mask."""

    said: dict[str, object]
    images: list[bytes]
    mask: bytes | None


async def form_of(request: Request) -> Form:
    """The form, its files read. Raises Refused for files in fields that take none."""
    fields: list[tuple[str, str]] = []
    images: list[bytes] = []
    mask: bytes | None = None
    try:
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS) as form:
            for name, value in form.multi_items():
                if not isinstance(value, UploadFile):
                    fields.append((name, value))
                elif name in IMAGES or name.startswith("image["):
                    images.append(await value.read())
                elif name == "mask":
                    mask = await value.read()
                else:
                    why = FIELDS[name].says if name in FIELDS else "files are image, image[] and mask"
                    raise Refused(400, f"{name[:100]} is no file that is understood here: {why}", param=name)
    except HTTPException as error:
        raise Refused(400, f"the form cannot be read: {error.detail}") from error
    for name in (*IMAGES, "mask"):
        if any(field == name for field, _ in fields):
            raise Refused(400, f"{name} is text: send the picture as a file", param="image")
    return Form(from_form(fields), images, mask)


def asked_of(kind: type[A], form: Form) -> A:
    """The fields of a form, checked. Raises Refused."""
    try:
        return kind.model_validate(form.said)
    except ValidationError as error:
        message, param = first_fault(error)
        raise Refused(400, message, param=param) from error


async def kept(form: Form, studio: Studio, client: str) -> Files:
    """The pictures of a form, kept; the first is gone on from. Raises Refused."""
    if not form.images:
        raise Refused(400, "image is missing: send the picture to go on from as a file", param="image")
    found = [
        await brought(studio, data, client, param="image", status=400)
        for data in form.images
    ]  # fmt: skip
    notes = [note for each in found for note in each.notes]
    hole, told = await apart(partial(_hole, form, studio.settings.limits))
    mask = None if hole is None else await laid(studio, hole, client)
    return Files(
        picture=found[0].digest,
        mask=mask,
        references=tuple(each.digest for each in found[1:]),
        words=await to_thread.run_sync(words_of, form.images[0]),
        notes=(*notes, *told),
    )


def _hole(form: Form, limits: Limits) -> tuple[Image.Image | None, tuple[str, ...]]:
    """What is painted anew, white: the mask's clear part, or the picture's own where there is no mask."""
    if form.mask is None:
        image, _ = received(form.images[0], most_pixels=limits.upload_pixels)
        if image.mode != "RGBA":
            return None, ()
        return ImageOps.invert(image.getchannel("A")), ("the image's clear part is painted anew",)
    if len(form.mask) > limits.upload_bytes:
        raise Refused(413, f"mask has more than {limits.upload_bytes:,} bytes: make it smaller", param="mask")
    try:
        mask, notes = received(form.mask, most_pixels=limits.upload_pixels)
    except InputError as error:
        raise Refused(400, f"mask: {error}", param="mask") from error
    if mask.mode == "RGBA":
        return ImageOps.invert(mask.getchannel("A")), notes
    return mask.convert("L"), (*notes, "the mask has no clear part: its white part is painted anew")


def body_of(kind: type[Asked], *, mask: bool) -> dict[str, Any]:
    """The form, for the OpenAPI."""
    schema = kind.model_json_schema()
    file = {"type": "string", "format": "binary"}
    files = {"image": file, "image[]": {"type": "array", "items": file}, **({"mask": file} if mask else {})}
    schema["properties"] = {**files, **schema["properties"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}

"""Wishes drawn, and told as OpenAI's replies tell pictures. Streams are in ``streaming.py``."""

from __future__ import annotations

import base64
from typing import NamedTuple

from anyio import to_thread
from fastapi import Request

from sfumato.serve.encoding import encoded
from sfumato.serve.facts import read
from sfumato.serve.refused import Refused
from sfumato.serve.routes.openai.asked import Asked
from sfumato.serve.routes.openai.fields import QUALITIES
from sfumato.serve.routes.openai.replies import Image as ToldImage
from sfumato.serve.routes.openai.replies import ImagesReply, Usage, usage_of
from sfumato.serve.routes.waiting import ended, failure_of
from sfumato.serve.store.records import Job, Kept
from sfumato.serve.studio import Studio
from sfumato.serve.translated import Translated, check_size
from sfumato.serve.wish import Wish

UNDRAWN = 400
"""Status of a request whose picture cannot be drawn as it is asked."""

PLACE = 8
"""Pixels of a side of what one place of a latent stands for: a token of a picture."""


class Picture(NamedTuple):
    """A finished picture and its PNG."""

    kept: Kept
    png: bytes


async def accepted(meant: Translated, studio: Studio, client: str, key: str | None) -> Job:
    """The wish as a job. Raises Refused."""
    check_size(meant.wish, studio.shapes, status=UNDRAWN)
    return await studio.accept(meant.wish, client, key)


async def reply(
    asked: Asked, meant: Translated, job: Job, studio: Studio, request: Request
) -> ImagesReply:  # fmt: skip
    """All pictures, once they are drawn."""
    (over,) = await ended(studio, [job.id], request)
    pictures = await pictures_of(over, studio)
    notes = [*meant.notes, *over.notes, *(note for each in pictures for note in each.kept.notes)]
    data: list[ToldImage] = []
    for kept, png in pictures:
        told, more = await _told(asked, kept, png, request)
        data.append(told)
        notes += more
    first = pictures[0].kept
    return ImagesReply(
        created=int(first.created),
        data=data,
        output_format="png" if asked.response_format == "url" else asked.format,
        quality=QUALITIES[asked.quality or "auto"].told,
        size=f"{first.width}x{first.height}",
        usage=await used(meant.wish, studio, [each.kept for each in pictures]),
        safety_identifier=asked.safety_identifier or asked.user or None,
        notes=list(dict.fromkeys(notes)),
    )


async def pictures_of(job: Job, studio: Studio) -> list[Picture]:
    """The pictures of a job that has ended. Raises Refused where it brought none."""
    if job.state != "done":
        raise failure_of(job, UNDRAWN)
    found: list[Picture] = []
    for id in job.pictures:  # noqa: A001 - as everywhere
        kept = await to_thread.run_sync(studio.store.picture, id)
        if kept is not None:
            found.append(Picture(kept, await studio.picture_bytes(id)))
    if not found:
        raise Refused(500, "the pictures were deleted before they could be sent: ask again")
    return found


async def used(wish: Wish, studio: Studio, drawn: list[Kept]) -> Usage:
    """Tokens of the texts, and of pictures: one for each place of a latent, 8x8 pixels."""
    file = studio.models.named(wish.model)
    texts = [text for text in (drawn[0].prompt, drawn[0].negative) if text.strip()]

    def tokens() -> int:
        return sum(
            read(file.path, text, drawn[0].seed, embeddings=studio.adapters.words_in(text)).used
            for text in texts
        )

    places = [max(1, (kept.width // PLACE) * (kept.height // PLACE)) for kept in drawn]
    brought = (wish.picture is not None) + len(wish.references) + len(wish.controls)
    text = await to_thread.run_sync(tokens)
    return usage_of(text=text, brought=brought * places[0], drawn=sum(places))


async def _told(asked: Asked, kept: Kept, png: bytes, request: Request) -> tuple[ToldImage, tuple[str, ...]]:
    """A picture in the reply, and what its format lacks."""
    told = ToldImage(id=kept.id, seed=kept.seed)
    if asked.response_format == "url":
        told.url = f"{request.base_url}v1/pictures/{kept.id}/image"
        lacks = asked.format != "png"
        notes = (f"output_format {asked.format} has no effect on a url: it is of the gallery's PNG",)
        return told, notes if lacks else ()
    data, notes = await to_thread.run_sync(encoded, png, asked.format, asked.compression)
    told.b64_json = base64.b64encode(data).decode()
    return told, notes

"""Wishes drawn, and told as OpenAI's replies and streams tell pictures."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from anyio import to_thread
from fastapi import Request
from PIL import Image

from sfumato.serve.encoding import encoded, plain
from sfumato.serve.events import BEAT, Event
from sfumato.serve.facts import read
from sfumato.serve.refused import Refused
from sfumato.serve.routes.openai.asked import Asked
from sfumato.serve.routes.openai.errors import fault_of
from sfumato.serve.routes.openai.fields import QUALITIES
from sfumato.serve.routes.openai.replies import Faulty, ImagesReply, Usage, usage_of
from sfumato.serve.routes.openai.replies import Image as ToldImage
from sfumato.serve.routes.waiting import cancelled, ended, failure_of
from sfumato.serve.store.records import ENDED, Job, Kept
from sfumato.serve.studio import Studio
from sfumato.serve.translated import Translated, check_size
from sfumato.serve.wish import Wish

UNDRAWN = 400
"""Status of a request whose picture cannot be drawn as it is asked."""

PLACE = 8
"""Pixels of a side of what one place of a latent stands for: a token of a picture."""

BEAT_EVERY = 10.0  # seconds between two signs of life in a stream


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
    quality = 100 if asked.output_compression is None else asked.output_compression
    data, notes = await to_thread.run_sync(encoded, png, asked.format, quality)
    told.b64_json = base64.b64encode(data).decode()
    return told, notes


# streams ------------------------------------------------------------------------------------------


async def stream(
    asked: Asked, meant: Translated, job: Job, studio: Studio, kind: str
) -> AsyncIterator[bytes]:  # fmt: skip
    """Server-sent events, ``kind`` image_generation or image_edit: previews, then each picture.

    Whoever stops listening wants no picture: the job is cancelled.
    """
    wanted = asked.partial_images or 0
    sent: dict[int, int] = {}
    try:
        async for event in studio.events(job.id, beat=BEAT_EVERY, previews=wanted > 0):
            if event.kind == BEAT:
                yield b": still drawing\n\n"
            elif event.kind == "step" and wanted:
                picture = int(str(event.data["picture"]))
                if _is_due(event, sent.get(picture, 0), wanted):
                    async for part in _partial(asked, meant, job, event, studio, kind, sent):
                        yield part
            elif event.kind == "closing":
                raise Refused(503, "the server ends; the job goes on at its next start", retry_after=5)
        async for part in _completed(asked, meant, await studio.job(job.id), studio, kind):
            yield part
    except Refused as error:
        yield _event("error", Faulty(error=fault_of(error)).model_dump())
    finally:
        await asyncio.shield(_let_go(studio, job.id))


async def _let_go(studio: Studio, id: str) -> None:  # noqa: A002
    if (await studio.job(id)).state not in ENDED:
        await cancelled(studio, [id])


def _is_due(event: Event, sent: int, wanted: int) -> bool:
    """Whether the next of so many partial pictures is to be sent: they come in even distances."""
    index, total = int(str(event.data["index"])), int(str(event.data["total"]))
    return sent < wanted and index < total and index >= total * (sent + 1) / (wanted + 1)


async def _partial(
    asked: Asked, meant: Translated, job: Job, event: Event, studio: Studio, kind: str, sent: dict[int, int]
) -> AsyncIterator[bytes]:
    """A partial picture, if there is anything to be seen yet."""
    number = int(str(event.data["picture"]))
    image = await studio.preview(job.id, full=True) if meant.wish.count == 1 else _small(event, meant.wish)
    if image is None:
        return
    quality = 100 if asked.output_compression is None else asked.output_compression
    data = await to_thread.run_sync(plain, image, asked.format, quality)
    index = sent.get(number, 0)
    sent[number] = index + 1
    told = {"partial_image_index": index, "b64_json": base64.b64encode(data).decode(), "picture": number}
    yield _event(f"{kind}.partial_image", {**_common(asked, image.size), **told})


def _small(event: Event, wish: Wish) -> Image.Image | None:
    """The preview that the event brings, as large as the picture where that is known."""
    url = event.data.get("preview")
    if not isinstance(url, str):
        return None
    with Image.open(BytesIO(base64.b64decode(url.partition(",")[2])), formats=["WEBP"]) as image:
        image.load()
        return image if wish.size is None else image.resize(wish.size, Image.Resampling.BICUBIC)


async def _completed(
    asked: Asked, meant: Translated, job: Job, studio: Studio, kind: str
) -> AsyncIterator[bytes]:  # fmt: skip
    """Each finished picture; ``usage`` is of it alone."""
    quality = 100 if asked.output_compression is None else asked.output_compression
    for number, (kept, png) in enumerate(await pictures_of(job, studio)):
        data, more = await to_thread.run_sync(encoded, png, asked.format, quality)
        usage = await used(meant.wish, studio, [kept])
        told: dict[str, Any] = {
            "b64_json": base64.b64encode(data).decode(),
            "usage": usage.model_dump(),
            "picture": number,
            "id": kept.id,
            "seed": kept.seed,
            "notes": list(dict.fromkeys((*meant.notes, *job.notes, *kept.notes, *more))),
        }
        if identifier := asked.safety_identifier or asked.user:
            told["safety_identifier"] = identifier
        yield _event(f"{kind}.completed", {**_common(asked, (kept.width, kept.height)), **told})


def _common(asked: Asked, size: tuple[int, int]) -> dict[str, object]:
    """What every event of a stream tells."""
    return {
        "created_at": int(time.time()),
        "size": f"{size[0]}x{size[1]}",
        "quality": QUALITIES[asked.quality or "auto"].told,
        "background": "opaque",
        "output_format": asked.format,
    }


def _event(kind: str, data: Mapping[str, object]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()

"""Pictures while they are drawn, as OpenAI's clients read them: partial ones, then each that is finished."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from anyio import to_thread
from PIL import Image

from sfumato.errors import SfumatoError
from sfumato.serve.encoding import encoded, plain
from sfumato.serve.events import BEAT, Event
from sfumato.serve.refused import Refused
from sfumato.serve.routes.openai.asked import Asked
from sfumato.serve.routes.openai.drawing import pictures_of, used
from sfumato.serve.routes.openai.errors import fault_of
from sfumato.serve.routes.openai.fields import QUALITIES
from sfumato.serve.routes.openai.replies import Faulty
from sfumato.serve.routes.waiting import cancelled
from sfumato.serve.studio import Studio
from sfumato.serve.translated import Translated

BEAT_EVERY = 10.0  # seconds between two signs of life


@dataclass(kw_only=True)
class Stream:
    """The stream of one job; ``kind`` is image_generation or image_edit."""

    asked: Asked
    meant: Translated
    job: str
    studio: Studio
    kind: str
    sent: dict[int, int] = field(default_factory=dict[int, int])
    """Partial pictures that were sent, by the number of their picture."""

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events. Whoever stops listening wants no picture: the job is cancelled."""
        wanted = self.asked.partial_images or 0
        try:
            async for event in self.studio.events(self.job, beat=BEAT_EVERY, previews=wanted > 0):
                if event.kind == BEAT:
                    yield b": still drawing\n\n"
                elif event.kind == "step" and self._is_due(event, wanted):
                    part = await self._partial(event)
                    if part is not None:
                        yield part
                elif event.kind == "closing":
                    raise Refused(503, "the server ends; the job goes on at its next start", retry_after=5)
            async for part in self._completed():
                yield part
        except SfumatoError as error:
            refused = error if isinstance(error, Refused) else Refused(503, str(error))
            yield told("error", Faulty(error=fault_of(refused)).model_dump())
        finally:
            await asyncio.shield(cancelled(self.studio, [self.job]))

    def _is_due(self, event: Event, wanted: int) -> bool:
        """Whether the next of so many partial pictures is to be sent: they come in even distances."""
        index, total = int(str(event.data["index"])), int(str(event.data["total"]))
        sent = self.sent.get(_number(event), 0)
        return sent < wanted and index < total and index >= total * (sent + 1) / (wanted + 1)

    async def _partial(self, event: Event) -> bytes | None:
        """A partial picture, None while there is nothing to be seen."""
        number = _number(event)
        alone = self.meant.wish.count == 1
        image = await self.studio.preview(self.job, full=True) if alone else self._small(event)
        if image is None:
            return None
        data = await to_thread.run_sync(plain, image, self.asked.format, self.asked.compression)
        index = self.sent.get(number, 0)
        self.sent[number] = index + 1
        said = {"partial_image_index": index, "b64_json": base64.b64encode(data).decode(), "picture": number}
        return told(f"{self.kind}.partial_image", {**self._common(image.size), **said})

    def _small(self, event: Event) -> Image.Image | None:
        """The preview that the event brings, as large as the picture where that is known."""
        url, size = event.data.get("preview"), self.meant.wish.size
        if not isinstance(url, str):
            return None
        with Image.open(BytesIO(base64.b64decode(url.partition(",")[2])), formats=["WEBP"]) as image:
            image.load()
            return image if size is None else image.resize(size, Image.Resampling.BICUBIC)

    async def _completed(self) -> AsyncIterator[bytes]:
        """Each finished picture; ``usage`` is of it alone."""
        asked, job = self.asked, await self.studio.job(self.job)
        for number, (kept, png) in enumerate(await pictures_of(job, self.studio)):
            data, more = await to_thread.run_sync(encoded, png, asked.format, asked.compression)
            usage = await used(self.meant.wish, self.studio, [kept])
            said: dict[str, Any] = {
                "b64_json": base64.b64encode(data).decode(),
                "usage": usage.model_dump(),
                "picture": number,
                "id": kept.id,
                "seed": kept.seed,
                "notes": list(dict.fromkeys((*self.meant.notes, *job.notes, *kept.notes, *more))),
            }
            if identifier := asked.safety_identifier or asked.user:
                said["safety_identifier"] = identifier
            yield told(f"{self.kind}.completed", {**self._common((kept.width, kept.height)), **said})

    def _common(self, size: tuple[int, int]) -> dict[str, object]:
        """What every event tells."""
        return {
            "created_at": int(time.time()),
            "size": f"{size[0]}x{size[1]}",
            "quality": QUALITIES[self.asked.quality or "auto"].told,
            "background": "opaque",
            "output_format": self.asked.format,
        }


def told(kind: str, data: Mapping[str, object]) -> bytes:
    """An event as it goes over the wire."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def _number(event: Event) -> int:
    return int(str(event.data["picture"]))

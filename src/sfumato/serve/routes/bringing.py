"""Pictures that come inside a foreign protocol's request: kept as uploads are, and known by their digests."""

from __future__ import annotations

from io import BytesIO

from anyio import to_thread
from PIL import Image

from sfumato.errors import InputError
from sfumato.provenance.recipe import pixel_digest
from sfumato.provenance.restoring import restore
from sfumato.serve.refused import Refused
from sfumato.serve.studio import Studio
from sfumato.serve.uploads import Upload, kept, lay


async def brought(studio: Studio, data: bytes, client: str, *, param: str, status: int) -> Upload:
    """A file kept. Raises Refused with ``status`` for what is no picture, or too large a one."""

    def keep() -> Upload:
        return kept(data, studio.folder, studio.settings.limits, client=client)

    try:
        return await to_thread.run_sync(keep)
    except InputError as error:
        raise Refused(status, f"{param}: {error}", param=param) from error


async def laid(studio: Studio, image: Image.Image, client: str) -> str:
    """A picture that we have made, kept; its digest."""
    digest = pixel_digest(image)
    await to_thread.run_sync(lambda: lay(digest, image, studio.folder, client=client))
    return digest


def words_of(data: bytes) -> str | None:
    """The prompt that a picture's own receipt tells, ours or A1111's; None for none."""
    try:
        with Image.open(BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            found = restore(image).fields.get("prompt")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return found if isinstance(found, str) and found.strip() else None

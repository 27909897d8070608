"""Pictures that come by whichever protocol: kept as uploads, and known by their digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from shutil import disk_usage
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from PIL import Image

from sfumato.errors import InputError
from sfumato.provenance.recipe import pixel_digest
from sfumato.provenance.restoring import restore
from sfumato.serve.allowance import make_room
from sfumato.serve.refused import Refused
from sfumato.serve.studio import Studio
from sfumato.serve.uploads import Upload, kept, lay

T = TypeVar("T")

AT_ONCE = 2
"""Pictures that are decoded at a time: each may take a gigabyte of memory for a moment."""

LEAST_FREE = 2**28
"""Bytes of the disk that are left to jobs and the database."""

_decoding = RunVar[CapacityLimiter]("decoding")


async def brought(
    studio: Studio, data: bytes, client: str, *, param: str = "file", status: int = 422
) -> Upload:
    """A file kept; few are decoded at a time. Raises Refused, with ``status`` for what is no picture here."""

    def keep() -> Upload:
        check_room(studio, client)
        return kept(data, studio.folder, studio.settings.limits, client=client)

    try:
        return await apart(keep)
    except InputError as error:
        told = str(error) if param == "file" else f"{param}: {error}"
        raise Refused(status, told, param=param) from error


async def laid(studio: Studio, image: Image.Image, client: str) -> str:
    """A picture that we have made, kept; its digest. Raises Refused."""

    def keep() -> str:
        check_room(studio, client)
        digest = pixel_digest(image)
        lay(digest, image, studio.folder, client=client)
        return digest

    return await apart(keep)


def check_room(studio: Studio, client: str) -> None:
    """Raise Refused where nothing more is kept: the disk is full, or the client has what it may have."""
    if disk_usage(studio.folder.path).free < LEAST_FREE:
        raise Refused(503, "the server's disk is nearly full: nothing more is kept before there is room")
    if studio.settings.token_file is not None:  # without tokens it is one person's own disk
        make_room(client, studio.folder, studio.settings.limits, named=partial(studio.store.named, client))


def words_of(data: bytes) -> str | None:
    """The prompt that a picture's own receipt tells, ours or A1111's; None for none."""
    try:
        with Image.open(BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            found = restore(image).fields.get("prompt")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return found if isinstance(found, str) and found.strip() else None


async def apart(act: Callable[[], T]) -> T:
    """Do in a thread what holds whole pictures in memory: few at a time, each within ``check_pixels``."""
    try:
        limiter = _decoding.get()
    except LookupError:
        limiter = CapacityLimiter(AT_ONCE)  # this event loop's own
        _decoding.set(limiter)
    return await to_thread.run_sync(act, limiter=limiter)


def check_pixels(studio: Studio, sizes: Iterable[tuple[int, int]], *, param: str) -> None:
    """Raise Refused for pictures that together have more pixels than an upload may have."""
    count, most = sum(width * height for width, height in sizes), studio.settings.limits.upload_pixels
    if count > most:
        raise Refused(413, f"{param}: {count:,} pixels in all, more than {most:,}: ask for less", param=param)

"""Pictures that clients send: known by content, made anew as PNG, kept under the digest of their pixels.

Nothing that the client wrote is kept: neither name nor type nor metadata. Two who send the same picture share
its file; who sent it is marked beside, since a digest is no secret: receipts of pictures tell it.

    uploads/ab/DIGEST.png        the picture
    owners/CLIENT/ab/DIGEST      an empty file: this client sent it
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Protocol

from PIL import Image

from sfumato.errors import InputError
from sfumato.pictures import received
from sfumato.provenance.recipe import pixel_digest
from sfumato.serve.guarding.tokens import NAME
from sfumato.serve.wish import DIGEST

OWNERS = "owners"
QUICK = 1  # zlib's level: pictures are many and leave soon

_marking = Lock()  # held while it is decided whether a file is anybody's


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A kept picture. ``notes`` say what was decided on the way."""

    digest: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


class Gallery(Protocol):
    """What of ``store.folder.Folder`` is used here."""

    @property
    def path(self) -> Path: ...
    def keep_upload(self, digest: str, png: bytes) -> Path: ...
    def upload(self, digest: str) -> Path | None: ...


class UploadLimits(Protocol):
    """What of ``settings.Limits`` is read here."""

    @property
    def upload_bytes(self) -> int: ...
    @property
    def upload_pixels(self) -> int: ...


def kept(data: bytes, folder: Gallery, limits: UploadLimits, *, client: str) -> Upload:
    """Keep what a client sent. Raises InputError for what is no picture, or too large a one."""
    if len(data) > limits.upload_bytes:
        raise InputError(
            f"the file has {len(data):,} bytes, more than {limits.upload_bytes:,}: make it smaller"
        )
    image, notes = received(data, most_pixels=limits.upload_pixels)
    digest = pixel_digest(image)
    lay(digest, image, folder, client=client)
    return Upload(digest=digest, width=image.width, height=image.height, notes=notes)


def lay(digest: str, image: Image.Image, folder: Gallery, *, client: str) -> None:
    """Keep a picture that we have made ourselves, under its digest, for a client."""
    mark = _mark(digest, folder, client)
    with _marking:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        is_here = folder.upload(digest) is not None
    if not is_here:
        png = BytesIO()
        bare = Image.frombytes(image.mode, image.size, image.tobytes())
        bare.save(png, format="PNG", compress_level=QUICK)
        folder.keep_upload(digest, png.getvalue())


def owned(digest: str, folder: Gallery, *, client: str) -> Path | None:
    """Where a picture lies that this client sent; None if there is none, or it is another's."""
    if re.fullmatch(DIGEST, digest) is None or not _mark(digest, folder, client).is_file():
        return None
    return folder.upload(digest)


def forget(digest: str, folder: Gallery, *, client: str) -> bool:
    """Take a picture from a client, and off the disk if nobody else sent it. False if it was not theirs."""
    path = owned(digest, folder, client=client)
    if path is None:
        return False
    with _marking:
        _mark(digest, folder, client).unlink(missing_ok=True)
        if not any((folder.path / OWNERS).glob(f"*/{digest[:2]}/{digest}")):
            path.unlink(missing_ok=True)
    return True


def _mark(digest: str, folder: Gallery, client: str) -> Path:
    if NAME.fullmatch(client) is None or re.fullmatch(DIGEST, digest) is None:
        raise ValueError(f"no client is called {client[:80]!r}, or no digest is {digest[:80]!r}")
    return folder.path / OWNERS / client / digest[:2] / digest

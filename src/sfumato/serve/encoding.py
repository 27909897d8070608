"""A picture of the gallery in the format that a client wants: PNG as it lies there, or JPEG or WebP.

PNG carries the whole receipt. The others carry its ``parameters`` as EXIF's UserComment, where AUTOMATIC1111
writes them too; their pixels are near to those that the receipt proves, and not the same.
"""

from __future__ import annotations

import io
from typing import NamedTuple

from PIL import Image

from sfumato.provenance.recipe import KEY, PARAMETERS

EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
MOST_COMMENT = 60_000
"""Bytes: a JPEG's EXIF must fit into one segment of 64 KiB."""


class Format(NamedTuple):
    """One that pictures are sent in."""

    pillow: str
    media: str
    lossy: bool


FORMATS: dict[str, Format] = {
    "png": Format("PNG", "image/png", lossy=False),
    "jpeg": Format("JPEG", "image/jpeg", lossy=True),
    "webp": Format("WEBP", "image/webp", lossy=True),
}


class Encoded(NamedTuple):
    """A file's bytes, and lines on what it lacks of the gallery's PNG."""

    data: bytes
    notes: tuple[str, ...] = ()


def encoded(png: bytes, kind: str, quality: int = 100) -> Encoded:
    """A PNG of ours as ``kind``, one of ``FORMATS``; ``quality`` 0 to 100 is for the lossy ones."""
    if kind == "png":
        return Encoded(png)
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        image.load()
        text = str(image.info.get(PARAMETERS, ""))
        carries = KEY in image.info or bool(text)
        comment = b"UNICODE\0" + text.encode("utf-16-be", "surrogatepass")
        fits = len(comment) <= MOST_COMMENT
        data = _written(image, kind, quality, comment if text and fits else b"")
    told = [f"{kind} carries the settings as EXIF text; the gallery's PNG has the whole receipt"]
    if not (text and fits):
        told = [f"the settings do not fit into {kind}: the gallery's PNG carries the receipt"]
    return Encoded(data, tuple(told) if carries else ())


def png_of(image: Image.Image) -> bytes:
    """A picture that is on its way, as PNG."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def plain(image: Image.Image, kind: str, quality: int = 100) -> bytes:
    """A picture without a receipt, such as a preview."""
    return png_of(image) if kind == "png" else _written(image.convert("RGB"), kind, quality, b"")


def comment_of(image: Image.Image) -> str:
    """The settings that EXIF's UserComment holds, "" for none."""
    held = image.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    if isinstance(held, str):
        return held
    if not isinstance(held, bytes):
        return ""
    if held.startswith(b"UNICODE\0"):
        return held[8:].decode("utf-16-be", "replace")
    return held.removeprefix(b"ASCII\0\0\0").decode("utf-8", "replace")


def _written(image: Image.Image, kind: str, quality: int, comment: bytes) -> bytes:
    exif = Image.Exif()
    if comment:
        exif[EXIF_IFD] = {USER_COMMENT: comment}
    file = io.BytesIO()
    image.convert("RGB").save(file, format=FORMATS[kind].pillow, quality=quality, exif=exif.tobytes())
    return file.getvalue()

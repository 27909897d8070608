"""Pictures that people bring, opened: upright, in eight bits, and bounded before they are decoded.

Whatever had to be decided about a picture on the way, such as which frame of an animation is it, is a note.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Generator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sfumato.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MOST_PIXELS = 64_000_000
"""Of a picture that is read: 8000x8000. More is refused before it is decoded."""

READ = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "TGA", "ICO", "QOI")
"""The kinds that are opened, by Pillow's names. What runs other programs, as EPS does, is not among them."""

RECEIVED = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
"""Those that are opened when a stranger sends them: each known by its first bytes, none rare."""

WAY_OUT = "name a PNG, JPEG, WebP, GIF, TIFF or BMP"

FOREIGN = {
    "an SVG drawing": (b"<svg", b"<?xml"),
    "a PDF": (b"%PDF",),
    "PostScript": (b"%!PS",),
    "a Photoshop document": (b"8BPS",),
    "a HEIC photo": (b"ftypheic", b"ftypheix", b"ftyphevc", b"mif1heic"),
    "a video": (b"ftypisom", b"ftypmp4", b"ftypqt", b"\x1aE\xdf\xa3"),
    "weights": (b'{"__metadata__',),
    "an archive": (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"7z\xbc\xaf"),
}
"""What is often taken for a picture that can be read, by what stands near its beginning."""

Brought: TypeAlias = "str | Path | Image.Image"


class Opened(NamedTuple):
    """A picture, and a line for each thing that had to be decided to read it."""

    image: Image.Image
    notes: tuple[str, ...]


def opened(picture: Brought) -> Image.Image:
    """A picture as RGB, turned upright as its EXIF says, on white where it is clear. Raises InputError."""
    return opened_with_notes(picture).image


def opened_with_notes(picture: Brought, *, on: str = "white") -> Opened:
    """A picture as ``opened`` gives it, lying ``on`` a colour where it is clear, and what is to be told."""
    raw = decoded(picture)
    with _refusing(picture):
        flat, levels = _eight_bits(raw.image)
        image, clear = _opaque(flat, on)
        return Opened(image.convert("RGB"), (*raw.notes, *levels, *clear))


def opened_mask(mask: Brought) -> Image.Image:
    """A mask in shades of gray: white is what gets painted. Raises InputError."""
    return opened_mask_with_notes(mask).image


def opened_mask_with_notes(mask: Brought) -> Opened:
    """A mask in shades of gray, and how its clear parts were read if it has any. Raises InputError.

    White drawn on nothing is painted where it is white. In any other mask with clear parts these are the
    hole, as erasers leave it and as OpenAI's API takes it; the colours of the rest say nothing.
    """
    raw = decoded(mask)
    with _refusing(mask):
        flat, levels = _eight_bits(raw.image)
        notes = (*raw.notes, *levels)
        rgba = _with_alpha(flat)
        if rgba is None or np.asarray(rgba.getchannel("A")).min() == 255:
            return Opened((rgba or flat).convert("RGB").convert("L"), notes)
        colours, alpha = np.asarray(rgba.convert("RGB")), np.asarray(rgba.getchannel("A"))
        seen = colours[alpha > 127]
        if len(seen) and (seen.min(1) > 247).mean() + (seen.max(1) < 8).mean() > 0.99 and seen.max() > 247:
            drawn = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
            return Opened(drawn.convert("L"), (*notes, "the mask's clear part is kept: white is drawn on it"))
        told = "the mask's clear part is what gets painted: nothing white is drawn on it"
        return Opened(Image.fromarray(255 - alpha), (*notes, told))


def decoded(picture: Brought) -> Opened:
    """A picture's first frame in the mode that it is stored in, upright. Raises InputError."""
    with _refusing(picture):
        if isinstance(picture, Image.Image):
            return _first(picture, "the picture")
        _check_file(Path(picture))
        Image.init()
        with Image.open(picture, formats=[kind for kind in READ if kind in Image.OPEN]) as file:
            return _first(file, Path(picture).name)


def received(data: bytes, *, most_pixels: int = MOST_PIXELS) -> Opened:
    """What a stranger sent, by its bytes alone: in mode L, RGB or RGBA, and nothing but pixels. InputError.

    What is clear stays clear, for the same bytes may be meant as a mask. A colour profile is applied.
    """
    name = "the file"
    with _refusing(name):
        _check_head(data[:64], name)
        Image.init()
        kinds = [kind for kind in RECEIVED if kind in Image.OPEN]
        with Image.open(BytesIO(data), formats=kinds) as file:
            _check_pixels(file, name, most_pixels)
            raw = _first(file, name)
        flat, levels = _eight_bits(raw.image)
        shown, profile = _in_srgb(flat)
        rgba = _with_alpha(shown)
        if rgba is not None and np.asarray(rgba.getchannel("A")).min() == 255:
            rgba = None
        plain = rgba or shown.convert("L" if shown.mode in ("1", "L", "LA") else "RGB")
        bare = Image.frombytes(plain.mode, plain.size, plain.tobytes())
        return Opened(bare, (*raw.notes, *levels, *profile))


def tensor_of(image: Image.Image) -> Tensor:
    """The picture (1, 3, H, W), or the mask (1, 1, H, W), in 0..1."""
    import torch

    rows = torch.tensor(np.asarray(image, dtype=np.float32) / 255)
    return (rows[..., None] if rows.ndim == 2 else rows).permute(2, 0, 1)[None].contiguous()


@contextlib.contextmanager
def _refusing(picture: Brought) -> Generator[None]:
    """Whatever goes wrong inside is an InputError of one line, and whatever Pillow warns of is not heard."""
    name = "the picture" if isinstance(picture, Image.Image) else str(picture)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{name} has more than {MOST_PIXELS:,} pixels: make it smaller") from error
    except Exception as error:  # of damaged files Pillow raises nearly anything
        why = getattr(error, "strerror", None) or "it is no picture, or a damaged one"
        raise InputError(f"{name}: cannot be read ({why}); {WAY_OUT}") from error


def _check_file(path: Path) -> None:
    """Raise InputError for what a person takes for a picture, and OSError for what is not there."""
    if path.is_dir():
        raise InputError(f"{path}: cannot be read (it is a folder); name a picture in it")
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: cannot be read (it is no file); {WAY_OUT}")
    with path.open("rb") as file:
        _check_head(file.read(64), str(path))


def _check_head(head: bytes, name: str) -> None:
    """Raise InputError for the first bytes of what is empty, text or of a kind that is not read."""
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise InputError(f"{name}: cannot be read (it is empty); {WAY_OUT}")
    bitmap = head[:1] == b"P" and head[1:2].isdigit()  # P1, P2, P3 are pictures in letters
    is_text = head.isascii() and min(head) >= 9 and not bitmap
    kinds = [kind for kind, marks in FOREIGN.items() if any(mark in head for mark in marks)]
    for kind in (*kinds, *["text"] * is_text):
        raise InputError(f"{name}: cannot be read (it is {kind}); export it as PNG or JPEG and name that")


def _check_pixels(image: Image.Image, name: str, most: int) -> None:
    """Raise InputError for a size that is not decoded. What is read is the file's head only."""
    width, height = image.size
    if width * height > most:
        raise InputError(f"{name} has {width}x{height} pixels, more than {most:,}: make it smaller")
    if not width * height:
        raise InputError(f"{name} has {width}x{height} pixels: there is nothing to see")


def _first(image: Image.Image, name: str) -> Opened:
    _check_pixels(image, name, MOST_PIXELS)
    notes = list[str]()
    image.load()
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # a camera's data may be damaged where its picture is not
        turned = image.copy()
        notes.append(f"{name}: how it was held cannot be read, so it is not turned")
    if more := _more(image):
        notes.append(f"{name}: {more}")
    return Opened(turned, tuple(notes))


def _more(image: Image.Image) -> str:
    """What is said of further frames. They are not counted: that would decode each."""
    if image.format not in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):  # in a phone's JPEG they are previews
        return ""
    several = "it has pages; the first" if image.format == "TIFF" else "it is animated; its first frame"
    with contextlib.suppress(Exception):  # a damaged second frame does not harm the first
        return f"{several} is read" if getattr(image, "is_animated", False) else ""
    return ""


def _in_srgb(image: Image.Image) -> Opened:
    """The colours that a profile means, as sRGB's. One that says sRGB changes nothing."""
    profile: bytes | None = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return Opened(image, ())
    from PIL import ImageCms

    colours = image.convert("RGB") if image.mode == "RGBA" else image
    try:
        found = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = ImageCms.getProfileDescription(found).strip()
        if name.lower().startswith("srgb"):
            return Opened(image, ())
        ours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore
        turned = ImageCms.profileToProfile(colours, found, ours, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return Opened(image, ("its colour profile cannot be read: its colours are taken as sRGB",))
    if turned is None:
        return Opened(image, ())
    if image.mode == "RGBA":
        turned.putalpha(image.getchannel("A"))
    return Opened(turned, (f"its colours were turned from {name[:60]!a} into sRGB",))


def _eight_bits(image: Image.Image) -> Opened:
    """Gray in sixteen bits or more, which Pillow would cut off at 255, as eight; all else as it is."""
    if not image.mode.startswith(("I", "F")):
        return Opened(image, ())
    values = np.asarray(image, dtype=np.float64)
    scale, told = _scale(image.mode, values)
    return Opened(Image.fromarray((values * scale).round().clip(0, 255).astype(np.uint8)), told)


def _scale(mode: str, values: NDArray[np.float64]) -> tuple[float, tuple[str, ...]]:
    """What makes gray values 0 to 255, and what is to be told of that."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("the picture has values that are no finite numbers: save it in eight bits")
    if low < 0 or high > 65535:
        raise InputError(
            f"the picture has values from {low:g} to {high:g}; those from 0 to 1, 255 or 65535 are understood"
        )
    if mode != "F":
        return 1 / 257, ()
    most = 1 if high <= 1 else 255 if high <= 255 else 65535
    return 255 / most, (f"its values are numbers up to {high:g}: {most} was taken for white",)


def _opaque(image: Image.Image, on: str) -> Opened:
    rgba = _with_alpha(image)
    if rgba is None:
        return Opened(image, ())
    clear = float((np.asarray(rgba.getchannel("A")) < 128).mean())
    told = "it is clear everywhere" if clear == 1 else f"it is clear in {clear:.0%} of its pixels"
    ground = Image.new("RGBA", rgba.size, on)
    return Opened(Image.alpha_composite(ground, rgba), (f"{told}: {on} lies behind",) if clear else ())


def _with_alpha(image: Image.Image) -> Image.Image | None:
    """The picture with how opaque it is, in eight bits each; None if it is opaque."""
    bands = image.getbands()
    if not ({"A", "a"} & {*bands} or "transparency" in image.info):
        return None
    straight: dict[str, Literal["LA", "RGBA"]] = {"La": "LA", "RGBa": "RGBA"}
    if image.mode in straight:
        image = image.convert(straight[image.mode])
    return image.convert("RGBA")

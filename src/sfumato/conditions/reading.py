"""What is handed in, opened and brought to the drawing size: photographs, flat drawings, deep maps, data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from sfumato.conditions.condition import Given, Material, Size
from sfumato.errors import InputError
from sfumato.pictures import MOST_PIXELS, decoded, opened_with_notes

LONGEST = 4_000_000
"""Bytes of a list of joints or boxes."""

ENDINGS = (".json", ".txt")

_AVERAGED = Image.Resampling.BOX
_SMOOTH = Image.Resampling.LANCZOS
_BETWEEN = Image.Resampling.BILINEAR  # overshoots at no step
_FLAT = Image.Resampling.NEAREST


def photo(given: Given, size: Size | None) -> Material:
    """A picture with shades, as RGB: averaged where it is made smaller, as annotators of controls do."""
    image, notes = opened_with_notes(_picture(given))
    return _sized(image, size, notes, _smooth(image, size))


def finished(given: Given, size: Size | None) -> Material:
    """A conditioning picture, as RGB, on black where it is clear: nearly all have that ground."""
    image, notes = opened_with_notes(_picture(given), on="black")
    return _sized(image, size, notes, _smooth(image, size))


def drawing(given: Given, size: Size | None) -> Material:
    """A picture in flat colours, as RGB: no colour comes to it that it did not have."""
    image, notes = opened_with_notes(_picture(given), on="black")
    return _sized(image, size, notes, _FLAT)


def directions(given: Given, size: Size | None) -> Material:
    """A picture whose colours are numbers, as RGB."""
    image, notes = opened_with_notes(_picture(given))
    return _sized(image, size, notes, _BETWEEN)


def deep(given: Given, size: Size | None) -> Material:
    """A map of one value a pixel with all its bits, as Pillow's F."""
    image, notes = decoded(_picture(given))
    if not image.mode.startswith(("I", "F")):
        image, notes = opened_with_notes(_picture(given))
        if int(np.ptp(np.asarray(image), axis=-1).max()) > 16:
            notes = (*notes, "its colours were dropped: a depth map is gray")
        image = image.convert("L")
    values = np.asarray(image, dtype=np.float32)
    if not np.isfinite(values).all():
        raise InputError("the depth map has values that are no finite numbers: replace them by the farthest")
    return _sized(Image.fromarray(values), size, notes, _BETWEEN)


def is_data(given: Given) -> bool:
    """Whether lists are handed in, or their JSON as a file or as text, rather than a picture."""
    if isinstance(given, str):
        return given.lstrip().startswith(("[", "{")) or given.lower().endswith(ENDINGS)
    return given.suffix.lower() in ENDINGS if isinstance(given, Path) else not isinstance(given, Image.Image)


def data(given: Given) -> object:
    """The lists themselves, from JSON, or from text with one list a line. Raises InputError."""
    if not isinstance(given, (str, Path)):
        return given
    text = given if isinstance(given, str) and given.lstrip().startswith(("[", "{")) else _text(Path(given))
    try:
        if not text.lstrip().startswith(("[", "{")):
            lines = [line.replace(",", " ").split() for line in text.splitlines()]
            return [[float(part) for part in line] for line in lines if line]
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{str(given)[:80]}: is no list of numbers ({error}); write JSON such as [[0.1, 0.2]]"
        ) from error


def check_size(size: Size) -> Size:
    """The size; InputError for one that no picture has."""
    width, height = size
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise InputError(
            f"a conditioning picture of {width}x{height} pixels: 1 to {MOST_PIXELS:,} can be made"
        )
    return size


def stretched(shape: tuple[float, float], size: Size) -> tuple[str, ...]:
    """A line if what has one shape is brought to another, by more than one part in fifty."""
    ratio = shape[0] / shape[1] * size[1] / size[0]
    if 0.98 < ratio < 1.02:
        return ()
    return (
        "stretched from {:g}x{:g} to {}x{}: cut it to that shape to keep its forms".format(*shape, *size),
    )


def numbers(value: object) -> list[float] | None:
    """The list of finite numbers that this is, if it is one."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
        return None
    items = cast("Sequence[object]", value)
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in items):
        return None
    found = [float(cast("float", item)) for item in items]
    return found if np.isfinite(found).all() else None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path}: has more than {LONGEST:,} bytes; that is no list of joints or boxes")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InputError(f"{path}: cannot be read ({why})") from error


def _picture(given: Given) -> str | Path | Image.Image:
    if isinstance(given, (str, Path, Image.Image)):
        return given
    raise InputError(f"this kind is made of a picture, not of {type(given).__name__}")


def _smooth(image: Image.Image, size: Size | None) -> Image.Resampling:
    smaller = size is not None and size[0] * size[1] < image.width * image.height
    return _AVERAGED if smaller else _SMOOTH


def _sized(image: Image.Image, size: Size | None, notes: tuple[str, ...], by: Image.Resampling) -> Material:
    if size is None or size == image.size:
        return Material(image, notes)
    return Material(image.resize(check_size(size), by), (*notes, *stretched(image.size, size)))

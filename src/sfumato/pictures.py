"""Pictures that people bring, opened: upright, in eight bits, and bounded before they are decoded."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sfumato.errors import InputError

MOST_PIXELS = 64_000_000
"""Of a picture that is read: 8000x8000. More is refused before it is decoded."""

Brought: TypeAlias = "str | Path | Image.Image"


def opened(picture: Brought) -> Image.Image:
    """A picture as RGB, turned upright as its EXIF says, on white where it is clear. Raises InputError."""
    image = _upright(picture)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def opened_mask(mask: Brought) -> Image.Image:
    """A mask in shades of gray: white is what gets painted. Raises InputError."""
    return opened(mask).convert("L")


def tensor_of(image: Image.Image) -> Tensor:
    """The picture (1, 3, H, W), or the mask (1, 1, H, W), in 0..1."""
    rows = torch.tensor(np.asarray(image, dtype=np.float32) / 255)
    return (rows[..., None] if rows.ndim == 2 else rows).permute(2, 0, 1)[None].contiguous()


def _upright(picture: Brought) -> Image.Image:
    """The first frame, decoded and turned."""
    if isinstance(picture, Image.Image):
        return _checked(picture, "the picture")
    try:
        with Image.open(picture) as file:
            return _checked(file, str(picture))
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is no picture, or a damaged one"
        raise InputError(f"{picture}: cannot be read ({why}); name a PNG, JPEG or WebP") from error


def _checked(image: Image.Image, name: str) -> Image.Image:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise InputError(f"{name} has {width}x{height} pixels, more than {MOST_PIXELS:,}: make it smaller")
    if image.mode.startswith(("I;16", "I")):  # sixteen bits, which Pillow would cut off at 255
        image = Image.fromarray(
            (np.asarray(image, dtype=np.float64) / 257).round().clip(0, 255).astype("uint8")
        )
    turned = ImageOps.exif_transpose(image)
    turned.load()
    return turned

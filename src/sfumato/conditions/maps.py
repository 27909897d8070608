"""Maps that others made, brought into form: depth, normals, and what is a conditioning picture already."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps


def depth(picture: Image.Image, *, invert: bool = False, stretch: bool = True) -> Image.Image:
    """A depth map (Pillow's F), near white and far black, as MiDaS draws it and controls were trained.

    ``stretch`` takes the nearest for white and the farthest for black, whatever the numbers are; else 0 to
    255 are taken as they are. ``invert`` is for maps in which far things have larger numbers, as in metres.
    """
    values = np.asarray(picture, dtype=np.float32)
    low, high = float(values.min()), float(values.max())
    if stretch and high > low:
        values = (values - low) * (255 / (high - low))
    grays = values.round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grays if invert else grays).convert("RGB")


def normal(picture: Image.Image, *, flip_x: bool = False, flip_y: bool = False) -> Image.Image:
    """A map of surface normals: red is x, green is y, blue is towards the eye. Flips turn one convention
    into the other: games differ in green.
    """
    rows = np.array(picture)
    for channel, flip in enumerate((flip_x, flip_y)):
        if flip:
            rows[..., channel] = 255 - rows[..., channel]
    return Image.fromarray(rows)


def as_is(picture: Image.Image, *, of: str | None = None, invert: bool = False) -> Image.Image:
    """A conditioning picture that was made elsewhere, only brought to size; ``of`` says of which kind it is.

    Controls that read several kinds want to know. ``invert`` is for lines drawn in black on white paper:
    controls were trained on white on black.
    """
    return ImageOps.invert(picture) if invert else picture

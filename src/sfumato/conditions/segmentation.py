"""A picture in flat colours, each of which means a kind of thing.

By colour, not by sight: who paints in the colours of ADE20K says where there is sky and where a road. Of a
photograph nothing is recognised.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from PIL import Image

from sfumato.conditions.ade20k import ADE20K
from sfumato.conditions.colours import snapped
from sfumato.errors import InputError

PALETTES = ("ade20k", "own")


def segmentation(picture: Image.Image, *, palette: str = "ade20k", colours: int | None = None) -> Image.Image:
    """Every pixel in the nearest colour of a palette.

    ``ade20k`` are the colours that ControlNets of kind seg were trained on. ``own`` are those that the
    picture itself has, at most ``colours`` (8 if not said), brought together by k-means.
    """
    if palette not in PALETTES:
        raise InputError(f"unknown palette {palette!r} of segmentation: there are {' and '.join(PALETTES)}")
    if palette == "ade20k":
        if colours is not None:
            raise InputError(f"segmentation's colours={colours} goes with palette=own, not with ade20k")
        return snapped(picture, ADE20K.values())
    most = 8 if colours is None else colours
    if not 2 <= most <= 256:
        raise InputError(f"segmentation's colours={most}: it is 2 to 256")
    return snapped(picture, _own(picture, most))


def _own(picture: Image.Image, most: int) -> list[tuple[int, int, int]]:
    """The picture's colours: all of them if they are few."""
    counted = picture.getcolors(most)
    if counted is not None:
        return sorted(cast("tuple[int, int, int]", colour) for _, colour in counted)
    few = picture.quantize(most, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE).convert("RGB")
    found = np.unique(np.asarray(few).reshape(-1, 3), axis=0)
    return [(int(red), int(green), int(blue)) for red, green, blue in found]

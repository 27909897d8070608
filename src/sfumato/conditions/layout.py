"""A layout: one box in flat colour for each thing, on black. The embedded model's control was trained on it.

The colours go by the order of the boxes, so that "the first thing" has one colour in every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.conditions.colours import snapped
from sfumato.conditions.condition import Given, Material, Size
from sfumato.conditions.reading import check_size, data, drawing, is_data, numbers
from sfumato.errors import InputError

LAYOUT_COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
    "white": (255, 255, 255),
    "orange": (255, 128, 0),
}
"""In the order of the boxes. Training and use share this table: another order is another control."""


def boxes(given: Given, size: Size | None) -> Material:
    """A picture of boxes: drawn already, or to be drawn from a list ``[[x, y, width, height], ...]``."""
    if not is_data(given):
        return drawing(given, size)
    if size is None:
        raise InputError("boxes without a canvas: say how large the picture is")
    listed = data(given)
    if isinstance(listed, Mapping):
        listed = cast("Mapping[str, object]", listed).get("boxes")
    if isinstance(listed, (str, bytes)) or not isinstance(listed, Sequence) or not listed:
        raise InputError(f"a layout is a list of boxes such as [[0.1, 0.2, 0.5, 0.5]], not {str(given)[:60]}")
    items = [numbers(item) or [] for item in cast("Sequence[object]", listed)]
    return Material(Image.fromarray(layout_of(items, check_size(size))), ())


def layout(picture: Image.Image) -> Image.Image:
    """A picture in the colours of a layout and black: each pixel in the nearest of them."""
    return snapped(picture, [(0, 0, 0), *LAYOUT_COLOURS.values()])


def layout_of(boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The boxes as a picture (H, W, 3) of ``size`` (width, height); a later one covers an earlier one.

    A box is ``(x, y, width, height)`` from the upper left, in shares of the picture, 0 to 1. What lies
    outside is cut off, and every box that touches the picture shows at least one pixel. Raises InputError.
    """
    if len(boxes) > len(LAYOUT_COLOURS):
        raise InputError(
            f"a layout of {len(boxes)} boxes: {len(LAYOUT_COLOURS)} have a colour; leave some out"
        )
    width, height = size
    canvas = np.zeros((height, width, 3), np.uint8)
    for number, (box, colour) in enumerate(zip(boxes, LAYOUT_COLOURS.values(), strict=False), 1):
        x, y, w, h = _checked(box, number)
        columns, rows = _pixels(x, w, width), _pixels(y, h, height)
        canvas[rows, columns] = colour
    return canvas


def _checked(box: Sequence[float], number: int) -> tuple[float, float, float, float]:
    if len(box) != 4:
        raise InputError(f"box {number} of the layout has {len(box)} numbers: write [x, y, width, height]")
    x, y, width, height = box
    if not (0 < width <= 1 and 0 < height <= 1 and -width < x < 1 and -height < y < 1):
        raise InputError(
            f"box {number} of the layout is {list(box)}: x, y, width and height are shares of the picture, "
            "0 to 1, and some of the box lies in it"
        )
    return x, y, width, height


def _pixels(start: float, extent: float, all_of_it: int) -> slice:
    """The rows or columns from share ``start`` on, rounded to whole pixels, one at least."""
    first = min(max(round(start * all_of_it), 0), all_of_it - 1)
    last = min(round((start + extent) * all_of_it), all_of_it)
    return slice(first, max(last, first + 1))

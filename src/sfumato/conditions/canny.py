"""Outlines one pixel wide, white on black, by Canny's detector; OpenCV draws them.

J. Canny, A Computational Approach to Edge Detection, IEEE PAMI 8(6), 1986. The networks that read them were
trained on OpenCV's, so nothing else will do: the extra ``control`` brings it, and it is needed here only.
"""

from __future__ import annotations

from types import ModuleType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sfumato.errors import InputError, MissingExtra

Picture: TypeAlias = "NDArray[np.uint8]"


def canny(picture: Image.Image, *, low: float = 100, high: float = 200) -> Image.Image:
    """The outlines that ControlNets of kind canny were trained on, of a picture as it is: no blur before it.

    A gradient above ``high`` is an outline, and one above ``low`` that hangs on such a one; both in the sums
    that OpenCV's 3x3 Sobel filter gives for 0 to 255, so that 0 to some 1000 makes sense.
    """
    if not 0 <= low <= high:
        raise InputError(f"canny's low={low:g} and high={high:g}: low is at least 0 and at most high")
    return Image.fromarray(_opencv().Canny(np.asarray(picture), low, high)).convert("RGB")


def edges(picture: Picture) -> Picture:
    """Outlines (H, W) of a picture (H, W, 3) as the embedded model was trained on: 0 or 255.

    Thresholds for pictures of some 128 pixels, where 100/200 alone outlines every brush stroke: blurred by
    one pixel first, which leaves the things and takes most of the texture. A quarter of a millisecond.
    """
    opencv = _opencv()
    return opencv.Canny(opencv.GaussianBlur(picture, (0, 0), 1.0), 100, 200)


def outlined(picture: Image.Image) -> Image.Image:
    """Outlines as the embedded model's control reads them."""
    return Image.fromarray(edges(np.asarray(picture))).convert("RGB")


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra("OpenCV, which finds outlines,", 'pip install "sfumato[control]"') from error
    return cv2

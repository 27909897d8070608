"""Pictures of few colours."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_AT_ONCE = 1 << 14


def snapped(picture: Image.Image, colours: Iterable[tuple[int, int, int]]) -> Image.Image:
    """Every pixel of an RGB picture in the nearest of the colours, by the sum of squares."""
    palette = np.array([*colours], dtype=np.float32)  # (P, 3)
    rows = np.asarray(picture, dtype=np.uint32)
    packed = (rows[..., 0] << 16) | (rows[..., 1] << 8) | rows[..., 2]
    found, where = np.unique(packed, return_inverse=True)
    pixels = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1).astype(np.float32)
    parts = [pixels[start : start + _AT_ONCE] for start in range(0, len(pixels), _AT_ONCE)]
    nearest = np.concatenate([_nearest(part, palette) for part in parts])
    return Image.fromarray(palette.astype(np.uint8)[nearest[where.reshape(packed.shape)]])


def _nearest(pixels: NDArray[np.float32], palette: NDArray[np.float32]) -> NDArray[np.intp]:
    """For (N, 3) the places in (P, 3); all sums are whole numbers that float32 holds exactly."""
    return ((palette**2).sum(1) - 2 * pixels @ palette.T).argmin(1)

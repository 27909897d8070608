"""Lines that are not one pixel wide, white on black: soft edges, scribbles, line art.

Those were trained on what networks drew (HED, PiDiNet, an informative-drawings network). Here is arithmetic
that looks alike and needs no download: gradients at several scales, and differences of blurs. Texture comes
through more than there; give a picture that such a network drew as kind ``as-is``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sfumato.errors import InputError

SIDE = 512
"""Of the pictures that the widths here are meant for; others have them in proportion."""

_FAINT = 0.03  # a picture whose strongest edge is fainter than this has none
_GRAIN = 0.02  # what paper and film are rough by, from black to white


def softedge(picture: Image.Image, *, width: float = 1) -> Image.Image:
    """Outlines that fade out on both sides, bright where clear; ``width`` makes them wider and fewer."""
    strength = _strength(_shrunk(picture, SIDE), _wide("softedge", width))
    return _gray(strength**0.7).resize(picture.size, Image.Resampling.BILINEAR)


def scribble(picture: Image.Image, *, width: float = 1, level: float = 0.25) -> Image.Image:
    """A few thick strokes along the outlines above ``level``, from 0 (all) to 1 (hardly any)."""
    if not 0 <= level <= 1:
        raise InputError(f"scribble's level={level:g}: it is 0 (every outline) to 1 (hardly any)")
    small = _shrunk(picture, SIDE // 2)
    strength = _strength(small, 3 * _wide("scribble", width))
    thin = Image.fromarray(_ridges(strength) & (strength > level)).convert("L")
    stroke = 1.5 * width * max(_unit(small), 0.4)
    thick = _blurred(np.asarray(thin.filter(ImageFilter.MaxFilter(3)), dtype=np.float32), stroke)
    smooth = Image.fromarray(thick).resize(picture.size, Image.Resampling.BICUBIC)
    return Image.fromarray(np.asarray(smooth) > 80).convert("RGB")


def lineart(picture: Image.Image, *, width: float = 1) -> Image.Image:
    """What is darker than what lies around it, as white lines: the difference of a blur and the picture.

    After the difference of Gaussians that draws, Winnemoller and others, XDoG, 2012.
    """
    rows = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    unit = _wide("lineart", width) * _unit(picture)
    darker = (_blurred(rows, 5 * unit) - _blurred(rows, max(0.6 * unit, 0.5)) - _GRAIN).clip(0)
    return _gray(np.tanh(1.5 * darker / max(float(np.percentile(darker, 97)), _FAINT)))


def _wide(kind: str, width: float) -> float:
    if not 0.1 <= width <= 10:
        raise InputError(f"{kind}'s width={width:g}: it is 0.1 to 10 times the usual")
    return width


def _unit(picture: Image.Image) -> float:
    return max(min(picture.size) / SIDE, 0.25)  # below, a blur would be none


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture with at most ``side`` pixels on its shorter side, where annotators look at it too."""
    share = side / min(picture.size)
    if share >= 1:
        return picture
    width, height = (max(1, round(extent * share)) for extent in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def _gray(values: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8)).convert("RGB")


def _strength(picture: Image.Image, width: float) -> NDArray[np.float32]:
    """How clear an outline is at each pixel (H, W), some 1 at most: what stands at three scales at once."""
    rows = np.asarray(picture, dtype=np.float32) / np.float32(255)
    sigmas = [scale * width * _unit(picture) for scale in (1, 2, 4)]
    steps = [sigma * _steepness(_blurred(rows, sigma)) for sigma in sigmas]
    together = np.prod(steps, axis=0) ** (1 / len(steps))
    return together / max(float(np.percentile(together, 99)), _FAINT)


def _steepness(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """How fast the fastest of the channels (H, W, C) changes, a pixel: Scharr's 3x3 filters, (H, W)."""
    padded = np.pad(rows, ((1, 1), (1, 1), (0, 0)), mode="edge")
    across = (padded[:, 2:] - padded[:, :-2]) / 2
    along = (padded[2:] - padded[:-2]) / 2
    across = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 16
    along = (3 * along[:, :-2] + 10 * along[:, 1:-1] + 3 * along[:, 2:]) / 16
    return np.hypot(across, along).max(-1)


def _ridges(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a value is above its neighbours in two of four directions: on a slope it is so in one at most."""
    padded = np.pad(values, 1, mode="edge")
    height, width = values.shape

    def moved(down: int, right: int) -> NDArray[np.float32]:
        return padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    found = np.zeros_like(values, dtype=np.uint8)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        found += (values > moved(down, right)) & (values >= moved(-down, -right))
    return found >= 2


def _blurred(rows: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian of ``sigma`` pixels along both of the first axes; edges go on as they are."""
    reach = max(1, math.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        around = [(0, 0)] * rows.ndim
        around[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(rows, around, mode="edge"), axis, 0)
        extent = rows.shape[axis]
        total = np.zeros_like(padded[:extent])
        for place, weight in enumerate(weights):
            total += weight * padded[place : place + extent]
        rows = np.moveaxis(total, 0, axis)
    return rows

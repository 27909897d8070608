"""In which style, and before which background, a picture of the world is painted: by trying them all.

There are few of both, and a picture shows its background somewhere, so the nearest of all styled backgrounds
is found by a trimmed distance that ignores what stands in front. Nothing is learned. `matching.py` goes on
from here: what differs from the background is a thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from sfumato.world.backgrounds import BACKGROUNDS, background
from sfumato.world.styles import STYLES

SIDE = 64
"""The side of the pictures in which things are looked for."""
FINE = 128
"""The side of the pictures from which they are made; brush strokes still show in them."""
_SEEN = 0.3  # of the background at least this share is taken to be uncovered
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True, eq=False)
class Backdrop:
    """What is behind the things; ``pixels`` (3, SIDE, SIDE) are the background in its style."""

    style: str
    background: str
    pixels: Tensor
    distances: dict[str, float]  # of each style's nearest background


class Backdrops:
    """All backgrounds in all styles; tells of a picture which it is."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        plain = background(list(BACKGROUNDS), FINE, FINE, device)
        styled = torch.cat([style.apply(plain) for style in STYLES.values()])  # (S * B, 3, FINE, FINE)
        self._names = [(style, name) for style in STYLES for name in BACKGROUNDS]
        self._pixels = shrunk(styled, SIDE)
        self._looks = _look(styled)

    def __call__(self, picture: Tensor) -> Backdrop:
        """Find what is behind the things of a picture (3, FINE, FINE)."""
        gaps = (self._looks - _look(picture[None])).abs().amax(1).flatten(1)  # (S * B, pixels)
        kept = int(_SEEN * gaps.shape[1])
        means = gaps.kthvalue(kept, dim=1, keepdim=True).values
        trimmed = (gaps * (gaps <= means)).sum(1) / kept
        style, name = self._names[best := int(trimmed.argmin())]
        nearest = map(float, trimmed.view(len(STYLES), -1).amin(1))
        return Backdrop(
            style=style,
            background=name,
            pixels=self._pixels[best],
            distances=dict(zip(STYLES, nearest, strict=True)),
        )

    def pixels(self, style: str, name: str) -> Tensor:
        """One background in one style (3, SIDE, SIDE)."""
        return self._pixels[self._names.index((style, name))]


def shrunk(pictures: Tensor, side: int) -> Tensor:
    """The pictures (B, C, H, W) at another size, every pixel the mean of what it replaces."""
    if pictures.shape[-1] == side:
        return pictures
    return interpolate(pictures, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def luma(pictures: Tensor) -> Tensor:
    """Lightness (B, 1, H, W) of pictures (B, 3, H, W)."""
    return (pictures * pictures.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)


def _look(pictures: Tensor) -> Tensor:
    """Colour and roughness (B, 4, SIDE / 2, SIDE / 2) of pictures (B, 3, FINE, FINE).

    Roughness is the local strength of detail a few pixels wide, wherever exactly it lies: a brush leaves it,
    and a blurred or shifted picture keeps it.
    """
    light = _mean(luma(pictures), 1)
    detail = (light - _mean(light, 4)).square()
    rough = _mean(detail, 4).sqrt()
    return shrunk(torch.cat([pictures, 3 * rough], 1), SIDE // 2)


def _mean(pictures: Tensor, reach: int) -> Tensor:
    """The mean of a square of 2 * reach + 1 pixels around each."""
    return avg_pool2d(pad(pictures, [reach] * 4, mode="replicate"), 2 * reach + 1, stride=1)

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
_LIKELY = 1.5  # a style whose nearest background is so much farther than the best is out of the question
_OFF = 2  # pixels of ``SIDE`` by which the whole background may be displaced
_COVERED = 0.1  # a larger change of colour than this is no displaced background
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True, eq=False)
class Backdrop:
    """What may be behind the things; ``pixels`` (3, SIDE, SIDE) are the background in its style."""

    style: str
    background: str
    pixels: Tensor


class Backdrops:
    """All backgrounds in all styles; tells of a picture which it may be."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        plain = background(list(BACKGROUNDS), FINE, FINE, device)
        styled = torch.cat([style.apply(plain) for style in STYLES.values()])  # (S * B, 3, FINE, FINE)
        self._names = [(style, name) for style in STYLES for name in BACKGROUNDS]
        self._pixels = shrunk(styled, SIDE)
        self._looks = look(styled)

    def __call__(self, picture: Tensor) -> list[Backdrop]:
        """What is likely behind the things of a picture (3, FINE, FINE): nearest style first, at most two."""
        gaps = (self._looks - look(picture[None])).abs().amax(1).flatten(1)  # (S * B, pixels)
        kept = int(_SEEN * gaps.shape[1])
        largest = gaps.kthvalue(kept, dim=1, keepdim=True).values
        trimmed = ((gaps * (gaps <= largest)).sum(1) / kept).view(len(STYLES), -1)
        distances, names = trimmed.min(1)
        order = [int(index) for index in distances.argsort()[:2]]
        small = shrunk(picture[None], SIDE)[0]
        return [
            self._registered(small, style * len(BACKGROUNDS) + int(names[style]))
            for style in order
            if float(distances[style]) <= _LIKELY * float(distances[order[0]])
        ]

    def pixels(self, style: str, name: str) -> Tensor:
        """One background in one style (3, SIDE, SIDE)."""
        return self._pixels[self._names.index((style, name))]

    def _registered(self, picture: Tensor, index: int) -> Backdrop:
        """The background, moved by the few pixels that bring it nearest to the picture (3, SIDE, SIDE)."""
        room = pad(self._pixels[index][None], [_OFF] * 4, mode="replicate")[0]
        span = range(2 * _OFF + 1)
        moved = torch.stack([room[:, y : y + SIDE, x : x + SIDE] for y in span for x in span])
        gaps = (moved - picture).abs().amax(1).clamp(max=_COVERED).mean((1, 2))
        gaps[len(gaps) // 2] -= 1e-3  # it most likely is where it belongs
        style, name = self._names[index]
        return Backdrop(style=style, background=name, pixels=moved[int(gaps.argmin())])


def shrunk(pictures: Tensor, side: int) -> Tensor:
    """The pictures (B, C, H, W) at another size, every pixel the mean of what it replaces."""
    if pictures.shape[-1] == side:
        return pictures
    return interpolate(pictures, size=(side, side), mode="bilinear", antialias=True, align_corners=False)


def luma(pictures: Tensor) -> Tensor:
    """Lightness (B, 1, H, W) of pictures (B, 3, H, W)."""
    return (pictures * pictures.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)


def look(pictures: Tensor) -> Tensor:
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

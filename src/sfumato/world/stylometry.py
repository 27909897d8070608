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
_LIKELY = 2.0  # a style whose nearest background is so much farther than the best is out of the question
_OFF = 2  # pixels of ``SIDE`` by which the whole background may be displaced
_COVERED = 0.1  # a larger change of colour than this is no displaced background
_MARGIN = slice(1, 4)  # columns from either side, in pixels of ``SIDE``, that show what the background is
_TINTED = 0.25  # no background is changed more than this
_NOISE = 0.008  # roughness below which a picture counts as smooth
_BLOCKS = 4.0  # blockiness of pixel art is over 20, of any other picture under 2
_RASTER = 1.3  # how much farther pixel art is from a picture without its raster
_LUMA = (0.299, 0.587, 0.114)
_FAMILIAR = 0.3  # how much it counts that a background has its own colours, beside its being even


@dataclass(frozen=True, kw_only=True, eq=False)
class Backdrop:
    """What may be behind the things; ``pixels`` (3, SIDE, SIDE) are the background as this picture has it.

    ``drift`` is what they have more than the known background: models mix the colours of several.
    """

    style: str
    background: str
    pixels: Tensor
    drift: Tensor


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
        small, seen = shrunk(picture[None], SIDE)[0], look(picture[None])
        strange, names = _trimmed(self._looks - seen).view(len(STYLES), -1).min(1)
        rows = torch.arange(len(STYLES), device=names.device) * len(BACKGROUNDS) + names
        backdrops = [self._adapted(small, int(row)) for row in rows]
        drifts = shrunk(torch.stack([backdrop.drift for backdrop in backdrops]), SIDE // 2)
        uneven = self._looks[rows] - seen
        uneven[:, :3] += drifts
        distances = _trimmed(uneven) + _FAMILIAR * strange
        pixel_art = list(STYLES).index("pixel art")
        if in_blocks(picture):
            return [backdrops[pixel_art]]
        distances[pixel_art] *= _RASTER
        order = [int(index) for index in distances.argsort()[:2]]
        limit = _LIKELY * float(distances[order[0]])
        return [backdrops[index] for index in order if float(distances[index]) <= limit]

    def pixels(self, style: str, name: str) -> Tensor:
        """One background in one style (3, SIDE, SIDE)."""
        return self._pixels[self._names.index((style, name))]

    def _adapted(self, picture: Tensor, index: int) -> Backdrop:
        """The background, moved by the few pixels and tinted as brings it nearest to the picture."""
        known = self._pixels[index]
        room = pad(known[None], [_OFF] * 4, mode="replicate")[0]
        span = range(2 * _OFF + 1)
        moved = torch.stack([room[:, y : y + SIDE, x : x + SIDE] for y in span for x in span])
        gaps = (moved - picture).abs().amax(1).clamp(max=_COVERED).mean((1, 2))
        gaps[len(gaps) // 2] -= 1e-3  # it most likely is where it belongs
        here = moved[int(gaps.argmin())]
        pixels = here + _row_drift(picture - here)
        style, name = self._names[index]
        return Backdrop(style=style, background=name, pixels=pixels, drift=pixels - known)


def in_blocks(picture: Tensor) -> bool:
    """Whether a picture (3, FINE, FINE) is made of squares, 32 each way: what no other style is."""
    return min(_blockiness(picture), _blockiness(picture.transpose(1, 2))) > _BLOCKS


def _blockiness(picture: Tensor) -> float:
    """How much stronger the steps to the right are on one raster than off it; 1 where there is none.

    A raster of twice the pitch, as patches of an autoencoder leave, does not count.
    """
    steps = (picture[..., 1:] - picture[..., :-1]).square().sum(0).clamp(max=0.1).sum(0)  # (FINE - 1)
    pitch = FINE // 32
    phases = torch.stack([steps[phase :: 2 * pitch].mean() for phase in range(2 * pitch)]) + 1e-4
    rasters = torch.minimum(phases[:pitch], phases[pitch:]).sort().values
    return float(rasters[-1] / rasters[:-1].mean())


def _row_drift(change: Tensor) -> Tensor:
    """By how much each row of the background is another colour than it should be (3, SIDE, 1).

    Both margins must say so, and nearly the same, and not too much: else a thing may stand there.
    """
    margins = torch.stack([change[..., _MARGIN], change.flip(-1)[..., _MARGIN]])  # (2, 3, SIDE, columns)
    medians = margins.median(-1).values
    left, right = pad(medians, [2, 2], mode="replicate").unfold(-1, 5, 1).median(-1).values  # of five rows
    agreed = ((left - right).abs().amax(0) < _COVERED) & (
        torch.maximum(left.abs(), right.abs()).amax(0) < _TINTED
    )
    return (agreed * torch.where(left.abs() < right.abs(), left, right))[..., None]


def _trimmed(gaps: Tensor) -> Tensor:
    """The mean, over the share of pixels that agree best, of the largest gap of (N, C, H, W): (N)."""
    largest = gaps.abs().amax(1).flatten(1)
    kept = int(_SEEN * largest.shape[1])
    limit = largest.kthvalue(kept, dim=1, keepdim=True).values
    return (largest * (largest <= limit)).sum(1) / kept


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
    rough = (_mean(detail, 4).sqrt() - _NOISE).clamp(min=0)
    return shrunk(torch.cat([pictures, 3 * rough], 1), SIDE // 2)


def _mean(pictures: Tensor, reach: int) -> Tensor:
    """The mean of a square of 2 * reach + 1 pixels around each."""
    return avg_pool2d(pad(pictures, [reach] * 4, mode="replicate"), 2 * reach + 1, stride=1)

"""What is painted on: a picture and its mask, the part of it that the network draws, and the way back.

A mask that is painted ``around`` is cut out with a margin and drawn at full size, so that a small face gets
all the pixels that the model can draw; ``outpaint`` lays the picture on a larger ground. Either way the
picture itself stays as it is, and what the mask keeps is kept to the pixel (``kept.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from sfumato.engine.averages import mean_around
from sfumato.engine.kept import pasted
from sfumato.engine.resizing import freest, resized, size_of
from sfumato.errors import InputError

OVERLAP = 8  # what is painted beside a picture reaches into it by a part of so many of its shorter side
LARGEST = (
    100_000_000  # pixels of the part that is cut out, beyond the rim of a long picture for the most part
)
BLUR = 8  # as much of the shorter side is mixed to make the ground that a picture is laid upon


class Box(NamedTuple):
    """A part of a picture, in pixels; it may reach beyond the picture's rim."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """A picture (1, 3, H, W) to go on from; the network draws ``box`` of it at ``size`` (width, height)."""

    picture: Tensor
    mask: Tensor | None  # (1, 1, H, W)
    box: Box | None  # None: all of it
    size: tuple[int, int]

    @property
    def is_kept(self) -> bool:
        """Whether the mask leaves nothing to paint."""
        return self.mask is not None and not bool((self.mask > 0).any())

    @cached_property
    def shown(self) -> Tensor:
        """The picture as it is drawn, (1, 3, h, w)."""
        return self.picture if self.box is None else resized(cut(self.picture, self.box), self.size)

    @cached_property
    def shown_mask(self) -> Tensor | None:
        """The mask as it is drawn, (1, 1, h, w)."""
        if self.mask is None or self.box is None:
            return self.mask
        return freest(cut(self.mask, self.box), self.size, by="lanczos")

    def finished(self, painted: Tensor) -> Tensor:
        """The whole picture, with what was painted (1, 3, h, w) in its place."""
        if self.mask is None:
            return painted
        if self.box is not None:
            painted = _laid(resized(painted, self.box.size), self.picture.to(painted), self.box)
        return pasted(painted, self.picture, self.mask)


def cut(pixels: Tensor, box: Box) -> Tensor:
    """The part of a picture or a mask in a box; beyond the rim a picture goes on as at it, a mask keeps."""
    width, height = size_of(pixels)
    beyond = (max(-box.left, 0), max(box.right - width, 0), max(-box.top, 0), max(box.bottom - height, 0))
    inside = pixels[:, :, max(box.top, 0) : box.bottom, max(box.left, 0) : box.right]
    if not any(beyond):
        return inside
    return pad(inside, beyond) if pixels.shape[1] == 1 else pad(inside, beyond, mode="replicate")


def _laid(part: Tensor, whole: Tensor, box: Box) -> Tensor:
    """The whole with a part laid over it, as far as it reaches."""
    width, height = size_of(whole)
    left, top, right, bottom = (
        max(box.left, 0),
        max(box.top, 0),
        min(box.right, width),
        min(box.bottom, height),
    )
    laid = whole.clone()
    laid[:, :, top:bottom, left:right] = part[
        :, :, top - box.top : bottom - box.top, left - box.left : right - box.left
    ]
    return laid


def box_around(mask: Tensor, margin: int, size: tuple[int, int]) -> Box:
    """The smallest box of the shape of ``size`` about all that a mask paints, with a margin.

    It is moved into the picture where it fits, and reaches beyond both rims where it does not. Raises
    InputError for one that is too large to be laid out.
    """
    width, height = size_of(mask)
    down = torch.nonzero((mask[0, 0] > 0).any(1))[:, 0]
    across = torch.nonzero((mask[0, 0] > 0).any(0))[:, 0]
    left, right = max(int(across[0]) - margin, 0), min(int(across[-1]) + 1 + margin, width)
    top, bottom = max(int(down[0]) - margin, 0), min(int(down[-1]) + 1 + margin, height)
    wide = max(right - left, -(-(bottom - top) * size[0] // size[1]))
    high = max(bottom - top, -(-wide * size[1] // size[0]))
    if wide * high > LARGEST:
        raise InputError(
            f"the masked part with its margin of {margin} has {right - left}x{bottom - top} pixels, and "
            f"in the shape of {size[0]}x{size[1]} {wide}x{high}, too many: ask for a size of its own shape"
        )
    left, top = (
        _moved((left + right - wide) // 2, wide, width),
        _moved((top + bottom - high) // 2, high, height),
    )
    return Box(left, top, left + wide, top + high)


def _moved(start: int, length: int, whole: int) -> int:
    """Where a stretch begins if it is moved into the whole, or over the middle of it."""
    return (whole - length) // 2 if length > whole else min(max(start, 0), whole - length)


def outpainted_size(size: tuple[int, int], sides: tuple[int, int, int, int]) -> tuple[int, int]:
    """What a picture of ``size`` becomes, as ``outpainted``. Raises InputError if nothing of it is left."""
    left, top, right, bottom = sides
    kept = size[0] + min(left, 0) + min(right, 0), size[1] + min(top, 0) + min(bottom, 0)
    if min(kept) < 1:
        raise InputError(f"outpaint {sides} cuts off all of a picture of {size[0]}x{size[1]}: cut off less")
    return size[0] + left + right, size[1] + top + bottom


def outpainted(picture: Tensor, sides: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """The picture with pixels added at its sides, negative ones cut off, and the mask of what is to paint.

    ``sides`` are left, top, right, bottom. The new ground is the colours at the rim, run into each other; the
    mask falls to 0 inside the picture, so that the seam is painted over. What is to become of the picture is
    checked before (``outpainted_size``).
    """
    width, height = size_of(picture)
    left, top, right, bottom = sides
    kept = cut(picture, Box(max(-left, 0), max(-top, 0), width - max(-right, 0), height - max(-bottom, 0)))
    grown = (max(left, 0), max(right, 0), max(top, 0), max(bottom, 0))
    mask = pad(torch.zeros_like(kept[:, :1]), grown, value=1.0)
    overlap = max(min(size_of(kept)) // OVERLAP, 1)
    mask = torch.maximum(mask, _inwards(size_of(kept), grown, overlap).to(mask))
    ground = pad(kept, grown, mode="replicate")
    return torch.where(pad(torch.ones_like(kept[:, :1]), grown) > 0, ground, _run(ground)), mask


def _inwards(size: tuple[int, int], grown: tuple[int, int, int, int], overlap: int) -> Tensor:
    """How the mask falls from each grown side into the picture, (1, 1, H, W) of the whole ground."""
    across = _fall(size[0], grown[0], grown[1], overlap)
    down = _fall(size[1], grown[2], grown[3], overlap)
    return torch.maximum(across[None], down[:, None])[None, None]


def _fall(length: int, before: int, after: int, overlap: int) -> Tensor:
    """Along one side: 1 outside of the picture, and evenly to 0 within ``overlap`` of a side that grew."""
    place = torch.arange(-before, length + after)
    first = 1 - (place + 1) / (overlap + 1) if before else torch.zeros(len(place))
    last = 1 - (length - place) / (overlap + 1) if after else torch.zeros(len(place))
    return torch.maximum(first, last).clamp(0, 1)


def _run(ground: Tensor) -> Tensor:
    """Colours run into each other: three boxes in turn are nearly a bell."""
    reach = max(min(size_of(ground)) // BLUR // 2, 1)
    for _ in range(3):
        ground = mean_around(ground, reach)
    return ground

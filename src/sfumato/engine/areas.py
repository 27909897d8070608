"""The areas that a request's regions name, as masks at the resolution of the latent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.engine.averages import mean_around
from sfumato.errors import InputError
from sfumato.request import ROUNDING

Area: TypeAlias = "tuple[float, float, float, float] | str"
"""Left, top, width and height as shares of the picture, or the digest of a mask."""


def area_mask(
    area: Area, seam: float, latent: Tensor, *, size: tuple[int, int], masks: Mapping[str, Tensor]
) -> Tensor:
    """The mask (1, 1, h, w), 0 to 1, of an area of a picture of ``size``, for its ``latent`` (1, C, h, w).

    ``seam`` is how wide its edge is, in shares of the picture's shorter side: there the mask rises evenly
    from 0 to 1, half of it outside. The picture's own rim is no edge. Raises InputError for what covers less
    than half of every place of the latent, and for masks that are not here.
    """
    pixels = _mask(area, size, masks) if isinstance(area, str) else _box(area, size)
    height, width = latent.shape[2:]
    sharp = interpolate(pixels, size=(height, width), mode="area")
    if not bool((sharp >= 0.5).any()):
        across, down = size[0] // width, size[1] // height
        raise InputError(
            f"{_called(area)} covers less than half of every {across}x{down} pixels, the smallest part that "
            "the model can tell: make it larger"
        )
    soft = _feathered(pixels, round(seam * min(size)))
    return interpolate(soft, size=(height, width), mode="area").to(latent)


def _called(area: Area) -> str:
    return f"the mask {area[:12]}" if isinstance(area, str) else "{:g},{:g},{:g},{:g}".format(*area)


def _box(area: tuple[float, float, float, float], size: tuple[int, int]) -> Tensor:
    """Each pixel by how much of it lies inside."""
    left, top, width, height = area
    across, down = _inside(left, width, size[0]), _inside(top, height, size[1])
    return (down[:, None] * across[None])[None, None]


def _inside(start: float, extent: float, pixels: int) -> Tensor:
    """How much of each of ``pixels`` in a row lies between two shares of them."""
    here = torch.arange(pixels, dtype=torch.float64)
    stop = 1.0 if start + extent >= 1 - ROUNDING else start + extent
    return ((here + 1).clamp(max=stop * pixels) - here.clamp(min=start * pixels)).clamp(0, 1)


def _mask(digest: str, size: tuple[int, int], masks: Mapping[str, Tensor]) -> Tensor:
    found = masks.get(digest)
    if found is None:
        raise InputError(f"{_called(digest)} of a region is not here: bring its file")
    if found.shape[1] != 1:
        raise InputError(f"{_called(digest)} of a region is a picture in colours: name a mask there")
    if (found.shape[3], found.shape[2]) != size:
        raise InputError(
            f"{_called(digest)} of a region has {found.shape[3]}x{found.shape[2]} pixels, the picture "
            f"{size[0]}x{size[1]}: make them equal"
        )
    return found.cpu().double()


def _feathered(mask: Tensor, width: int) -> Tensor:
    """Each pixel the mean of ``width`` across and down; beyond the picture it goes on as at its rim."""
    if width < 2:
        return mask
    return mean_around(mask, width // 2).clamp(0, 1)

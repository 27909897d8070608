"""Pictures at other sizes, in floats: what a picture is painted at is not always what it is."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def resized(picture: Tensor, size: tuple[int, int], *, by: str = "lanczos") -> Tensor:
    """A picture (1, 3, H, W) or mask (1, 1, H, W) in 0..1 at ``size`` (width, height); itself if it has it.

    Every channel as Pillow resizes it, which looks at all pixels that a smaller one stands for.
    """
    if size == size_of(picture):
        return picture
    channels = picture[0].float().cpu().numpy()
    rows = [np.asarray(Image.fromarray(channel).resize(size, FILTERS[by])) for channel in channels]
    return torch.tensor(np.stack(rows))[None].clamp(0, 1).to(picture)


def freest(mask: Tensor, size: tuple[int, int], *, by: str = "nearest") -> Tensor:
    """A mask (1, 1, H, W) at ``size``, each pixel as white as the whitest that it stands for.

    So no stroke is lost where it shrinks; where it grows, it does so ``by`` one of ``FILTERS``.
    """
    smaller = [min(one, other) for one, other in zip(size_of(mask), size, strict=True)]
    return resized(adaptive_max_pool2d(mask, (smaller[1], smaller[0])), size, by=by)


def size_of(picture: Tensor) -> tuple[int, int]:
    """(width, height) of a picture, a mask or a latent."""
    return picture.shape[3], picture.shape[2]

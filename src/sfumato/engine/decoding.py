"""A latent made a picture: at once where that fits into memory, else in tiles, which is told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import Tensor

from sfumato.engine.foresight import Foresight, Size
from sfumato.engine.question import Decode, Question
from sfumato.engine.sized import sized
from sfumato.engine.tiled_decoding import decoded_in_tiles

PLENTY = 8 * 2**10
"""Bytes for each pixel that are enough for any network here: what is freer is not looked at more closely.

Stable Diffusion's decoder takes 3 KB in float32 and its U-Net 1 KB for two rows.
"""


def is_plenty(free: int, size: Size) -> bool:
    """Whether so many bytes are enough for a picture of that size without a closer look."""
    return free > PLENTY * size[0] * size[1] + 2**30


def decoded(latent: Tensor, foresight: Foresight | None, told: list[str]) -> Generator[Question, Any, Tensor]:
    """The picture (1, 3, H, W) of a latent (1, C, h, w). ``told`` gets a line if it was decoded in tiles."""
    free = None if foresight is None else foresight.free()
    if foresight is not None and free is not None:
        size = foresight.size_of(latent)
        tiles = None if is_plenty(free, size) else foresight.tiles(size, free)
        if tiles is not None:
            shrink = size[0] // latent.shape[3]
            told.append(
                f"decoded in tiles of {tiles.side * shrink} pixels, whose colours may differ a little: the "
                f"whole needs about {sized(foresight.decoder(size))} at once, {sized(free)} are free"
            )
            return (yield from decoded_in_tiles(latent, tiles))
    (picture,) = yield [Decode(latent)]
    return picture

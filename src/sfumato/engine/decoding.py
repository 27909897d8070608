"""A latent made a picture: at once where that fits into memory, else in tiles, which is told."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

from torch import Tensor

from sfumato.engine.foresight import Foresight, Size
from sfumato.engine.question import Decode, Question
from sfumato.engine.sized import sized
from sfumato.engine.tiled_decoding import decoded_in_tiles
from sfumato.families.latents import Tiles

PLENTY = 8 * 2**10
"""Bytes for each pixel that are enough for any network here: what is freer is not looked at more closely.

Stable Diffusion's decoder takes 3 KB in float32 and its U-Net 1 KB for two rows.
"""


class Tiled(NamedTuple):
    """That a latent was decoded in tiles of so many pixels a side, and the line that says why."""

    side: int
    note: str


def is_plenty(free: int, size: Size) -> bool:
    """Whether so many bytes are enough for a picture of that size without a closer look."""
    return free > PLENTY * size[0] * size[1] + 2**30


def tiles_needed(latent: Tensor, foresight: Foresight, free: int | None) -> Tiles | None:
    """The tiles that a latent is to be decoded in with so much memory free; None where none are needed."""
    size = foresight.size_of(latent)
    return None if free is None or is_plenty(free, size) else foresight.tiles(size, free)


def decoded(
    latent: Tensor, foresight: Foresight | None, told: list[Tiled]
) -> Generator[Question, Any, Tensor]:
    """The picture (1, 3, H, W) of a latent (1, C, h, w). ``told`` gets an entry if it took tiles."""
    free = None if foresight is None else foresight.free()
    if foresight is not None and free is not None:
        tiles = tiles_needed(latent, foresight, free)
        if tiles is not None:
            size = foresight.size_of(latent)
            side = tiles.side * (size[0] // latent.shape[3])
            note = (
                f"decoded in tiles of {side} pixels, whose colours may differ a little: the whole needs "
                f"about {sized(foresight.decoder(size))} at once, {sized(free)} are free"
            )
            told.append(Tiled(side, note))
            return (yield from decoded_in_tiles(latent, tiles))
    (picture,) = yield [Decode(latent)]
    return picture

"""A latent decoded tile by tile where the whole would not fit: slower, and its pixels differ a little.

A decoder's norms look at all that they see, so that a tile's colours differ from the whole's; tiles overlap
by a quarter, and fade into each other (``families/latents.py``). Each is a question of its own: others have
their turn between two of them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import Tensor

from sfumato.engine.question import Decode, Question
from sfumato.families.latents import Tiles, spans

SIDES = (128, 96, 64, 48, 32, 24, 16)
"""Of tiles, in places of the latent: the larger, the nearer to the whole picture."""


def tiles_of(side: int) -> Tiles:
    """Tiles of that side, which overlap by a quarter of it."""
    return Tiles(side=side, overlap=side // 4, above=side)


def decoded_in_tiles(latent: Tensor, tiles: Tiles) -> Generator[Question, Any, Tensor]:
    """The picture (1, 3, H, W) in 0..1 of a latent (1, C, h, w); at every pixel the shares sum to one."""
    height, width = latent.shape[2:]
    whole: list[Tensor] = []
    for top, bottom, _ in spans(height, tiles, 1):
        for left, right, _ in spans(width, tiles, 1):
            (piece,) = yield [Decode(latent[:, :, top:bottom, left:right])]
            shrink = piece.shape[2] // (bottom - top)
            if not whole:
                whole.append(piece.new_zeros(1, 3, height * shrink, width * shrink))
            share = _share(tiles, (height, width), (top, left), shrink).to(piece)
            rows, columns = slice(top * shrink, bottom * shrink), slice(left * shrink, right * shrink)
            whole[0][:, :, rows, columns] += piece * share
    return whole[0].clamp_(0, 1)


def _share(tiles: Tiles, size: tuple[int, int], corner: tuple[int, int], shrink: int) -> Tensor:
    """How much each pixel of the tile at ``corner`` counts, (H, W)."""
    down, across = (
        next(share for first, _, share in spans(length, tiles, shrink) if first == start)
        for length, start in zip(size, corner, strict=True)
    )
    return down[:, None] * across

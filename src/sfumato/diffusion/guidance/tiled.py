"""Pictures larger than a network draws: tiles that overlap, each guided by itself, all in one round.

The clean latents of the tiles are mixed where they overlap, so that one walk of one sampler leads the whole:
MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113. No request names this guide: the pass ``tiled`` is made
of it (``engine/passes/tiled.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.diffusion.guidance.regional import together
from sfumato.diffusion.protocol import Denoised, Eval, Guide, Guiding


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a latent, in places; ``share`` (1, 1, h, w) is what it counts for in each of them."""

    left: int
    top: int
    right: int
    bottom: int
    share: Tensor

    def of(self, whole: Tensor) -> Tensor:
        """The part of a latent (1, C, H, W) that it covers."""
        return whole[:, :, self.top : self.bottom, self.left : self.right]


def joined(tiles: Sequence[Tile], parts: Sequence[Tensor], like: Tensor) -> Tensor:
    """The whole, shaped like ``like``, of the parts that tiles cover; shares add up to 1 in each place."""
    whole = torch.zeros_like(like)
    for tile, part in zip(tiles, parts, strict=True):
        tile.of(whole).add_(tile.share.to(part) * part)
    return whole


def tiled(tiles: Sequence[Tile], guides: Sequence[Guide]) -> Guide:
    """A guide for the whole of which each tile is guided by its own: one that remembers cannot be shared."""

    def guide(question: Eval) -> Guiding:
        x, level = question
        answers = yield from together(
            [own(Eval(tile.of(x), level)) for tile, own in zip(tiles, guides, strict=True)]
        )

        def mixed(part: Callable[[Denoised], Tensor | None]) -> Tensor | None:
            told = [each for each in map(part, answers) if each is not None]
            return joined(tiles, told, x) if len(told) == len(answers) else None

        reads = any(answer.noise_from is not None for answer in answers)
        return Denoised(
            joined(tiles, [answer.clean for answer in answers], x),
            unconditional=mixed(lambda answer: answer.unconditional),
            conditional=mixed(lambda answer: answer.conditional),
            noise_from=mixed(lambda answer: answer.source) if reads else None,
        )

    return guide

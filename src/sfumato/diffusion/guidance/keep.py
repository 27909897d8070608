"""Keeping a part of a picture while the rest is painted: inpainting with any model.

Where a mask says so, the clean latent that a guide sees gives way to the known one. A deterministic sampler
that begins from the noised known latent then carries that part down as if it noised it afresh to every
level, with the noise that it began with: the blend of RePaint (arXiv:2201.09865) and of diffusers'
pipelines, told to the sampler as an answer instead of forced upon its state, so that solvers with a memory
remember it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from sfumato.diffusion.protocol import Denoised, Eval, Guide, Guiding, Level

Free: TypeAlias = Callable[[Level], Tensor]
"""What may be painted at a level, (1, 1, h, w): 1 where the guide is followed, 0 where all is kept."""


def keep(guide: Guide, known: Tensor, free: Free) -> Guide:
    """``guide`` where it is ``free``, and the ``known`` clean latent (1, C, h, w) elsewhere.

    All that the guide tells is blended alike, so that guides around it find the kept part kept.
    """

    def guided(question: Eval) -> Guiding:
        answer = yield from guide(question)
        share = free(question.level)
        return Denoised(*(None if seen is None else _blend(seen, known, share) for seen in answer))  # pyright: ignore

    return guided


def _blend(seen: Tensor, known: Tensor, share: Tensor) -> Tensor:
    return share * seen + (1 - share) * known

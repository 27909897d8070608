"""Normalized attention guidance, Chen et al. 2025, arXiv:2505.21179: negative prompts inside the attention.

For networks that were distilled from guided ones, or to few steps, where ``cfg`` does harm. The negative
words travel behind the others in one context, and every layer that looks at words looks at both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.none import plain
from sfumato.diffusion.protocol import (
    Call,
    Conditioning,
    Denoised,
    Eval,
    Extras,
    Guide,
    Guiding,
    Look,
    Looking,
    Perturbed,
)


def nag(
    conditioning: Conditioning,
    negative: Conditioning,
    scale: float,
    *,
    tau: float = 2.5,
    alpha: float = 0.5,
) -> Guide:
    """One call per evaluation, in which each cross-attention is done twice.

    In all layers: what a place picks from the words goes ``scale`` times as far from what it
    picks from ``negative``, grows by at most ``tau`` in its L1 norm, and counts for the share ``alpha``. For
    networks that attend to words in layers of their own; those that mix words and picture in one (FLUX, SD3)
    need a perturbation of their own. Raises ValueError for tau outside 1 to 1000, alpha outside 0 to 1.
    """
    if not 1 <= tau <= 1000:
        raise ValueError(f"tau {tau} is outside 1 to 1000: below 1 it would weaken the words")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha {alpha} is a share: it must be from 0 to 1")
    if scale == 1:
        return plain(conditioning)
    both, extras = (
        _joined(conditioning, negative),
        _normalized(negative.context.shape[1], scale, tau, alpha),
    )

    def guide(question: Eval) -> Guiding:
        (clean,) = yield [Call(question.x, question.level, both, extras)]
        return Denoised(clean, conditional=clean)

    return guide


@dataclass(frozen=True)
class Normalized:
    """Attention away from the last ``unwanted`` tokens, and to all before them."""

    unwanted: int
    scale: float
    tau: float
    alpha: float

    def __call__(self, looking: Looking, what: Look) -> Tensor:
        wanted, unwanted = (looking(part) for part in self._parts(what))
        guided = unwanted + self.scale * (wanted - unwanted)
        own, grown = (each.abs().sum(-1, keepdim=True) for each in (wanted, guided))
        guided = guided * (self.tau * own / grown.clamp_min(torch.finfo(grown.dtype).tiny)).clamp_max(1.0)
        return wanted + self.alpha * (guided - wanted)

    def _parts(self, what: Look) -> tuple[Look, Look]:
        def part(tokens: slice) -> Look:
            mask = None if what.mask is None else what.mask[..., tokens]
            return what._replace(key=what.key[:, tokens], value=what.value[:, tokens], mask=mask)

        return part(slice(None, -self.unwanted)), part(slice(-self.unwanted, None))


@lru_cache(maxsize=32)
def _normalized(unwanted: int, scale: float, tau: float, alpha: float) -> Extras:
    """One object for the same numbers, so that rows of different pictures can share a forward."""
    return Extras(cross_attention=Perturbed(Normalized(unwanted, scale, tau, alpha)))


def _joined(first: Conditioning, second: Conditioning) -> Conditioning:
    """The tokens of both, one behind the other. All else is that of the first."""
    context = torch.cat([first.context, second.context], dim=1)
    mask = None
    if first.mask is not None or second.mask is not None:
        masks = [
            torch.ones(told.context.shape[:2], dtype=torch.bool, device=context.device)
            if told.mask is None
            else told.mask
            for told in (first, second)
        ]
        mask = torch.cat(masks, dim=1)
    later = first.later
    if later is not None and second.later is not None:
        later = replace(later, conditioning=_joined(later.conditioning, second.later.conditioning))
    return replace(first, context=context, mask=mask, later=later)


NAG = Listing(
    maker=nag,
    tells=False,
    mixes=False,
    contrasts=False,
    rows=1,
    scale=(2.0, 8.0),
    aliases=("NAG", "Normalized attention guidance"),
    paper="arXiv:2505.21179",
)

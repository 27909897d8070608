"""CFG-Zero*, Fan et al. 2025, arXiv:2503.18886: guidance for flow models that are not sure yet."""

from __future__ import annotations

from torch import Tensor

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.projection import share_along
from sfumato.diffusion.guidance.scale import Scale, at, progress
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding


def cfg_zero(
    conditioning: Conditioning, negative: Conditioning, scale: Scale, *, still: float = 0.0
) -> Guide:
    """Two calls per evaluation: the unconditional velocity is first scaled to come nearest to the other.

    The velocity is per unit of sigma, (x - clean) / sigma: a flow's own, and epsilon at alpha = 1. While the
    walk's progress is below ``still`` the velocity is zero instead and nothing is asked; the paper does so
    for the first 4% of the steps. It is off by default: a multistep sampler would take standing still for
    what the model sees. Turn it on with euler.
    """
    if not 0 <= still < 1:
        raise ValueError(f"to stand still for {still} of the walk leaves no walk: from 0 to below 1")

    def guide(question: Eval) -> Guiding:
        x, level = question
        if progress(level) < still:
            return Denoised(x)
        wanted, unwanted = yield [Call(x, level, conditioning), Call(x, level, negative)]

        def velocity(clean: Tensor) -> Tensor:
            return (x - clean) / level.sigma

        towards, away = velocity(wanted), velocity(unwanted)
        away = share_along(towards, away) * away
        mixed = away + at(scale, level) * (towards - away)
        return Denoised(x - level.sigma * mixed, unconditional=unwanted, conditional=wanted)

    return guide


CFG_ZERO = Listing(
    maker=cfg_zero,
    rows=2,
    scale=(2.0, 12.0),
    aliases=("CFG-Zero*", "CFG-Zero star", "ClassifierFreeZeroStarGuidance"),
    paper="arXiv:2503.18886",
)

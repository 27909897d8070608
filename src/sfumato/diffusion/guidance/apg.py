"""Adaptive projected guidance, Sadat et al. 2024, arXiv:2410.02416: high scales without oversaturation."""

from __future__ import annotations

import torch
from torch import Tensor

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.projection import LATENT, parallel
from sfumato.diffusion.guidance.scale import Scale, at
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding, Level


def apg(
    conditioning: Conditioning,
    negative: Conditioning,
    scale: Scale,
    *,
    eta: float = 0.0,
    threshold: float | None = 15.0,
    momentum: float = -0.5,
) -> Guide:
    """Two calls per evaluation; algorithm 1, on clean latents as the paper has it.

    Of the step away from ``negative`` the part along the guess itself, which saturates, counts ``eta`` times.
    Its norm is held below ``threshold`` (15 for SDXL, 7.5 for Stable Diffusion 2.1, 2.5 for ImageNet; None
    for no limit: it grows with the size of the latent), and ``momentum``, negative, subtracts where earlier
    steps went already. Raises ValueError for an eta outside
    0 to 1, a threshold that leaves nothing, and a momentum that grows.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta {eta} is a share of the part along the guess: it must be from 0 to 1")
    if threshold is not None and not threshold > 0:
        raise ValueError(f"threshold {threshold} on a norm leaves no guidance: above 0, or None for no limit")
    if not -1 < momentum < 1:
        raise ValueError(f"momentum {momentum} would grow without end: it must be above -1 and below 1")
    walked = _Walked(momentum)

    def guide(question: Eval) -> Guiding:
        x, level = question
        walked.begin(level)
        try:
            wanted, unwanted = yield [Call(x, level, conditioning), Call(x, level, negative)]
        finally:
            walked.waiting = False
        away = walked.on(wanted - unwanted)
        if threshold is not None:
            norm = away.square().sum(LATENT, keepdim=True).sqrt().clamp_min(torch.finfo(away.dtype).tiny)
            away = away * (threshold / norm).clamp_max(1.0)
        along = parallel(away, wanted)
        clean = wanted + (at(scale, level) - 1) * (away - along + eta * along)
        return Denoised(clean, unconditional=unwanted, conditional=wanted)

    return guide


class _Walked:
    """What the guide of one run has walked, with momentum.

    A question at no lower level than the last is the beginning of another run, and forgets all. A question
    while another is unanswered is another run's, and an error.
    """

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self.last: Level | None = None
        self.average: Tensor | None = None
        self.waiting = False

    def begin(self, level: Level) -> None:
        if self.waiting:
            raise ValueError("one guide with momentum serves two runs at once: make one for each")
        if self.last is None or level.sigma >= self.last.sigma:
            self.average = None
        self.last = level
        self.waiting = True

    def on(self, step: Tensor) -> Tensor:
        self.average = step if self.average is None else step + self.momentum * self.average
        return self.average


APG = Listing(
    maker=apg,
    rows=2,
    remembers=True,
    scale=(4.0, 20.0),
    aliases=("APG", "Adaptive projected guidance", "AdaptiveProjectedGuidance"),
    paper="arXiv:2410.02416",
)

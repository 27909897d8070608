"""PLMS, Liu et al. 2022, arXiv:2202.09778: the pseudo linear multistep method, as Stable Diffusion has it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import adams_evenly, follow
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing


def plms(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """One evaluation per step and one more in the first, deterministic.

    The first step is Heun's, so the second level is asked about twice: where Euler's step led, and where the
    corrected one does. The weights are those of equal steps, whatever the steps: second order.
    """
    line = line_through(levels)
    drifts: list[Tensor] = []  # the newest first
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        drifts = [line.drift(x, answer.clean, here), *drifts[:3]]
        mean = adams_evenly(drifts)
        if len(drifts) == 1 and there.sigma > 0:
            ahead = follow(x, mean, here, there, line)
            answer = yield Eval(ahead, there)
            mean = (mean + line.drift(ahead, answer.clean, there)) / 2
        x = follow(x, mean, here, there, line)
    return x


PLMS = Listing(
    sampler=plms,
    order=2,
    evaluations=1,
    warm_up=1,
    random=False,
    euler_below=2,
    steps=(15, 50),
    aliases=("PLMS", "PLMSSampler", "PNDMScheduler"),
    paper="arXiv:2202.09778",
)

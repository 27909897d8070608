"""DPM-Solver++(2S) with fresh noise, k-diffusion's ``sample_dpmpp_2s_ancestral``: "DPM++ 2S a" in menus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_share
from sfumato.diffusion.samplers.step import renewed, renewing_step, steady_step


def dpmpp_2s_ancestral(x: Tensor, levels: Sequence[Level], noise: Noise, *, eta: float = 1.0) -> Steps:
    """``euler_ancestral`` that takes its guess from the middle of the step; two evaluations per step.

    The midpoint method of arXiv:2211.01095 to the noise that is kept. It is of second order,
    and noise drawn anew keeps a level's distribution. A step that keeps none, from pure noise or to sigma 0,
    is Euler's.
    """
    check_share("eta", eta)
    line = line_through(levels)
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        target, fresh = answer.clean, eta * renewed(here, there)
        kept = Level(there.alpha, math.sqrt(max(0.0, there.sigma**2 - fresh**2)))
        if kept.sigma > 0:
            middle = line.level((line.time(here) + line.time(kept)) / 2)
            halfway = steady_step(x, target, here, middle)
            answer = yield Eval(halfway, middle)
            target = answer.clean
        x = renewing_step(x, target, here, there, fresh, noise)
    return x


DPMPP_2S_ANCESTRAL = Listing(
    sampler=dpmpp_2s_ancestral,
    order=2,
    evaluations=2,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=("DPM++ 2S a", "DPM++ 2S ancestral", "sample_dpmpp_2s_ancestral"),
    paper="arXiv:2211.01095",
)

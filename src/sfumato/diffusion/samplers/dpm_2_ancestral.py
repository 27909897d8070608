"""DPM-Solver-2 with fresh noise, k-diffusion's ``sample_dpm_2_ancestral``: "DPM2 a" in menus."""

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


def dpm_2_ancestral(x: Tensor, levels: Sequence[Level], noise: Noise, *, eta: float = 1.0) -> Steps:
    """``euler_ancestral`` whose way to the noise it keeps is a midpoint step; two evaluations per step.

    The midpoint method of arXiv:2206.00927 for the noise at alpha = 1, for the velocity on a
    flow's line. The ODE keeps every level's distribution and so does noise drawn anew, so the order is the
    midpoint method's, 2. A step that keeps no noise, from pure noise or to sigma 0, is Euler's.
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
            target = line.clean(x, line.drift(halfway, answer.clean, middle), here)
        x = renewing_step(x, target, here, there, fresh, noise)
    return x


DPM_2_ANCESTRAL = Listing(
    sampler=dpm_2_ancestral,
    order=2,
    evaluations=2,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=(
        "DPM2 a",
        "DPM2 ancestral",
        "sample_dpm_2_ancestral",
        "KDPM2AncestralDiscreteScheduler",
        "kdpm_2_a",
    ),
    paper="arXiv:2206.00927",
)

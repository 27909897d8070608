"""DPM-Solver-2 as k-diffusion has it, "DPM2" in menus: the drift in the middle of a step leads all of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import follow
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import steady_step


def dpm_2(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """Second order, two evaluations per step, deterministic; the last step, to sigma 0, is Euler's.

    Lu et al. 2022, arXiv:2206.00927, at alpha = 1: the middle is taken in -log sigma.
    """
    line = line_through(levels)
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        if there.sigma == 0:
            return steady_step(x, answer.clean, here, there)
        middle = line.level((line.time(here) + line.time(there)) / 2)
        halfway = steady_step(x, answer.clean, here, middle)
        answer = yield Eval(halfway, middle)
        x = follow(x, line.drift(halfway, answer.clean, middle), here, there, line)
    return x


DPM_2 = Listing(
    sampler=dpm_2,
    order=2,
    evaluations=2,
    random=False,
    euler_below=2,
    steps=(10, 25),
    aliases=("DPM2", "sample_dpm_2", "KDPM2DiscreteScheduler", "kdpm_2"),
    paper="arXiv:2206.00927",
)

"""DPM-Solver++(2M), Lu et al. 2022, arXiv:2211.01095: second order at the price of first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import moment
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_solver
from sfumato.diffusion.samplers.step import renoised, steady_step


def dpmpp_2m(x: Tensor, levels: Sequence[Level], noise: Noise, *, solver: str = "midpoint") -> Steps:
    """Second order, one evaluation per step, deterministic.

    The last two guesses are extrapolated to the middle of the step (``midpoint``), or along the whole of it
    and averaged (``heun``). Its length is measured in -log sigma, the paper's in log-SNR: the two agree at
    alpha = 1, and log-SNR is infinite at a flow model's first level.
    """
    check_solver("dpmpp_2m", solver)
    older: Tensor | None = None
    older_length = 0.0
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        clean = target = answer.source
        length = math.log(here.sigma / there.sigma) if there.sigma > 0 else math.inf
        if older is not None and length < math.inf:  # else no history yet, or nothing left to look ahead to
            tilt = 0.5 if solver == "midpoint" else moment(1, length)
            target = clean + (clean - older) * (tilt * length / older_length)
        x = renoised(steady_step(x, target, here, there), answer, there)
        older, older_length = clean, length
    return x


DPMPP_2M = Listing(
    sampler=dpmpp_2m,
    order=2,
    evaluations=1,
    random=False,
    renoises=True,
    euler_below=3,
    steps=(12, 30),
    aliases=("DPM++ 2M", "sample_dpmpp_2m", "DPMSolverMultistepScheduler"),
    variants={"EDMDPMSolverMultistepScheduler": "levels=karras"},
    paper="arXiv:2211.01095",
)

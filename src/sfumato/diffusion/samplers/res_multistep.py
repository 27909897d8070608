"""RES, the refined exponential solver, in its multistep form: Zhang et al. 2023, arXiv:2308.02157."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import average, line_through, moment
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import steady_step


def res_multistep(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """Second order, one evaluation per step, deterministic.

    The straight line in -log sigma through the last two guesses is averaged exactly, with the weight that the
    ODE gives to each moment of the step; ``dpmpp_2m`` takes its value in the middle instead. In their terms,
    b_1 = phi_1 - phi_2 / c_2 and b_2 = phi_2 / c_2, where c_2 is minus the last step's length in this one's.
    """
    line = line_through(levels)
    guesses: list[Tensor] = []  # the newest first
    times: list[float] = []
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        guesses, times = [answer.clean, *guesses[:1]], [line.time(here), *times[:1]]
        step = line.time(there) - times[0]
        if len(guesses) == 1 or step == math.inf:  # no history yet, or nothing left to look ahead to
            mean = guesses[0]
        else:
            mean = average(guesses, [0.0, (times[1] - times[0]) / step], [1.0, moment(1, step)])
        x = steady_step(x, mean, here, there)
    return x


RES_MULTISTEP = Listing(
    sampler=res_multistep,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(12, 30),
    aliases=("RES multistep", "sample_res_multistep"),
    paper="arXiv:2308.02157",
)

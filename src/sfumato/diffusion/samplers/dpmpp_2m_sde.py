"""DPM-Solver++ (2M) of the reverse SDE: ``dpmpp_2m`` with noise, Lu et al. 2022, arXiv:2211.01095."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_noise_scale, check_share, check_solver
from sfumato.diffusion.samplers.reverse_sde import Scaled, drawn_anew, path_step, sde_moments


def dpmpp_2m_sde(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    eta: float = 1.0,
    solver: str = "midpoint",
    noise_scale: float = 1.0,
) -> Steps:
    """Second order, one evaluation per step; at ``eta`` 0 and ``midpoint`` it is ``dpmpp_2m``.

    The paper's SDE-DPM-Solver++(2M), with k-diffusion's ``eta``, 0 to 1. The line through the last two
    guesses is followed to the middle of the step (``midpoint``), or averaged under the weights of the exact
    solution (``heun``). As there, it is a line in -log sigma.
    """
    check_share("eta", eta)
    check_noise_scale(noise_scale, noisy=eta > 0, without="eta 0")
    check_solver("dpmpp_2m_sde", solver)
    line, noise = line_through(levels), Scaled(noise, noise_scale)
    older: Tensor | None = None
    older_step = 0.0
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        clean = target = answer.clean
        step = line.time(there) - line.time(here)
        if older is not None and step < math.inf:  # else no history yet, or nothing left to look ahead to
            place = 0.5 if solver == "midpoint" else sde_moments(line, line.time(here), step, eta)[1]
            target = clean + (clean - older) * (place * step / older_step)
        x = path_step(x, target, here, there, drawn_anew(here, there, eta), noise)
        older, older_step = clean, step
    return x


DPMPP_2M_SDE = Listing(
    sampler=dpmpp_2m_sde,
    order=2,
    evaluations=1,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=("DPM++ 2M SDE", "sample_dpmpp_2m_sde"),
    variants={"DPM++ 2M SDE Heun": "solver=heun", "CosineDPMSolverMultistepScheduler": "levels=exponential"},
    paper="arXiv:2211.01095",
)

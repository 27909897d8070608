"""DPM-Solver++ (3M) of the reverse SDE, k-diffusion's ``sample_dpmpp_3m_sde``: a third guess remembered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import average, line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_curvature, check_noise_scale, check_share
from sfumato.diffusion.samplers.reverse_sde import Scaled, drawn_anew, path_step, sde_moments


def dpmpp_3m_sde(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    eta: float = 1.0,
    curvature: float = 1.0,
    noise_scale: float = 1.0,
) -> Steps:
    """One evaluation per step, and second order despite its name, for two reasons.

    The bend of the parabola through three guesses counts half, as ``dpmpp_3m`` says; ``curvature`` 2 makes it
    whole, and the average exact for parabolas. The noise is the other: what it does to the guess within a
    step is seen a step later only, and what the last one does never, which leaves the variance at second
    order. Averages are under the weights of Lu et al. 2022, arXiv:2211.01095, for its SDE, over -log sigma.
    """
    check_share("eta", eta)
    check_curvature(curvature)
    check_noise_scale(noise_scale, noisy=eta > 0, without="eta 0")
    line, noise = line_through(levels), Scaled(noise, noise_scale)
    values: list[Tensor] = []  # the newest first
    times: list[float] = []
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        values, times = [answer.clean, *values[:2]], [line.time(here), *times[:2]]
        step = line.time(there) - times[0]
        mean = answer.clean
        if len(values) > 1 and step < math.inf:  # else no history yet, or nothing left to look ahead to
            one, place, square = sde_moments(line, times[0], step, eta)
            at = [(time - times[0]) / step for time in times]
            mean = average(values, at, [one, place, square * curvature / 2][: len(values)])
        x = path_step(x, mean, here, there, drawn_anew(here, there, eta), noise)
    return x


DPMPP_3M_SDE = Listing(
    sampler=dpmpp_3m_sde,
    order=2,
    evaluations=1,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=("DPM++ 3M SDE", "sample_dpmpp_3m_sde"),
    paper="arXiv:2211.01095",
)

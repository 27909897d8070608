"""DPM-Solver++(3S), Lu et al. 2022, arXiv:2211.01095: three values to a step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_solver
from sfumato.diffusion.samplers.singlestep import singlestep


def dpmpp_3s(x: Tensor, levels: Sequence[Level], noise: Noise, *, solver: str = "midpoint") -> Steps:
    """Third order, one evaluation per level, deterministic.

    The DPM-Solver-3 of arXiv:2206.00927, for clean latents. The points inside a step are levels of the walk:
    three of its steps are one of the paper's, and a walk's rest of one or two are of as low an order.
    ``solver`` says how three guesses are averaged: ``midpoint``, which counts on the last standing at 2/3 of
    the step, or ``heun``, by the parabola through all.
    """
    check_solver("dpmpp_3s", solver)
    return singlestep(x, levels, order=3, midpoint=solver == "midpoint", growth=1)


DPMPP_3S = Listing(
    sampler=dpmpp_3s,
    order=3,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(18, 45),
    aliases=("DPM++ 3S",),
    paper="arXiv:2211.01095",
)

"""DPM-Solver++(2S), Lu et al. 2022, arXiv:2211.01095: a midpoint method for the clean latent."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_solver
from sfumato.diffusion.samplers.singlestep import singlestep


def dpmpp_2s(x: Tensor, levels: Sequence[Level], noise: Noise, *, solver: str = "midpoint") -> Steps:
    """Second order, one evaluation per level, deterministic.

    The points inside a step are levels of the walk: two of its steps are one of the paper's. ``solver`` says
    how two guesses are averaged: ``midpoint``, or ``heun`` for the line through both.
    """
    check_solver("dpmpp_2s", solver)
    return singlestep(x, levels, order=2, midpoint=solver == "midpoint", growth=1)


DPMPP_2S = Listing(
    sampler=dpmpp_2s,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(16, 40),
    aliases=("DPM++ 2S", "DPMSolverSinglestepScheduler"),
    paper="arXiv:2211.01095",
)

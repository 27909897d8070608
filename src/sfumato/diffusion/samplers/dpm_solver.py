"""DPM-Solver, Lu et al. 2022, arXiv:2206.00927: the ODE's linear part solved exactly, the noise averaged."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.multistep import multistep
from sfumato.diffusion.samplers.options import check_order, check_solver
from sfumato.diffusion.samplers.singlestep import singlestep


def dpm_solver(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    order: int = 2,
    solver: str = "midpoint",
    history: bool = False,
) -> Steps:
    """DPM-Solver-``order``, 2 or 3: one evaluation per level, deterministic.

    The points inside a step are levels of the walk, so a block of ``order`` steps is one of the paper's.
    With ``history`` the values come from earlier steps instead, as in arXiv:2211.01095. What is
    averaged is the noise at alpha = 1, and the velocity on a flow's line: at its pure noise, noise says
    nothing. ``solver`` is ``midpoint``, or ``heun`` for the polynomial through all values.
    """
    check_order("dpm_solver", order, 2, 3)
    check_solver("dpm_solver", solver)
    if history:
        return multistep(x, levels, order=order, midpoint=solver == "midpoint", curvature=1.0, growth=-1)
    return singlestep(x, levels, order=order, midpoint=solver == "midpoint", growth=-1)


DPM_SOLVER = Listing(
    sampler=dpm_solver,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(20, 40),
    aliases=("DPM-Solver", "DPM-Solver-2", "DPM Solver"),
    paper="arXiv:2206.00927",
)

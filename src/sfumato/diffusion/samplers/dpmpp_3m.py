"""DPM-Solver++(3M), Lu et al. 2022, arXiv:2211.01095: DPM-Solver++(2M) with one more guess remembered."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.multistep import multistep
from sfumato.diffusion.samplers.options import check_curvature


def dpmpp_3m(x: Tensor, levels: Sequence[Level], noise: Noise, *, curvature: float = 1.0) -> Steps:
    """One evaluation per step, deterministic, and second order despite its name.

    The authors' program, and all that follow it, count the bend of the parabola through three guesses half
    (``multistep.py``). ``curvature`` 2 counts it whole, and is of third order but for the steps that have too
    little to look back on. Walks of fewer than 15 steps end on a step of second order and one of first.
    """
    check_curvature(curvature)
    return multistep(x, levels, order=3, midpoint=True, curvature=curvature, growth=1)


DPMPP_3M = Listing(
    sampler=dpmpp_3m,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(12, 30),
    aliases=("DPM++ 3M",),
    paper="arXiv:2211.01095",
)

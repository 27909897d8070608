"""DEIS, Zhang & Chen 2022, arXiv:2204.13902: Adams' method with the linear part of the ODE solved exactly."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.multistep import multistep
from sfumato.diffusion.samplers.options import check_order


def deis(x: Tensor, levels: Sequence[Level], noise: Noise, *, order: int = 2) -> Steps:
    """One evaluation per step, deterministic; ``order``, 1 to 3, is how many values a step looks at.

    tAB-DEIS with log(sigma / alpha) for the time in which the noise is a polynomial, as in
    diffusers; on a flow's line the velocity, in log sigma. The step to sigma 0, where that time never ends,
    is Euler's. Order 3 follows bends better, but a walk begins with a step of Euler's: second order is left.
    """
    check_order("deis", order, 1, 3)
    return multistep(x, levels, order=order, midpoint=False, curvature=2.0, growth=-1)


DEIS = Listing(
    sampler=deis,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(12, 30),
    aliases=("DEIS", "sample_deis", "DEISMultistepScheduler"),
    paper="arXiv:2204.13902",
)

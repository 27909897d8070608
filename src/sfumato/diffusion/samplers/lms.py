"""Linear multistep, Katherine Crowson's "K-LMS": Adams' method for steps of any lengths in sigma."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import adams, follow
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_order


def lms(x: Tensor, levels: Sequence[Level], noise: Noise, *, order: int = 4) -> Steps:
    """One evaluation per step, deterministic; ``order``, 1 to 4, is how many values a step looks at.

    The polynomial is in sigma, as published, rather than in -log sigma: so the step to sigma 0 can look back
    too. A walk begins with the orders below, and its first step, Euler's, leaves an error of second order.
    """
    check_order("lms", order, 1, 4)
    line = line_through(levels)
    drifts: list[Tensor] = []  # the newest first
    sigmas: list[float] = []  # where they were seen, on the line
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        drifts = [line.drift(x, answer.clean, here), *drifts[: order - 1]]
        sigmas = [here.sigma / line.stretch(here), *sigmas[: order - 1]]
        step = there.sigma / line.stretch(there) - sigmas[0]
        mean = adams(drifts, [(sigma - sigmas[0]) / step for sigma in sigmas])
        x = follow(x, mean, here, there, line)
    return x


LMS = Listing(
    sampler=lms,
    order=2,
    evaluations=1,
    random=False,
    euler_below=2,
    steps=(15, 40),
    aliases=("LMS", "K-LMS", "sample_lms", "LMSDiscreteScheduler"),
    paper="k-diffusion, sampling.py (2022)",
)

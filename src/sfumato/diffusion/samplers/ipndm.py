"""iPNDM, Zhang & Chen 2022, arXiv:2204.13902: PNDM without its costly start."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import adams_evenly, follow
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_order


def ipndm(x: Tensor, levels: Sequence[Level], noise: Noise, *, order: int = 4) -> Steps:
    """One evaluation per step, deterministic; ``order``, 1 to 4, is how many values a step looks at.

    The weights are those of equal steps, whatever the steps: second order, to which the first step, Euler's,
    would limit it anyway. Tools differ in the step to sigma 0: diffusers' looks back as every other does, and
    so does this; ComfyUI's is Euler's.
    """
    check_order("ipndm", order, 1, 4)
    line = line_through(levels)
    drifts: list[Tensor] = []  # the newest first
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        drifts = [line.drift(x, answer.clean, here), *drifts[: order - 1]]
        x = follow(x, adams_evenly(drifts), here, there, line)
    return x


IPNDM = Listing(
    sampler=ipndm,
    order=2,
    evaluations=1,
    random=False,
    euler_below=2,
    steps=(12, 40),
    aliases=("iPNDM", "sample_ipndm", "IPNDMScheduler"),
    paper="arXiv:2204.13902",
)

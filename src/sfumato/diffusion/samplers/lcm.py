"""LCM, Luo et al. 2023, arXiv:2310.04378: multistep sampling for models distilled to consistency."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import renewing_step


def lcm(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """Jumps to the clean guess and adds all of the next level's noise afresh.

    Made for models that answer with the end of their ODE from here, not with the mean of all that may be
    behind the noise: with such a model every number of steps draws the right distribution, and one may be
    enough. With an ordinary model pictures come out smooth, and more steps do not mend it. The paper's
    boundary scalings c_skip and c_out belong to the model's prediction: a family mixes them into its clean
    guess before it answers.
    """
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        x = renewing_step(x, answer.clean, here, there, there.sigma, noise)
    return x


LCM = Listing(
    sampler=lcm,
    order=0,
    evaluations=1,
    random=True,
    steps=(2, 8),
    aliases=("LCM", "sample_lcm", "LCMScheduler", "FlowMatchLCMScheduler"),
    paper="arXiv:2310.04378",
)

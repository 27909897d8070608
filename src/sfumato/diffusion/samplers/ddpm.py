"""DDPM, Ho et al. 2020, arXiv:2006.11239: the learned reverse of the forward chain, one link per level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.choose import choose
from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import renewed


def ddpm(x: Tensor, levels: Sequence[Level], noise: Noise, *, variance: str = "small") -> Steps:
    """Ancestral sampling, algorithm 2, with either of the variances of section 3.2.

    ``small`` is the posterior's, right for data that are one point; ``large`` is the forward chain's beta,
    right for data that are standard normal. Over a thousand levels they hardly differ. The last step,
    to sigma 0, adds none.
    """
    spread = choose(VARIANCES, variance, "variance of ddpm")
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        x = _posterior_mean(x, answer.clean, here, there)
        if there.sigma > 0:
            x = x + spread(here, there) * noise(x)
    return x


def _posterior_mean(x: Tensor, clean: Tensor, here: Level, there: Level) -> Tensor:
    """The mean of the latent at ``there``, given the one at ``here`` and the clean one; eq. 7 on any line."""
    carry = here.alpha / there.alpha  # one link of the forward chain: here = carry * there + added * noise
    added = here.sigma**2 - (carry * there.sigma) ** 2  # its variance, the paper's beta
    return (carry * there.sigma**2 * x + there.alpha * added * clean) / here.sigma**2


def _forward(here: Level, there: Level) -> float:
    """The root of the paper's beta. It belongs to the variance-preserving line, and is scaled from there."""
    scale = there.alpha**2 + there.sigma**2
    carry = here.alpha / there.alpha
    return math.sqrt(max(0.0, scale * (1 - carry**2 * scale / (here.alpha**2 + here.sigma**2))))


VARIANCES: dict[str, Callable[[Level, Level], float]] = {"small": renewed, "large": _forward}


DDPM = Listing(
    sampler=ddpm,
    order=1,
    evaluations=1,
    random=True,
    euler_below=2,
    steps=(50, 1000),
    aliases=("DDPM", "DDPMScheduler", "DDPMParallelScheduler"),
    paper="arXiv:2006.11239",
)

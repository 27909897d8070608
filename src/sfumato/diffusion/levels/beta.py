"""Beta: crowded at both ends, where pictures change the most; Lee et al. 2024, arXiv:2407.12173.

Two readings of the paper go by this name. ``beta`` is the paper's and ComfyUI's: quantiles over the trained
levels. ``beta_sigmas`` is diffusers' and AUTOMATIC1111's: quantiles over sigma itself, the least level among
them. At alpha = 1 the two are far apart: the second takes half of its steps above half of the noisiest sigma.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.diffusion.levels.beta_quantile import beta_quantile
from sfumato.diffusion.levels.flow import OverFlow
from sfumato.diffusion.levels.listing import Listing
from sfumato.diffusion.levels.pick import different
from sfumato.diffusion.levels.walk import between, check_between, check_steps, down
from sfumato.diffusion.protocol import Level


def beta(steps: int, sigmas: Sequence[float], *, alpha: float = 0.6, beta: float = 0.6) -> list[Level]:
    """The trained levels nearest to the quantiles of Beta(alpha, beta), all different.

    Where the ends crowd and two quantiles meet in one level, others walk it once and save the step; here the
    next level is taken, so that a step that was asked for is made.
    """
    check_steps(steps, len(sigmas))
    _check(alpha, beta)
    shares = (beta_quantile(left / steps, alpha, beta) for left in range(steps, 0, -1))
    return down(sigmas[index] for index in different([share * (len(sigmas) - 1) for share in shares]))


def beta_sigmas(steps: int, sigmas: Sequence[float], *, alpha: float = 0.6, beta: float = 0.6) -> list[Level]:
    """Sigmas at the quantiles of Beta(alpha, beta) between the ends, which are included."""
    _check(alpha, beta)
    least, top = sigmas[0], sigmas[-1]
    return between(steps, sigmas, lambda share: least + (top - least) * beta_quantile(1 - share, alpha, beta))


def _check(alpha: float, beta: float) -> None:
    check_between("alpha", alpha, 0.1, 10)
    check_between("beta", beta, 0.1, 10)


BETA = Listing(
    trained=beta,
    flow=OverFlow(beta),
    aliases=("Beta",),
    paper="arXiv:2407.12173",
)

BETA_SIGMAS = Listing(
    trained=beta_sigmas,
    flow=OverFlow(beta_sigmas),
    aliases=("use_beta_sigmas",),
    paper="arXiv:2407.12173, over sigma",
)

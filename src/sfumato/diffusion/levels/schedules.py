"""The schedules that models are trained with: tables of variances, and the sigmas that they amount to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from sfumato.diffusion.levels.walk import evenly

LEAST_SIGNAL = 2.0**-24
"""The share of the signal's variance that is put in the place of none: sigma is 4096 then, not infinite."""


def linear_betas(count: int = 1000, first: float = 1e-4, last: float = 0.02) -> list[float]:
    """Variances of the forward chain, evenly spaced; Ho et al. 2020, arXiv:2006.11239."""
    return evenly(first, last, count)


def scaled_linear_betas(count: int = 1000, first: float = 0.00085, last: float = 0.012) -> list[float]:
    """Variances whose roots are evenly spaced; the defaults are Stable Diffusion's, arXiv:2112.10752."""
    return [root**2 for root in evenly(math.sqrt(first), math.sqrt(last), count)]


def cosine_betas(count: int = 1000, max_beta: float = 0.999) -> list[float]:
    """Variances that leave the signal a squared cosine; Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17.

    The last would be 1, all noise: none is above ``max_beta``.
    """
    if not 0 < max_beta < 1:
        raise ValueError(f"max_beta {max_beta} is not between 0 and 1: the paper has 0.999")
    kept = [math.cos((index / count + 0.008) / 1.008 * math.pi / 2) ** 2 for index in range(count + 1)]
    return [min(1 - there / here, max_beta) for here, there in pairwise(kept)]


def zero_terminal_snr(betas: Sequence[float]) -> list[float]:
    """The same schedule, moved so that its last level is pure noise; arXiv:2305.08891, algorithm 1.

    The roots of the signal's shares are shifted to end at 0 and stretched to begin where they did. The last
    beta is 1. At pure noise only v, clean and flow say anything: epsilon needs another schedule.
    """
    _check(betas)
    roots = [math.sqrt(share) for share in _signal(betas)]
    first, last = roots[0], roots[-1]
    shares = [(first * (root - last) / (first - last)) ** 2 for root in roots]
    return [betas[0], *(1 - there / here for here, there in pairwise(shares))]


def discrete_sigmas(betas: Sequence[float]) -> list[float]:
    """Sigma at alpha = 1 after each link of the chain, least first: noise over signal, sqrt((1 - a) / a).

    ``a`` is the running product of 1 - beta; Ho et al. 2020, arXiv:2006.11239. Where the last beta is
    1 nothing of the signal is left, and sigma, infinite, is no number to step from. The custom is a small
    rest instead, 2^-24 of the variance, the least that half precision knows: sigma is 4096, and the clean
    latent in ``x`` is a 4096th of the noise. If the level before it has hardly more signal than that, the
    rest is half of what it has, so that the sigmas rise to the end.
    """
    _check(betas)
    shares = _signal(betas)
    if shares[-1] == 0:
        shares[-1] = min([LEAST_SIGNAL, *(share / 2 for share in shares[-2:-1])])
    return [math.sqrt((1 - share) / share) for share in shares]


def _signal(betas: Sequence[float]) -> list[float]:
    """The share of the latent's variance that is still signal after each link."""
    left, shares = 1.0, list[float]()
    for beta in betas:
        left *= 1 - beta
        shares.append(left)
    return shares


def _check(betas: Sequence[float]) -> None:
    for index, beta in enumerate(betas):
        if not (0 < beta < 1 or (beta == 1 and index == len(betas) - 1)):
            raise ValueError(
                f"beta {index} of {len(betas)} is {beta}: betas lie between 0 and 1, only the last may be 1"
            )
    if not betas:
        raise ValueError("no betas: a schedule needs at least one")

"""Which noise levels a picture passes through: the schedules models are trained with, and walks down them.

A walk is a list of ``Level`` that begins where the noise does and ends at sigma 0: ``steps + 1`` of them, so
that a sampler makes ``steps`` evaluations. Epsilon, v and clean models walk at alpha = 1 over the sigmas that
they were trained at (``SPACINGS``); flow models at alpha = 1 - sigma (``FLOW_SPACINGS``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sfumato.diffusion.protocol import Level

Spacing: TypeAlias = Callable[[int, Sequence[float]], list[Level]]
"""``spacing(steps, sigmas)``: a walk over the ``sigmas`` a model was trained at, given from least to most."""

FlowSpacing: TypeAlias = Callable[[int], list[Level]]
"""``spacing(steps)``: a walk from pure noise, Level(0, 1)."""

END = Level(1.0, 0.0)


# the schedules of training ------------------------------------------------------------------------


def linear_betas(count: int = 1000, first: float = 1e-4, last: float = 0.02) -> list[float]:
    """Variances of the forward chain, evenly spaced; Ho et al. 2020, arXiv:2006.11239, section 4."""
    return _evenly(first, last, count)


def scaled_linear_betas(count: int = 1000, first: float = 0.00085, last: float = 0.012) -> list[float]:
    """Variances whose roots are evenly spaced; the defaults are Stable Diffusion's, arXiv:2112.10752."""
    return [root**2 for root in _evenly(math.sqrt(first), math.sqrt(last), count)]


def discrete_sigmas(betas: Sequence[float]) -> list[float]:
    """Sigma at alpha = 1 after each link of the chain, least first: noise over signal, sqrt((1 - a) / a).

    ``a`` is the running product of 1 - beta; Ho et al. 2020, arXiv:2006.11239, eq. 4.
    """
    signal = 1.0
    sigmas: list[float] = []
    for beta in betas:
        signal *= 1 - beta
        sigmas.append(math.sqrt((1 - signal) / signal))
    return sigmas


# walks at alpha = 1 -------------------------------------------------------------------------------


def karras(steps: int, sigmas: Sequence[float], rho: float = 7.0) -> list[Level]:
    """Evenly spaced in sigma^(1/rho) between the ends; Karras et al. 2022, arXiv:2206.00364, eq. 5."""
    _check(steps)
    roots = _evenly(sigmas[-1] ** (1 / rho), sigmas[0] ** (1 / rho), steps)
    return [*(Level(1.0, root**rho) for root in roots), END]


def leading(steps: int, sigmas: Sequence[float]) -> list[Level]:
    """Every n-th trained level from the least one, so never the noisiest; Song et al. 2020, arXiv:2010.02502.

    Their "linear" selection, appendix D.3, with Stable Diffusion's offset of one where there is room for it.
    """
    _check(steps, len(sigmas))
    stride = len(sigmas) // steps
    chosen = (index * stride + min(1, stride - 1) for index in reversed(range(steps)))
    return [*(Level(1.0, sigmas[index]) for index in chosen), END]


def trailing(steps: int, sigmas: Sequence[float]) -> list[Level]:
    """Every n-th trained level from the noisiest one; Lin et al. 2023, arXiv:2305.08891, table 2."""
    _check(steps, len(sigmas))
    chosen = (round(len(sigmas) * left / steps) - 1 for left in range(steps, 0, -1))
    return [*(Level(1.0, sigmas[index]) for index in chosen), END]


# walks at alpha = 1 - sigma -----------------------------------------------------------------------


def flow_uniform(steps: int, shift: float = 1.0) -> list[Level]:
    """Evenly spaced in time; a ``shift`` above 1 stays longer among the noisy levels, as large pictures need.

    Esser et al. 2024, arXiv:2403.03206, eq. 23.
    """
    _check(steps)
    times = [left / steps for left in range(steps, -1, -1)]
    return [Level(1 - sigma, sigma) for sigma in (shift * t / (1 + (shift - 1) * t) for t in times)]


SPACINGS: dict[str, Spacing] = {"karras": karras, "leading": leading, "trailing": trailing}
FLOW_SPACINGS: dict[str, FlowSpacing] = {"uniform": flow_uniform}


def _evenly(first: float, last: float, count: int) -> list[float]:
    """``count`` numbers from first to last, both exactly; the first alone when only one is asked for."""
    return [first + (last - first) * index / max(count - 1, 1) for index in range(count)]


def _check(steps: int, most: int | None = None) -> None:
    if steps < 1:
        raise ValueError(f"{steps} steps draw nothing: ask for at least 1")
    if most is not None and steps > most:
        raise ValueError(f"{steps} steps over {most} trained levels: ask for at most {most}, or use karras")

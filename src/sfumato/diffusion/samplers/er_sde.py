"""ER-SDE-Solver, Cui et al. 2023, arXiv:2309.06169: between ODE and SDE, noise that suits each level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from torch import Tensor

from sfumato.diffusion.choose import choose
from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_noise_scale, check_order
from sfumato.diffusion.samplers.reverse_sde import PLACES, SHARES, Scaled, path_step

Scaling: TypeAlias = Callable[[float], float]
"""The paper's noise scale function over its argument, which is noise over signal and may be infinite."""

SCALINGS: dict[str, Scaling] = {
    "ode": lambda _: 1.0,
    "sde": lambda ratio: ratio,
    "sde_5": lambda ratio: math.exp(min(ratio**0.3, 700.0)) + 10,  # floats end at exp(709)
}


def er_sde(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    order: int = 3,
    scaling: str = "sde_5",
    noise_scale: float = 1.0,
) -> Steps:
    """One evaluation per step: the paper's solvers 1 to 3 by their ``order``, with its best noise, SDE_5.

    The third is of second order, too: it takes the slope of the guess from the last two guesses, which is
    right in the middle between them, and uses it at the newer one. Moved there by half the second derivative
    it would be exact for parabolas, and of second order still: what noise does to the guess within a step it
    does not see, as ``dpmpp_3m_sde``. The coordinate is the paper's, noise over signal, since the integrals
    of the noise scale run over it; pure noise is infinitely far off, and as history counts for nothing.
    """
    check_order("er_sde", order, 1, 3)
    check_noise_scale(noise_scale, noisy=scaling != "ode", without="scaling ode")
    scale, noise = choose(SCALINGS, scaling, "scaling of er_sde"), Scaled(noise, noise_scale)
    guesses: list[tuple[Tensor, float]] = []  # newest first, each with its noise over signal
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        ratio, end = _ratio(here), _ratio(there)
        guesses = [(answer.clean, ratio), *guesses][:order]
        kept = there.sigma * scale(end) / scale(ratio)
        x = path_step(x, answer.clean, here, there, math.sqrt(max(0.0, there.sigma**2 - kept**2)), noise)
        if len(guesses) > 1 and end > 0:
            x = x + there.alpha * _bend(guesses, end, scale)
    return x


def _ratio(level: Level) -> float:
    return level.sigma / level.alpha if level.alpha > 0 else math.inf


def _bend(guesses: list[tuple[Tensor, float]], end: float, scale: Scaling) -> Tensor:
    """What the line or parabola through the guesses adds to a step on which the newest holds still."""
    (clean, ratio), (older, before), *oldest = guesses
    slope = (clean - older) / (ratio - before)
    linear, quadratic = _weights(ratio, end, scale)
    if not oldest:
        return linear * slope
    first, longest = oldest[0]
    second = 2 * (slope - (older - first) / (before - longest)) / (ratio - longest)
    return linear * slope + quadratic * second


def _weights(ratio: float, end: float, scale: Scaling) -> tuple[float, float]:
    """The factors of the guess's first and second derivative, in the paper's Taylor expansion.

    Its integrals of dr / phi(r) and (r - ratio) dr / phi(r) are taken over log r, by Gauss's points.
    """
    span, phi = math.log(ratio / end), end * scale(end)
    linear, quadratic = end - ratio, (end - ratio) ** 2 / 2
    for place, share in zip(PLACES.tolist(), SHARES.tolist(), strict=True):
        r = end * math.exp(span * place)
        linear += phi * span * share / scale(r)
        quadratic += phi * span * share / scale(r) * (r - ratio)
    return linear, quadratic


ER_SDE = Listing(
    sampler=er_sde,
    order=2,
    evaluations=1,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=("ER-SDE", "ER-SDE-Solver", "sample_er_sde"),
    paper="arXiv:2309.06169",
)

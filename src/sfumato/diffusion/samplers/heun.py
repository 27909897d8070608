"""Heun's method with churn, Karras et al. 2022, arXiv:2206.00364, algorithm 2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import follow
from sfumato.diffusion.samplers.exponential import Line, line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_noise_scale
from sfumato.diffusion.samplers.reverse_sde import Scaled
from sfumato.diffusion.samplers.step import steady_step
from sfumato.errors import InputError

MOST = 1000.0  # churn, which grows no further: at most 0.41 times the steps have an effect
ALL = (0.0, math.inf)


def heun(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    churn: float = 0.0,
    between: tuple[float, float] = ALL,
    noise_scale: float = 1.0,
) -> Steps:
    """Second order, two evaluations per step: Euler's step, and the average of the drifts at both its ends.

    With ``churn`` (the paper's S_churn; 40 is much) noise is added before each step that begins at a sigma
    ``between`` two (S_tmin, S_tmax): sigma grows by the share churn / steps, at most 0.41. The noise added is
    ``noise_scale`` times as strong as it should be (S_noise; 1.003 makes up for detail lost).
    The last step, to sigma 0, is Euler's.
    """
    _check(churn, between, levels)
    check_noise_scale(noise_scale, noisy=churn > 0, without="churn 0")
    line = line_through(levels)
    growth = min(churn / max(len(levels) - 1, 1), math.sqrt(2) - 1)
    for level, there in pairwise(levels):
        here = level
        if growth > 0 and between[0] <= level.sigma <= between[1]:
            x, here = _churned(x, level, growth, Scaled(noise, noise_scale), line)
        answer = yield Eval(x, here)
        drift = line.drift(x, answer.clean, here)
        ahead = steady_step(x, answer.clean, here, there)
        if there.sigma > 0:
            answer = yield Eval(ahead, there)
            drift = (drift + line.drift(ahead, answer.clean, there)) / 2
            ahead = follow(x, drift, here, there, line)
        x = ahead
    return x


def _churned(x: Tensor, here: Level, growth: float, noise: Noise, line: Line) -> tuple[Tensor, Level]:
    """The latent with so much more noise, brought back to the line: a flow's signal shrinks for it."""
    added = here.sigma * math.sqrt((1 + growth) ** 2 - 1)
    raised = Level(here.alpha, here.sigma * (1 + growth))
    longer = line.stretch(raised) / line.stretch(here)
    return (x + added * noise(x)) / longer, Level(raised.alpha / longer, raised.sigma / longer)


def _check(churn: float, between: tuple[float, float], levels: Sequence[Level]) -> None:
    lowest, highest = between
    if not 0 <= churn <= MOST:
        raise InputError(f"churn {churn} is no amount of noise: give 0 (none is added) to {MOST}; 40 is much")
    if not 0 <= lowest <= highest:
        raise InputError(f"churn between {lowest} and {highest}: give sigmas of 0 or more, the lower first")
    if between == ALL:
        return
    if churn == 0:
        raise InputError(f"between {lowest} and {highest} has no effect with churn 0: leave it out")
    if not any(lowest <= level.sigma <= highest for level in levels[:-1]):
        raise InputError(f"no step begins at a sigma between {lowest} and {highest}: widen it")


HEUN = Listing(
    sampler=heun,
    order=2,
    evaluations=2,
    random=False,
    euler_below=2,
    steps=(10, 25),
    aliases=("Heun", "sample_heun", "HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"),
    paper="arXiv:2206.00364",
)

"""Exponential integrators' arithmetic: a clock for any line of levels, and averages over one tick of it.

The ODE is linear but for the model's guess, so a step is exact but for an average of the guess on the way
(``steady_step`` is its closed form). What solvers of the DPM family differ in is how they guess this average
from a few values; Lu et al. 2022, arXiv:2206.00927 and arXiv:2211.01095.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from sfumato.diffusion.protocol import Level


class Line(NamedTuple):
    """The straight line ``alpha = 1 - slope * sigma`` on which levels are reckoned; its clock is -log sigma.

    Slope 0 is the line alpha = 1, slope 1 a flow's, and on these ``stretch`` is 1. At alpha = 1 the clock is
    the papers' half log-SNR. On every line alpha / sigma grows by it as exp(time) does, so that their
    averages stay exact, and at a flow's pure noise it is finite, where log-SNR is not. Levels elsewhere are
    carried over along their ray, on which signal and noise shrink alike.
    """

    slope: float

    def stretch(self, level: Level) -> float:
        """How many times longer the level is than the one of this line on the same ray."""
        return level.alpha + self.slope * level.sigma

    def time(self, level: Level) -> float:
        """-log sigma on this line; infinite at sigma 0."""
        return math.log(self.stretch(level) / level.sigma) if level.sigma > 0 else math.inf

    def level(self, time: float) -> Level:
        sigma = math.exp(-time)
        return Level(1 - self.slope * sigma, sigma)

    def drift(self, x: Tensor, clean: Tensor, level: Level) -> Tensor:
        """dx / dsigma on this line: the noise in ``x`` at alpha = 1, a flow's velocity on its line."""
        return (x - self.stretch(level) * clean) / level.sigma

    def clean(self, x: Tensor, drift: Tensor, level: Level) -> Tensor:
        """The clean latent that a drift claims to see: the way back."""
        return (x - level.sigma * drift) / self.stretch(level)


def line_through(levels: Sequence[Level]) -> Line:
    """The line on which the first level lies; a straight walk lies on it whole."""
    first = levels[0]
    return Line((1 - first.alpha) / first.sigma if first.sigma > 0 else 0.0)


def moment(power: int, growth: float) -> float:
    """The mean of ``s**power`` over s from 0 to 1 under a weight that grows like exp(growth * s).

    A step of length h averages clean latents under growth h, drifts under -h: with alpha / sigma, or with
    sigma, as the measure. In the papers' terms, ``power! phi_(power + 1)(-growth) / phi_1(-growth)``.
    """
    return math.factorial(power) * _phi(power + 1, -growth) / _phi(1, -growth)


def _phi(order: int, z: float) -> float:
    """The functions of exponential integrators; arXiv:2206.00927."""
    if abs(z) < 1:  # the recurrence would lose digits
        return sum(z**n / math.factorial(n + order) for n in range(20))
    value = math.expm1(z) / z
    for k in range(1, order):
        value = (value - 1 / math.factorial(k)) / z
    return value


def average(values: Sequence[Tensor], at: Sequence[float], moments: Sequence[float]) -> Tensor:
    """The average over a step of the polynomial through ``values``, which stand at the shares ``at`` of it.

    ``moments`` are those of the powers 0, 1, ...: one for each value.
    """
    powers = np.vander(np.asarray(at), increasing=True).T
    weights: list[float] = np.linalg.solve(powers, np.asarray(moments)).tolist()
    mean = weights[0] * values[0]
    for weight, value in zip(weights[1:], values[1:], strict=True):
        mean = mean + weight * value
    return mean

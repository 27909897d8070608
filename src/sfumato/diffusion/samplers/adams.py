"""Adams' methods: which way a step goes, told from the ways seen at this level and at earlier ones.

The ODE says how the latent changes with sigma on a straight line of levels (``Line.drift``). A polynomial
through the last values is averaged over the step; Bashforth & Adams 1883. What the samplers built on it
differ in is where they take those values to stand, and how they come by the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level
from sfumato.diffusion.samplers.exponential import Line, average
from sfumato.diffusion.samplers.step import steady_step


def adams(drifts: Sequence[Tensor], at: Sequence[float]) -> Tensor:
    """The average over a step of the polynomial through ``drifts``, which stand at shares ``at`` of it."""
    return average(drifts, at, [1 / (power + 1) for power in range(len(drifts))])


def adams_evenly(drifts: Sequence[Tensor]) -> Tensor:
    """The same for values, the newest first, that are taken to be one step apart.

    Two weigh 3 and -1 halves, three 23, -16 and 5 twelfths, four 55, -59, 37 and -9 of 24.
    """
    return adams(drifts, [-float(age) for age in range(len(drifts))])


def follow(x: Tensor, drift: Tensor, here: Level, there: Level, line: Line) -> Tensor:
    """The latent at ``there`` if it goes straight along a drift, whose value may come from elsewhere."""
    return steady_step(x, line.clean(x, drift, here), here, there)

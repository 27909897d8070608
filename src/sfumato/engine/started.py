"""Where on a walk a picture is begun: strength as an exact noise level, and the way that is left from there.

A walk of N steps from pure noise has N + 1 levels. Strength s begins at the place (1 - s) * N of it, which
lies between two levels unless it is whole: SDEdit, Meng et al. 2022, arXiv:2108.01073. At whole places the
levels that are left are those of diffusers' image-to-image.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level

WHOLE = 1e-6  # of a step: 0.7 of 10 steps are 7, whatever floats make of 1 - 0.7


def levels_left(levels: Sequence[Level], strength: float) -> list[Level]:
    """The levels from ``strength`` down: all of them at 1, the last alone at 0."""
    place = (1 - strength) * (len(levels) - 1)
    if abs(place - round(place)) < WHOLE:
        return [*levels[round(place) :]]
    below = math.ceil(place)
    return [_between(levels[below - 1], levels[below], place - (below - 1)), *levels[below:]]


def strength_at(levels: Sequence[Level], level: Level) -> float:
    """The strength that begins at ``level``: the way back of ``levels_left``; 1 above the first level."""
    falling = [-each.sigma for each in levels]
    below = bisect_left(falling, -level.sigma)
    if below == 0:
        return 1.0
    if below == len(levels):
        return 0.0
    place = below - 1 + _share(levels[below - 1], levels[below], level)
    return 1 - place / (len(levels) - 1)


def noised(clean: Tensor, noise: Tensor, level: Level) -> Tensor:
    """The clean latent as it looks at ``level``; pure noise there ignores it."""
    return level.alpha * clean + level.sigma * noise


def _between(here: Level, there: Level, share: float) -> Level:
    """The level this share of the way on: even in log sigma at alpha = 1, in sigma on any other line.

    So the network is told a timestep that lies evenly between its neighbours'. The last step, to sigma 0,
    has no logarithm to go by and is even in sigma.
    """
    if _in_logs(here, there):
        return Level(1.0, here.sigma ** (1 - share) * there.sigma**share)
    return Level(*(one + share * (other - one) for one, other in zip(here, there, strict=True)))


def _share(here: Level, there: Level, level: Level) -> float:
    """How far on from ``here`` to ``there`` a level stands."""
    if _in_logs(here, there):
        return math.log(here.sigma / level.sigma) / math.log(here.sigma / there.sigma)
    return (here.sigma - level.sigma) / (here.sigma - there.sigma)


def _in_logs(here: Level, there: Level) -> bool:
    return here.alpha == there.alpha == 1 and there.sigma > 0

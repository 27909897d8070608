"""One Brownian motion per seed, to be looked at between any two times in any order, and never stored.

Its time is the signal-to-noise ratio (alpha / sigma)**2. That is the clock by which an SDE sampler's noise
gathers: what a step from ``here`` to ``there`` adds at full renewal is ``there.sigma**2 / there.alpha`` times
the path's way between them, whatever other steps lie between. So walks of other steps that look at the same
path approach the same picture.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sfumato.diffusion.protocol import Level
from sfumato.errors import InputError

Values = npt.NDArray[np.float64]

LOWEST, HIGHEST = -40, 60  # octaves of time; the lowest one reaches down to 0
DEPTH = 60  # halvings of an octave: all bits of a time, but for those near 0 in the lowest octave
REMEMBERED = 2  # points: where the last step began and ended


class _Point(NamedTuple):
    """A time on the path: the octave it lies in, and how far the path went from that octave's beginning."""

    octave: int
    way: Values


class Path:
    """The way of a seed's Brownian motion between two levels, scaled to unit variance.

    A tree (Li et al. 2020, arXiv:2001.01328): time is cut into octaves, whose ways are independent; inside
    one, the middle of every stretch is drawn given its ends, down to the last bit of the time that is wanted.
    So any two times are on one path, however near. Every node has its own place in the counter of a Philox
    generator, and nothing needs to be remembered; the last points are, where the next step begins.
    """

    def __init__(self, seed: int) -> None:
        # Fresh noise has the keys below 2**64 (noise.py).
        self._bits = np.random.Philox(key=seed + 2**64)
        self._start = self._bits.state  # with nothing left over from an earlier draw
        self._known: dict[tuple[float, tuple[int, ...]], _Point] = {}

    def __call__(self, like: Tensor, here: Level, there: Level) -> Tensor:
        """Shaped, placed and typed like ``like``. Raises InputError unless ``there`` is less noisy."""
        start, end = _time(here), _time(there)
        if not start < end < 2.0 ** (HIGHEST + 1):
            raise InputError(f"no way from {here} to {there}: noise must grow less, and be more than none")
        shape = tuple(like.shape)
        first, last = self._point(start, shape), self._point(end, shape)
        way = last.way - first.way
        for octave in range(first.octave, last.octave):
            way += math.sqrt(_span(octave)[1]) * self._normal(octave, 0, shape)
        unit = torch.as_tensor(way / math.sqrt(end - start))
        return unit.to(device=like.device, dtype=like.dtype)

    def _point(self, time: float, shape: tuple[int, ...]) -> _Point:
        point = self._known.pop((time, shape), None)
        if point is None:
            octave = max(LOWEST, math.frexp(time)[1] - 1) if time > 0 else LOWEST
            begin, length = _span(octave)
            point = _Point(octave, math.sqrt(length) * self._inside(octave, (time - begin) / length, shape))
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[time, shape] = point
        return point

    def _inside(self, octave: int, share: float, shape: tuple[int, ...]) -> Values:
        """The way from the octave's beginning to ``share``, 0 to 1, of its length, were that 1.

        A node moves the middle of its stretch and, in a straight line, all that lies between the ends.
        """
        way = share * self._normal(octave, 0, shape)
        spread, node = 0.5, 1  # of a middle, given its ends
        for _ in range(DEPTH):
            if share == 0:
                break
            moved = self._normal(octave, node, shape)
            moved *= 2 * spread * min(share, 1 - share)
            way += moved
            share, upper = (2 * share) % 1, share >= 0.5
            spread, node = spread / math.sqrt(2), 2 * node + upper
        return way

    def _normal(self, octave: int, node: int, shape: tuple[int, ...]) -> Values:
        """What the node draws: every 16 bits are one of as many quantiles.

        A point needs some fifty nodes, and numpy's ``standard_normal`` takes four times as long over one.
        """
        self._start["state"]["counter"][:] = (0, node, octave - LOWEST, 0)  # 2**64 blocks to every node
        self._bits.state = self._start
        count = math.prod(shape)
        bits = self._bits.random_raw(-(-count // 4)).astype("<u8", copy=False).view("<u2")
        return _quantiles().take(bits[:count]).reshape(shape)


def _time(level: Level) -> float:
    return math.inf if level.sigma == 0 else (level.alpha / level.sigma) ** 2


def _span(octave: int) -> tuple[float, float]:
    """Where an octave begins, and its length."""
    return (0.0, 2.0 ** (LOWEST + 1)) if octave == LOWEST else (2.0**octave, 2.0**octave)


@cache
def _quantiles() -> Values:
    """Of the standard normal, in the middles of 2**16 equal shares, scaled to a variance of 1.

    They end at 4.3; the fourth moment is 2.999.
    """
    normal = NormalDist()
    upper = np.array([normal.inv_cdf((share + 0.5) / 2**16) for share in range(2**15, 2**16)])
    quantiles = np.concatenate([-upper[::-1], upper])
    return quantiles / math.sqrt(np.square(quantiles).mean())

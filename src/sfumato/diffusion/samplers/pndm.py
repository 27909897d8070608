"""PNDM, Liu et al. 2022, arXiv:2202.09778: a multistep method that Runge and Kutta's sets going."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Denoised, Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.adams import adams_evenly, follow
from sfumato.diffusion.samplers.exponential import Line, line_through
from sfumato.diffusion.samplers.listing import Listing


def pndm(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    middle: Callable[[Level, Level], Level] | None = None,
) -> Steps:
    """One evaluation per step and four in each of the first three, deterministic.

    The weights are those of equal steps, whatever the steps: second order, as the paper proves; fourth where
    a flow's steps are equal. A step to sigma 0 is always one of the cheap ones. Half of a step is half of the
    way in sigma, as it is in a flow's time; the paper's is half of the trained timesteps, of which a sampler
    knows nothing: ``middle`` gives that level where it is wanted.
    """
    halve = middle or _middle
    line = line_through(levels)
    drifts: list[Tensor] = []  # the newest first
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        drifts = [line.drift(x, answer.clean, here), *drifts[:3]]
        if len(drifts) < 4 and there.sigma > 0:
            mean = yield from _runge_kutta(x, drifts[0], (here, halve(here, there), there), line)
        else:
            mean = adams_evenly(drifts)
        x = follow(x, mean, here, there, line)
    return x


def _middle(here: Level, there: Level) -> Level:
    return Level((here.alpha + there.alpha) / 2, (here.sigma + there.sigma) / 2)


def _runge_kutta(
    x: Tensor, first: Tensor, way: tuple[Level, Level, Level], line: Line
) -> Generator[Eval, Denoised, Tensor]:
    """The drift that leads from the way's first level to its last, from that at the first and three more.

    With the middle of sigma for the second it is the classical method, of fourth order.
    """
    here, middle, there = way
    drifts = [first]
    for to in (middle, middle, there):
        at = follow(x, drifts[-1], here, to, line)
        answer = yield Eval(at, to)
        drifts.append(line.drift(at, answer.clean, to))
    return (drifts[0] + 2 * drifts[1] + 2 * drifts[2] + drifts[3]) / 6


PNDM = Listing(
    sampler=pndm,
    order=2,
    evaluations=1,
    warm_up=9,
    random=False,
    euler_below=2,
    steps=(15, 50),
    aliases=("PNDM",),
    paper="arXiv:2202.09778",
)

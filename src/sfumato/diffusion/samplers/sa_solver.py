"""SA-Solver, Xue et al. 2023, arXiv:2309.05019: Adams's predictor and corrector for the reverse SDE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.reverse_sde import drawn_anew, path_step
from sfumato.errors import InputError

STRONGEST = 4.0  # of tau: beyond, the predictor swings past all bounds
ALL = (0.0, math.inf)


class _Past(NamedTuple):
    """The step that led here."""

    clean: Tensor  # the guess at its beginning
    held: Tensor  # where it leads if that guess holds still
    reach: float  # how much a change of the guess on the way counts for
    length: float


def sa_solver(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    tau: float = 1.0,
    between: tuple[float, float] = ALL,
) -> Steps:
    """Second order, one evaluation per step: predictor and corrector of two guesses each.

    The noise has strength ``tau``, 0 to 4, where noise over signal lies ``between`` these ends, and is
    none elsewhere; other samplers' ``eta`` is tau**2. Every guess serves twice: it corrects the step that led
    to where it was asked, with the noise of that step, and predicts the next. The weights of the two guesses
    are the simpler ones of the authors' program: right to the order that counts. There h is
    log-SNR, infinite from pure noise; ours is -log sigma, the same at alpha = 1. As in diffusers, the last
    step, wherever it leads, is predicted from one guess.
    """
    _check(tau, between, levels)
    line = line_through(levels)
    past: _Past | None = None
    for left, (here, there) in zip(range(len(levels) - 1, 0, -1), pairwise(levels), strict=True):
        answer = yield Eval(x, here)
        clean = answer.clean
        if past is not None:
            x = past.held + past.reach * (clean - past.clean)
        eta = tau**2 if between[0] <= _ratio(here) <= between[1] else 0.0
        held = x = path_step(x, clean, here, there, drawn_anew(here, there, eta), noise)
        if there.sigma > 0:
            length = line.time(there) - line.time(here)
            reach = line.stretch(there) * (1 + eta) * length / 2
            if past is not None and left > 1:
                x = held + (reach * length / past.length) * (clean - past.clean)
            past = _Past(clean, held, reach, length)
    return x


def _ratio(level: Level) -> float:
    return level.sigma / level.alpha if level.alpha > 0 else math.inf


def _check(tau: float, between: tuple[float, float], levels: Sequence[Level]) -> None:
    lowest, highest = between
    if not 0 <= tau <= STRONGEST:
        raise InputError(f"tau {tau}: give 0 (no noise), 1 (a Markov chain's), or else up to {STRONGEST}")
    if not 0 <= lowest <= highest:
        raise InputError(f"noise between {lowest} and {highest}: give 0 or more, and the lower end first")
    if between == ALL:
        return
    if tau == 0:
        raise InputError(f"between {lowest} and {highest} has no effect with tau 0: leave it out")
    if not any(lowest <= _ratio(level) <= highest for level in levels[:-1]):
        raise InputError(f"no step begins with a noise over signal between {lowest} and {highest}: widen it")


SA_SOLVER = Listing(
    sampler=sa_solver,
    order=2,
    evaluations=1,
    random=True,
    euler_below=2,
    steps=(15, 40),
    aliases=("SA-Solver", "SASolverScheduler"),
    paper="arXiv:2309.05019",
)

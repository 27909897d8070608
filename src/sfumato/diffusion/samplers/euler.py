"""Euler's method: the simplest sampler there is, and the one to read first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import renoised, steady_step


def euler(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """First order, one evaluation per step, deterministic.

    Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its correction. Euler's step of their equation
    in sigma, and of a flow's in time, is one and the same ``steady_step``.
    """
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        x = renoised(steady_step(x, answer.source, here, there), answer, there)
    return x


EULER = Listing(
    sampler=euler,
    order=1,
    evaluations=1,
    random=False,
    renoises=True,
    steps=(20, 50),
    aliases=("Euler", "sample_euler", "EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler"),
    variants={"EDMEulerScheduler": "levels=karras"},
    paper="arXiv:2206.00364",
)

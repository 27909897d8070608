"""Singlestep solvers of the DPM family: blocks of two or three levels, each block begun afresh."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Steps
from sfumato.diffusion.samplers.exponential import average, line_through, moment
from sfumato.diffusion.samplers.step import steady_step


def singlestep(x: Tensor, levels: Sequence[Level], *, order: int, midpoint: bool, growth: int) -> Steps:
    """The walk's own levels serve as the points inside a step, ``order`` of them to each, 2 or 3.

    Every further point starts again from the block's first level, with a better average of the values that
    the block has seen. ``growth`` 1 averages clean latents, -1 drifts.
    """
    line = line_through(levels)
    for block in _blocks(levels, order):
        first, start = block[0], x
        times = [line.time(level) for level in block]
        values: list[Tensor] = []
        for here, there in pairwise(block):
            answer = yield Eval(x, here)
            values.append(answer.clean if growth > 0 else line.drift(x, answer.clean, here))
            step = line.time(there) - times[0]
            at = [(time - times[0]) / step for time in times[: len(values)]]  # shares of the step
            mean = _mean(values, at, growth * step, midpoint)
            x = steady_step(start, mean if growth > 0 else line.clean(start, mean, first), first, there)
    return x


def _blocks(levels: Sequence[Level], order: int) -> list[Sequence[Level]]:
    """``order`` steps each, what is left over in the last; the step to sigma 0 stands alone."""
    end = len(levels) - 1
    last = end - 1 if levels[end].sigma == 0 else end
    cuts = [*range(0, last, order), last, end]
    return [levels[left : right + 1] for left, right in pairwise(cuts) if left < right]


def _mean(values: list[Tensor], at: list[float], growth: float, midpoint: bool) -> Tensor:
    """The average over the step of the polynomial through all values.

    Or by ``midpoint``, the line through the first value and the last: two are averaged in the middle of the
    step, and of three, the last stands near 2/3 of it, where the bend adds nothing.
    """
    if len(values) == 1:
        return values[0]
    if midpoint:
        tilt = 0.5 if len(values) == 2 else moment(1, growth)
        return values[0] + (tilt / at[-1]) * (values[-1] - values[0])
    return average(values, at, [moment(power, growth) for power in range(len(values))])

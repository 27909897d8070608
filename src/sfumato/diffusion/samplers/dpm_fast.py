"""DPM-Solver-fast, Lu et al. 2022, arXiv:2206.00927: third-order steps, evenly spread."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.leap import leap
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.step import steady_step


def dpm_fast(x: Tensor, levels: Sequence[Level], noise: Noise) -> Steps:
    """As many evaluations as the walk has steps, but at levels of its own, evenly spread in log sigma.

    Of the walk it takes the first level and the last before sigma 0, and spends what evaluations there are
    on steps of third order, with one of second or first at the end; k-diffusion's ``sample_dpm_fast``.
    Whence the order, 2: the last step is of the first, and three times as long as the walk's.
    """
    line = line_through(levels)
    to_zero = levels[-1].sigma == 0
    last = levels[-2 if to_zero else -1] if len(levels) > 1 else levels[0]
    orders = _orders(len(levels) - 1 - to_zero)
    begin, end = line.time(levels[0]), line.time(last)
    here = levels[0]
    for number, order in enumerate(orders, start=1):
        there = line.level(begin + (end - begin) * number / len(orders)) if number < len(orders) else last
        answer = yield Eval(x, here)
        *_, x = yield from leap(x, answer.clean, here, there, order=order, line=line)
        here = there
    if to_zero:
        answer = yield Eval(x, here)
        x = steady_step(x, answer.clean, here, levels[-1])
    return x


def _orders(evaluations: int) -> list[int]:
    """Of the steps: they add up to the evaluations."""
    thirds, rest = divmod(evaluations, 3)
    if rest:
        return [3] * thirds + [rest]
    return [3] * (thirds - 1) + [2, 1] if thirds else []


DPM_FAST = Listing(
    sampler=dpm_fast,
    order=2,
    evaluations=1,
    random=False,
    fewest=2,
    own_levels=True,
    euler_below=3,
    steps=(15, 40),
    aliases=("DPM fast", "sample_dpm_fast"),
    paper="arXiv:2206.00927",
)

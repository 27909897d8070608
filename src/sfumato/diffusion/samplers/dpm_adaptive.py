"""DPM-Solver-12 and 23, Lu et al. 2022, arXiv:2206.00927: steps as long as their error allows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.leap import leap
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_order
from sfumato.diffusion.samplers.step import steady_step
from sfumato.errors import InputError

FIRST, NEAR = 0.05, 1e-5  # the first step's length, and how near the end is there, in log sigma
MOST = 1000  # steps that are tried before it gives up
ACCEPTED = 0.81  # a step is made again if the next one had to be shorter than this share of it


def dpm_adaptive(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
) -> Steps:
    """Goes from the first level to the last before sigma 0 in steps of its own, however many the walk has.

    A step of ``order``, 2 or 3, costs as many evaluations, one less when it is made again. Its error is told
    from where one order less leads, and is to stay below ``atol`` or the share ``rtol`` of the latent:
    k-diffusion's ``sample_dpm_adaptive``. Raises InputError when no step is short enough.
    """
    check_order("dpm_adaptive", order, 2, 3)
    if not 0 <= rtol <= 1 or not 0 < atol <= 1:
        raise InputError(f"rtol {rtol}, atol {atol}: give an rtol of 0 to 1, an atol of more than 0, to 1")
    line = line_through(levels)
    to_zero = levels[-1].sigma == 0
    last = levels[-2 if to_zero else -1] if len(levels) > 1 else levels[0]
    here, length, older, tried = levels[0], FIRST, x, 0
    clean: Tensor | None = None
    while (rest := line.time(last) - line.time(here)) > NEAR:
        there = line.level(line.time(here) + length) if length < rest - NEAR else last
        if clean is None:
            answer = yield Eval(x, here)
            clean = answer.clean
        low, high = yield from leap(x, clean, here, there, order=order, line=line)
        error = _error(low, high, older, rtol, atol)
        tried += 1
        if not (error < math.inf and length > NEAR**2) or tried > MOST:
            raise InputError(f"{tried} steps do not keep to rtol {rtol}, atol {atol}: allow a greater error")
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / order) - 1)
        length *= factor
        if factor >= ACCEPTED:
            x, older, here, clean = high, low, there, None
    if to_zero:
        answer = yield Eval(x, here)
        x = steady_step(x, answer.clean, here, levels[-1])
    return x


def _error(low: Tensor, high: Tensor, older: Tensor, rtol: float, atol: float) -> float:
    """The root mean square of the difference, in units of what is tolerated."""
    tolerated = (rtol * torch.maximum(low.abs(), older.abs())).clamp(min=atol)
    return ((low - high) / tolerated).square().mean().sqrt().item()


DPM_ADAPTIVE = Listing(
    sampler=dpm_adaptive,
    order=3,
    evaluations=3,
    random=False,
    fewest=2,
    own_levels=True,
    adaptive=True,
    euler_below=2,
    steps=(10, 30),
    aliases=("DPM adaptive", "sample_dpm_adaptive", "k_dpm_ad"),
    paper="arXiv:2206.00927",
)

"""UniPC, Zhao et al. 2023, arXiv:2302.04867: a multistep predictor that the next question corrects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.choose import choose
from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import average, line_through, moment
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_order
from sfumato.diffusion.samplers.step import steady_step


def unipc(x: Tensor, levels: Sequence[Level], noise: Noise, *, order: int = 2, variant: str = "bh2") -> Steps:
    """UniPC-``order``, 1 to 3, for clean latents: one evaluation per step, deterministic.

    A step averages the polynomial through the last guesses. When the model has been asked where it led, the
    step is made again with that guess among them, and the next one begins there. At the
    end of the walk the order falls to 1, as in diffusers.

    ``variant`` is the paper's B(h), ``bh1`` or ``bh2``. It cancels out wherever the weights are solved for,
    and is seen only where a single weight is set to 1/2 instead.
    """
    check_order("unipc", order, 1, 3)
    half = choose(VARIANTS, variant, "variant of unipc")
    line = line_through(levels)
    guesses: list[Tensor] = []  # that this step looks at, the newest first
    times: list[float] = []
    before, start = levels[0], x  # where the last step began
    for left, (here, there) in zip(range(len(levels) - 1, 0, -1), pairwise(levels), strict=True):
        answer = yield Eval(x, here)
        guesses, times = [answer.clean, *guesses], [line.time(here), *times]
        if len(guesses) > 1:  # the last step again
            mean = _mean(guesses, times, times[1], times[0], half)
            x = steady_step(start, mean, before, here)
        guesses, times = guesses[: min(order, left)], times[: min(order, left)]
        before, start = here, x
        x = steady_step(x, _mean(guesses, times, times[0], line.time(there), half), here, there)
    return x


def _mean(
    guesses: list[Tensor], times: list[float], begin: float, end: float, half: Callable[[float], float]
) -> Tensor:
    """The average over a step of the polynomial through the guesses; of two, by the simplified weight."""
    if len(guesses) == 1:
        return guesses[0]
    step = end - begin
    moments = [moment(power, step) for power in range(len(guesses))]
    if len(guesses) == 2:
        moments[1] = half(step)
    return average(guesses, [(time - begin) / step for time in times], moments)


def _bh1(step: float) -> float:
    return step / -math.expm1(-step) / 2


def _bh2(step: float) -> float:
    return 0.5


VARIANTS: dict[str, Callable[[float], float]] = {"bh1": _bh1, "bh2": _bh2}


UNIPC = Listing(
    sampler=unipc,
    order=2,
    evaluations=1,
    random=False,
    euler_below=3,
    steps=(10, 30),
    aliases=("UniPC", "UniPCMultistepScheduler"),
    variants={"uni_pc_bh1": "variant=bh1", "uni_pc_bh2": "variant=bh2"},
    paper="arXiv:2302.04867",
)

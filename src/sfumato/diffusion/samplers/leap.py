"""One step of DPM-Solver with inner points of its own, for samplers that choose their own levels."""

from __future__ import annotations

from collections.abc import Generator

from torch import Tensor

from sfumato.diffusion.protocol import Denoised, Eval, Level
from sfumato.diffusion.samplers.exponential import Line, moment
from sfumato.diffusion.samplers.step import steady_step


def leap(
    x: Tensor, clean: Tensor, here: Level, there: Level, *, order: int, line: Line
) -> Generator[Eval, Denoised, list[Tensor]]:
    """The latent at ``there`` by the order before ``order`` and by ``order``, 1 to 3; by 1 alone for 1.

    ``clean`` is what was seen behind ``x``; ``order - 1`` further questions, a half or thirds of the way.
    Lu et al. 2022, arXiv:2206.00927: DPM-Solver-2 and 3, and their embedded pairs.
    """
    begin, step = line.time(here), line.time(there) - line.time(here)
    first = line.drift(x, clean, here)

    def led(mean: Tensor, to: Level) -> Tensor:
        return steady_step(x, line.clean(x, mean, here), here, to)

    def seen(mean: Tensor, share: float) -> Generator[Eval, Denoised, Tensor]:
        """How much the drift has changed where ``mean`` leads in a share of the step."""
        inside = line.level(begin + share * step)
        at = led(mean, inside)
        answer = yield Eval(at, inside)
        return line.drift(at, answer.clean, inside) - first

    means = [first]
    if order > 1:
        change = yield from seen(first, 1 / order)
        means.append(first + (order / 2) * change)
        if order == 3:
            change = yield from seen(first + 2 * moment(1, -2 / 3 * step) * change, 2 / 3)
            means.append(first + 1.5 * moment(1, -step) * change)
    return [led(mean, there) for mean in means[-2:]]

"""TCD, Zheng et al. 2024, arXiv:2402.19159: sampling for models distilled along their trajectories."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_share
from sfumato.diffusion.samplers.step import renewing_step


def tcd(
    x: Tensor,
    levels: Sequence[Level],
    noise: Noise,
    *,
    eta: float = 0.3,
    below: Callable[[Level], Level] | None = None,
) -> Steps:
    """Steps down past the next level, to (1 - ``eta``) of its time, and climbs back with noise; algorithm 4.

    The paper's gamma is ``eta``, diffusers' name: at 0 this is ``ddim``, at 1 ``lcm``. Between, with an
    ordinary model, each step carries an error of its own, however many there are. Time is sigma / (alpha +
    sigma), a flow's own; ``below`` gives the level under the next one where a model counts otherwise. The two
    moves are one: of the noise at the next level, what the lower one holds is kept, and the rest is drawn
    afresh.
    """
    check_share("eta", eta)
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        kept = _kept(there, eta) if below is None else there.alpha * below(there).sigma / below(there).alpha
        fresh = math.sqrt(max(0.0, there.sigma**2 - kept**2))
        x = renewing_step(x, answer.clean, here, there, fresh, noise)
    return x


def _kept(there: Level, eta: float) -> float:
    """There, the noise of the level at (1 - eta) of its time, once its signal is as strong as there."""
    return (1 - eta) * there.sigma * (there.alpha / (there.alpha + eta * there.sigma))


TCD = Listing(
    sampler=tcd,
    order=0,
    evaluations=1,
    random=True,
    steps=(2, 8),
    aliases=("TCD", "TCDScheduler"),
    paper="arXiv:2402.19159",
)

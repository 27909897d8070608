"""DPM-Solver++ (SDE), k-diffusion's ``sample_dpmpp_sde``: two looks per step, the first half-way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.exponential import line_through
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_noise_scale, check_share
from sfumato.diffusion.samplers.reverse_sde import Scaled, path_step
from sfumato.diffusion.samplers.step import renewed


def dpmpp_sde(
    x: Tensor, levels: Sequence[Level], noise: Noise, *, eta: float = 1.0, noise_scale: float = 1.0
) -> Steps:
    """Second order, two evaluations per step: the whole step follows the guess from its middle.

    The DPM-Solver++(2S) of Lu et al. 2022, arXiv:2211.01095, with r = 1/2, where each of the two moves draws
    the share ``eta`` of a Markov chain's noise anew. Both look at one Brownian path: the second move knows
    the noise of the first, without which the variance would be right to first order only. The middle is that
    of -log sigma, the paper's log-SNR at alpha = 1.
    """
    check_share("eta", eta)
    check_noise_scale(noise_scale, noisy=eta > 0, without="eta 0")
    line, noise = line_through(levels), Scaled(noise, noise_scale)
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        clean = answer.clean
        if there.sigma > 0:
            middle = line.level((line.time(here) + line.time(there)) / 2)
            look = path_step(x, clean, here, middle, eta * renewed(here, middle), noise)
            answer = yield Eval(look, middle)
            clean = answer.clean
        x = path_step(x, clean, here, there, eta * renewed(here, there), noise)
    return x


DPMPP_SDE = Listing(
    sampler=dpmpp_sde,
    order=2,
    evaluations=2,
    random=True,
    euler_below=2,
    steps=(10, 25),
    aliases=("DPM++ SDE", "sample_dpmpp_sde", "DPMSolverSDEScheduler"),
    paper="arXiv:2211.01095",
)

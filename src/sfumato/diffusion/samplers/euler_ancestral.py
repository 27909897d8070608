"""Euler with fresh noise: k-diffusion's "Euler a", whose pictures go on changing as steps are added."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sfumato.diffusion.protocol import Eval, Level, Noise, Steps
from sfumato.diffusion.samplers.listing import Listing
from sfumato.diffusion.samplers.options import check_share
from sfumato.diffusion.samplers.step import renewed, renewing_step, renoised


def euler_ancestral(x: Tensor, levels: Sequence[Level], noise: Noise, *, eta: float = 1.0) -> Steps:
    """Euler with the share ``eta``, 0 to 1, of a Markov chain's new noise drawn at every step.

    The generalised step of Song et al. 2020, arXiv:2010.02502, eq. 12 and 16, at its noisy end.
    """
    check_share("eta", eta)
    for here, there in pairwise(levels):
        answer = yield Eval(x, here)
        x = renewing_step(x, answer.source, here, there, eta * renewed(here, there), noise)
        x = renoised(x, answer, there)
    return x


EULER_ANCESTRAL = Listing(
    sampler=euler_ancestral,
    order=1,
    evaluations=1,
    random=True,
    renoises=True,
    euler_below=2,
    steps=(20, 50),
    aliases=(
        "Euler a",
        "Euler ancestral",
        "sample_euler_ancestral",
        "EulerAncestralDiscreteScheduler",
        "LTXEulerAncestralRFScheduler",
    ),
    paper="arXiv:2010.02502",
)

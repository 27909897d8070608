"""DDIM, Song et al. 2020, arXiv:2010.02502: the paper that let a model skip most of its thousand steps."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sfumato.diffusion.protocol import Level, Noise, Steps
from sfumato.diffusion.samplers.euler_ancestral import euler_ancestral
from sfumato.diffusion.samplers.listing import Listing


def ddim(x: Tensor, levels: Sequence[Level], noise: Noise, *, eta: float = 0.0) -> Steps:
    """Deterministic at ``eta`` 0, where it is Euler's method; the Markov chain of DDPM at 1; eq. 12 and 16.

    The same family of steps as ``euler_ancestral``, entered at the other end.
    """
    return euler_ancestral(x, levels, noise, eta=eta)


DDIM = Listing(
    sampler=ddim,
    order=1,
    evaluations=1,
    random=False,
    renoises=True,
    steps=(20, 50),
    aliases=("DDIM", "DDIMScheduler", "DDIMParallelScheduler"),
    paper="arXiv:2010.02502",
)

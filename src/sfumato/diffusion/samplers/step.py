"""The moves samplers are made of, on any line of levels: one keeps the noise, one renews part of it.

A third, `renoised`, is for guides that tell the noise from another clean latent than the one they lead to.
"""

from __future__ import annotations

import math

from torch import Tensor

from sfumato.diffusion.protocol import Denoised, Level, Noise


def steady_step(x: Tensor, clean: Tensor, here: Level, there: Level) -> Tensor:
    """From one level to the next while ``clean`` holds still and the noise in ``x`` is only turned down.

    Song et al. 2020, arXiv:2010.02502, eq. 12 with their sigma = 0, the noise written out as
    ``(x - here.alpha * clean) / here.sigma``. Exact when the model's guess does not change on the way.
    """
    keep = there.sigma / here.sigma
    return keep * x + (there.alpha - keep * here.alpha) * clean


def renewed(here: Level, there: Level) -> float:
    """The standard deviation of the noise at ``there`` that a Markov chain from ``here`` draws afresh.

    Of ``there.sigma`` it leaves what the forward chain carried on to ``here``. Ho et al. 2020,
    arXiv:2006.11239, eq. 7 (the posterior's variance), for levels on any line.
    """
    carried = (there.sigma * here.alpha) / (there.alpha * here.sigma)  # of noise to signal, at most 1
    return there.sigma * math.sqrt(max(0.0, 1 - carried**2))


def renewing_step(x: Tensor, clean: Tensor, here: Level, there: Level, fresh: float, noise: Noise) -> Tensor:
    """``steady_step`` with ``fresh``, at most ``there.sigma``, of the noise at ``there`` drawn anew."""
    kept = math.sqrt(max(0.0, there.sigma**2 - fresh**2))
    x = steady_step(x, clean, here, Level(there.alpha, kept))
    return x + fresh * noise(x) if fresh > 0 else x


def renoised(x: Tensor, answer: Denoised, there: Level) -> Tensor:
    """``x`` at ``there``, reached by steps towards ``answer.source``, with ``answer.clean`` put in its place.

    The noise stays as it was read: CFG++, Chung et al. 2024, arXiv:2406.08070. Without
    ``noise_from`` the two are one, and so is ``x``.
    """
    return x if answer.noise_from is None else x + there.alpha * (answer.clean - answer.noise_from)

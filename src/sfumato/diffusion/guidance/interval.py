"""Guidance in a limited interval, Kynkäänniemi et al. 2024, arXiv:2404.07724.

Not early, where it only narrows the choice, nor late, where it does nothing but cost.
"""

from __future__ import annotations

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.scale import progress
from sfumato.diffusion.protocol import Eval, Guide, Guiding


def interval(inside: Guide, outside: Guide, *, start: float = 0.0, stop: float = 1.0) -> Guide:
    """``inside`` from ``start`` up to ``stop``, shares of the walk's ``progress``; elsewhere ``outside``.

    The paper's limits are noise levels at alpha = 1: ``share_of`` turns them into shares. With
    ``plain`` outside, a step costs one row there.
    """
    check_interval(start, stop)

    def guide(question: Eval) -> Guiding:
        within = start <= progress(question.level) < stop
        return (yield from (inside if within else outside)(question))

    return guide


def share_of(sigma: float) -> float:
    """The progress at which the noise is ``sigma`` times the signal: where a level at alpha = 1 stands.

    The paper's interval for Stable Diffusion XL, sigma 5.42 down to 0.28, is 0.16 to 0.78.
    """
    return 1 / (1 + sigma)


def check_interval(start: float, stop: float) -> None:
    """Raise ValueError unless 0 <= start < stop <= 1."""
    if not 0 <= start < stop <= 1:
        raise ValueError(
            f"guidance from {start} to {stop} of the walk: 0 is its beginning, 1 its end, start before stop"
        )


INTERVAL = Listing(
    maker=interval,
    rows=0,
    mixes=False,
    contrasts=False,
    wraps=True,
    scale=None,
    aliases=("Limited interval guidance",),
    paper="arXiv:2404.07724",
)

"""What a walk begins with, where that is not what its model was trained to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.diffusion.protocol import Level

ROUNDED = 0.02  # published tables of sigmas are rounded


def beginning_note(levels: Sequence[Level], own: Sequence[Level]) -> list[str]:
    """A line if the first level is not that of ``own``, the walk that the model takes when left to itself.

    At less noise a latent should already hold the picture dimly; a picture that is drawn from nothing has
    only noise to offer.
    """
    first, trained = levels[0].sigma, own[0].sigma
    if abs(first - trained) <= ROUNDED * trained and levels[0].alpha == own[0].alpha:
        return []
    begins = f"the walk begins from pure noise scaled to {first:.4g}, and the model's own at {trained:.4g}"
    if first < trained:
        missing = f"at {first:.4g} it expects to see the picture already, of which there is nothing yet"
        return [f"{begins}: {missing}; begin at {trained:.4g}"]
    return [f"{begins}: it never saw so much noise; begin at {trained:.4g}"]

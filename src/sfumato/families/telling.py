"""How a family makes one conditioning of what its text towers read."""

from __future__ import annotations

from sfumato.diffusion.protocol import Conditioning
from sfumato.families.stable import Told


def last_words(told: Told) -> Conditioning:
    """The vectors of one tower, one for each token: Stable Diffusion 1 and 2."""
    (read,) = told.reads
    return Conditioning(read.hidden)

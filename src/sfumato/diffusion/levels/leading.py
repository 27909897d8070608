"""Leading: every n-th trained level, counted from the least; Song et al. 2020, arXiv:2010.02502."""

from __future__ import annotations

from collections.abc import Sequence

from sfumato.diffusion.levels.listing import Listing
from sfumato.diffusion.levels.walk import check_steps, down
from sfumato.diffusion.protocol import Level
from sfumato.errors import InputError


def leading(steps: int, sigmas: Sequence[float], *, offset: int | None = None) -> list[Level]:
    """Every n-th trained level from the least one, so never the noisiest; 2305.08891 shows the harm.

    The paper's "linear" selection. ``offset`` is the first level's number: by default 1, as
    Stable Diffusion has it, where there is room for it.
    """
    check_steps(steps, len(sigmas))
    stride = len(sigmas) // steps
    room = len(sigmas) - 1 - (steps - 1) * stride
    first = min(1, room) if offset is None else offset
    if first not in range(room + 1):
        raise InputError(
            f"offset {offset} is no number from 0 to {room}: {steps} of {len(sigmas)} levels leave that room"
        )
    return down(sigmas[index * stride + int(first)] for index in reversed(range(steps)))


LEADING = Listing(
    trained=leading,
    noisiest=False,
    aliases=(),
    paper="arXiv:2010.02502",
)

"""Which pictures a model can draw: both sides in multiples of a number, within bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sfumato.errors import InputError

MUCH = 2.25
"""Times as many pixels as it learned on: beyond, a model repeats itself, and takes long to do it."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes are (width, height) in pixels. Raises ValueError if ``native`` itself could not be drawn."""

    native: tuple[int, int]
    multiple: int
    smallest: int
    largest: int

    def __post_init__(self) -> None:
        if self.smallest < 1:
            raise ValueError(f"smallest {self.smallest} has no pixels")
        if not self.draws(self.native):
            raise ValueError(
                f"native {self.native} is not in multiples of {self.multiple} "
                f"from {self.smallest} to {self.largest}"
            )

    @property
    def sides(self) -> range:
        """The lengths that a side of a picture may have."""
        least = -(-self.smallest // self.multiple) * self.multiple
        return range(least, self.largest + 1, self.multiple)

    def draws(self, size: tuple[int, int]) -> bool:
        """Whether a picture of ``size`` can be drawn."""
        return all(side in self.sides for side in size)

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        """A size that can be drawn, shaped like ``size``: itself unless it is far beyond ``native``.

        What has more than ``MUCH`` times as many pixels as ``native`` is brought to as many.
        """
        pixels, usual = size[0] * size[1], self.native[0] * self.native[1]
        scale = math.sqrt(usual / pixels) if pixels > MUCH * usual else 1.0
        least = self.sides[0]
        scale = max(scale, least / min(size))
        wanted = [side * scale for side in size]
        nearest = [min(self.sides, key=lambda side: (abs(side - want), side)) for want in wanted]
        return nearest[0], nearest[1]

    def check(self, size: tuple[int, int]) -> None:
        """Raise InputError, naming sizes nearby, unless both sides are allowed."""
        if self.draws(size):
            return
        step, least, most = self.multiple, self.sides[0], self.sides[-1]
        down = [min(max(side // step * step, least), most) for side in size]
        up = [min(max(-(-side // step) * step, least), most) for side in size]
        near = dict.fromkeys(f"{width}x{height}" for width, height in (down, up))
        raise InputError(
            f"size {size[0]}x{size[1]} cannot be drawn: both sides must be multiples of {step} "
            f"from {least} to {most}; try {' or '.join(near)}"
        )

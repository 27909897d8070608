"""What the engine, the painter and the jobs need of a model, whatever its family.

A family is one file that holds all that is true of it and of no other: its networks, how it reads words, its
noise levels and the scale of its latents. See world.py for the embedded one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from torch import Tensor

from sfumato.adapters.closet import Closet
from sfumato.adapters.controls import Controls
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Call, Conditioning, Level
from sfumato.families.sizes import Sizes


@dataclass(frozen=True)
class Encoded:
    """A text as the network reads it, one line for all of it that was not read, the learned words in it."""

    conditioning: Conditioning
    notes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


FILLS, EDITS = 5, 4
"""Channels beside the latent: a hole's mask and the picture around it, or a whole picture."""

Worn: TypeAlias = tuple[tuple[str, float, float], ...]
"""Adapters by the names under which the model holds them, each with its weights for picture and for words."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A text and all that decides how it is read. ``text`` may hold weights: "a (red:1.2) cat"."""

    text: str
    weighting: str = "a1111"  # a convention in text/weighting
    clip_skip: int | None = (
        None  # 1: the last layer of the text tower, 2: the one before; None: the model's own
    )
    adapters: Worn = ()
    size: tuple[int, int] | None = (
        None  # (width, height) of the picture to come, which SDXL is told; None: native
    )
    unwanted: bool = False  # a negative prompt, which the SDXL refiner is told another aesthetic score for
    framing: tuple[int, int, int, int] | None = (
        None  # as in ``Request``: the original's sides, the crop's corner
    )
    handoff: float | None = None  # the share of the walk after which a refiner goes on; None: the model's own


class Model(Protocol):
    """A family's networks behind one face. Sizes are (width, height) in pixels; all answers are float32.

    ``denoise`` is handed calls of one shape, with one and the same ``extras``, all of its network or all of
    its weaker one, and must compute row k from call k alone; the engine decides which calls share a forward.
    What a call tells and the network would not read is an error.
    """

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for everything that people should know of how its checkpoint was understood."""
        ...

    @property
    def prediction(self) -> Prediction:
        """What its network's output means."""
        ...

    @property
    def native(self) -> tuple[int, int]: ...

    @property
    def sizes(self) -> Sizes:
        """Which pictures it can draw."""
        ...

    @property
    def closet(self) -> Closet:
        """The adapters and learned words that hang beside it."""
        ...

    @property
    def controls(self) -> Controls:
        """The controls and readers of reference pictures that stand beside its U-Net."""
        ...

    @property
    def channels_beside(self) -> int:
        """How many channels its network sees beside the latent: ``FILLS``, ``EDITS``, or 0."""
        ...

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise InputError, naming the nearest size that can be drawn, unless ``size`` can."""
        ...

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size that a picture of ``size`` is brought to where nobody says another: it can be drawn."""
        ...

    def blank(self, size: tuple[int, int]) -> Tensor:
        """Zeros in the shape (1, C, h, w), dtype and device of the latent of a picture of ``size``."""
        ...

    def levels(self, steps: int, spacing: str | None) -> Sequence[Level]:
        """``steps + 1`` levels from pure noise to sigma 0; ``spacing`` None is the model's own."""
        ...

    def check_wording(self, wording: Wording) -> None:
        """Raise InputError for what ``encode`` would refuse of it, nothing read."""
        ...

    def encode(self, wordings: Sequence[Wording]) -> list[Encoded]:
        """Read every text on its own. Raises InputError for what would have no effect."""
        ...

    def lane(self, call: Call) -> Hashable:
        """Calls of equal shape and equal lanes may share a forward: other lanes are other networks."""
        ...

    def denoise(self, calls: Sequence[Call]) -> list[Tensor]:
        """The clean latent (1, C, h, w) that the network sees behind each call's ``x``."""
        ...

    def look(self, picture: Tensor) -> Tensor:
        """The latent (1, C, h, w) that stands for a picture (1, 3, H, W) in 0..1."""
        ...

    def beside(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        """What a network that continues pictures sees beside the latent: ``Conditioning.beside``.

        ``picture`` is (1, 3, H, W) in 0..1; ``mask`` (1, 1, H, W), above 0.5 where it is to be painted anew.
        Raises InputError for networks that see no picture, or no mask, or want one.
        """
        ...

    def decode(self, latent: Tensor) -> Tensor:
        """The picture (1, 3, H, W), within 0..1, of one latent (1, C, h, w)."""
        ...

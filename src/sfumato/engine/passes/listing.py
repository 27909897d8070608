"""What a pass is: a second go over a finished picture, planned before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from torch import Tensor

from sfumato.diffusion.protocol import Noise
from sfumato.engine.continuing import Pictures
from sfumato.engine.painting import Painting, Redrawing, Watch
from sfumato.engine.question import Question
from sfumato.engine.walk import Walk
from sfumato.families.model import Model
from sfumato.request import Request

Decoding: TypeAlias = Callable[[Tensor], Generator[Question, Any, Tensor]]
"""Asks for the picture (1, 3, H, W) of a latent (1, C, h, w)."""


class SoFar(NamedTuple):
    """What is drawn so far: a latent (1, C, h, w), or a picture (1, 3, H, W) that was brought."""

    latent: Tensor | None
    picture: Tensor | None
    decoding: Decoding

    def seen(self) -> Generator[Question, Any, Tensor]:
        """It as a picture."""
        if self.picture is not None:
            return self.picture
        assert self.latent is not None  # noqa: S101
        return (yield from self.decoding(self.latent))


class Going(NamedTuple):
    """What a pass is planned from: a request with the pass's own steps, for a picture of ``size``."""

    request: Request
    model: Model
    pictures: Pictures
    size: tuple[int, int]


class Again(Protocol):
    """A pass that is ready to go: pictures of ``size`` come of it."""

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def walk(self) -> Walk: ...

    @property
    def painting(self) -> Painting:
        """What is wished for in it, or in one of its parts."""
        ...

    def redrawn(self, so_far: SoFar, noise: Noise, watch: Watch) -> Redrawing:
        """The latent of the picture gone over again."""
        ...


class Pass(Protocol):
    """A pass as a request names it, its options bound."""

    @property
    def steps(self) -> int | None:
        """Of the whole walk, of which its strength leaves the last part; None: as many as the request's."""
        ...

    def planned(self, going: Going) -> Again:
        """Raises InputError for sizes, strengths and steps that cannot be had."""
        ...


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One pass on the shelf; the maker's first parameter is the factor by which sides grow."""

    maker: Callable[..., Pass]
    gives: str  # in a line
    paper: str

"""A second pass at higher resolution: the picture is enlarged, and gone on from.

A model that draws its own size well repeats itself at larger ones. So the small picture settles what is
where, and image-to-image fills the large one in: "highres fix" elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.diffusion.protocol import Noise
from sfumato.engine.at_size import at_size
from sfumato.engine.painting import Painting, Redrawing, Watch, painting_asked
from sfumato.engine.passes.listing import Going, Listing, SoFar
from sfumato.engine.passes.sizes import check_pass, grown, walk_of
from sfumato.engine.question import Embed, Question
from sfumato.engine.resizing import FILTERS, resized
from sfumato.engine.started import noised
from sfumato.engine.walk import Walk
from sfumato.errors import InputError

LATENT = "latent"


@dataclass(frozen=True, kw_only=True)
class Hires:
    """Options of the pass: see ``hires``."""

    factor: float
    strength: float
    steps: int | None
    by: str

    def planned(self, going: Going) -> Redraw:
        size = grown(going.size, self.factor)
        going.model.check_size(size)
        walk = walk_of("hires", going, self.strength)
        request, pictures = at_size(going.request, going.pictures, size)
        painting = painting_asked(request, going.model, pictures=pictures, size=size, walk=walk)
        return Redraw(painting=painting, by=self.by)


@dataclass(frozen=True, kw_only=True, eq=False)
class Redraw:
    """The pass over one picture."""

    painting: Painting
    by: str

    @property
    def size(self) -> tuple[int, int]:
        return self.painting.size

    @property
    def walk(self) -> Walk:
        return self.painting.walk

    def redrawn(self, so_far: SoFar, noise: Noise, watch: Watch) -> Redrawing:
        clean = yield from self._enlarged(so_far)
        asked = yield from self.painting.asked()
        x = noised(clean, noise(clean), self.walk.levels[0])
        latent = yield from self.painting.walked(x, watch(asked.guide, self.walk), noise)
        return latent, asked

    def _enlarged(self, so_far: SoFar) -> Generator[Question, Any, Tensor]:
        """The latent of the picture at the new size."""
        if self.by == LATENT and so_far.latent is not None:
            places = self.painting.model.blank(self.size).shape[2:]
            return interpolate(so_far.latent, size=places, mode="bicubic", align_corners=False)
        picture = yield from so_far.seen()
        way = "lanczos" if self.by == LATENT else self.by
        (latent,) = yield [Embed(resized(picture, self.size, by=way))]
        return latent


def hires(factor: float, *, strength: float = 0.5, steps: int | None = None, by: str = "lanczos") -> Hires:
    """The picture ``factor`` times as large, redrawn from ``strength``.

    It is enlarged as a picture, ``by`` lanczos, bicubic, bilinear or nearest, or as a latent, which that
    blurs, so that it wants a strength above 0.5. Raises InputError.
    """
    check_pass("hires", factor, strength, steps)
    if by not in (*FILTERS, LATENT):
        raise InputError(f"pass hires cannot enlarge by {by!r}: there are {', '.join((*FILTERS, LATENT))}")
    return Hires(factor=factor, strength=strength, steps=steps, by=by)


HIRES = Listing(
    maker=hires,
    gives="the picture enlarged and redrawn in one piece, at a size that the model can draw",
    paper="arXiv:2108.01073",
)

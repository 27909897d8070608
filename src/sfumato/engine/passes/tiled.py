"""Refinement tile by tile: of pictures of any size, with a model of any size.

All tiles go in lock-step: one sampler walks the whole latent, and where tiles overlap their answers are
mixed at every step (``diffusion/guidance/tiled.py``), so that no seam is ever there to be hidden.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sfumato.diffusion.guidance.tiled import Tile, joined
from sfumato.diffusion.guidance.tiled import tiled as by_tiles
from sfumato.diffusion.protocol import Noise
from sfumato.engine.at_size import Part, at_size, of_part
from sfumato.engine.canvas import Box, cut
from sfumato.engine.guides import Asked
from sfumato.engine.painting import Painting, Redrawing, Watch, painting_asked
from sfumato.engine.passes.listing import Going, Listing, SoFar
from sfumato.engine.passes.sizes import check_pass, grown, walk_of
from sfumato.engine.question import Embed, Encode, Question
from sfumato.engine.resizing import resized
from sfumato.engine.staged import asking_once
from sfumato.engine.started import noised
from sfumato.engine.walk import Walk
from sfumato.errors import InputError
from sfumato.families.latents import Tiles, spans
from sfumato.families.model import Model

MOST = 1024  # tiles


@dataclass(frozen=True, kw_only=True)
class Tiled:
    """Options of the pass: see ``tiled``."""

    factor: float
    strength: float
    steps: int | None
    tile: int | None
    overlap: int | None

    def planned(self, going: Going) -> Redraw:
        size = grown(going.size, self.factor)
        shrink = _shrink(going.model)
        if any(side % shrink for side in size):
            near = "x".join(str(max(round(side / shrink), 1) * shrink) for side in size)
            raise InputError(
                f"pass tiled would make {size[0]}x{size[1]}, and sides must be multiples of {shrink}: "
                f"{near} is near; take another size or factor"
            )
        sides = self._sides(going.model, size)
        tiles = _tiles(size, sides, self._overlap(sides), shrink)
        walk = walk_of("tiled", going, self.strength)
        whole = at_size(going.request, going.pictures, size)
        paintings: list[Painting] = []
        for each in tiles:
            part = Part(size, _box(each, shrink), sides)
            request, pictures = of_part(*whole, going.model, part)
            paintings.append(painting_asked(request, going.model, pictures=pictures, size=sides, walk=walk))
        return Redraw(size=size, shrink=shrink, tiles=tiles, paintings=paintings)

    def _sides(self, model: Model, size: tuple[int, int]) -> tuple[int, int]:
        """The (width, height) of a tile, never more than the picture's."""
        wished = model.native if self.tile is None else (self.tile, self.tile)
        sides = min(wished[0], size[0]), min(wished[1], size[1])
        try:
            model.check_size(sides)
        except InputError as error:
            raise InputError(f"tiles of pass tiled: {error}") from error
        return sides

    def _overlap(self, sides: tuple[int, int]) -> int:
        overlap = min(sides) // 4 if self.overlap is None else self.overlap
        if not 0 <= overlap < min(sides):
            raise InputError(
                f"tiles of {sides[0]}x{sides[1]} cannot overlap by {overlap}: 0 to {min(sides) - 1}, a "
                "quarter of a tile is usual"
            )
        return overlap


@dataclass(frozen=True, kw_only=True, eq=False)
class Redraw:
    """The pass over one picture of ``size``; each tile has a painting of its own."""

    size: tuple[int, int]
    shrink: int
    tiles: Sequence[Tile]
    paintings: Sequence[Painting]

    @property
    def painting(self) -> Painting:
        return self.paintings[0]

    @property
    def walk(self) -> Walk:
        return self.painting.walk

    def redrawn(self, so_far: SoFar, noise: Noise, watch: Watch) -> Redrawing:
        picture = yield from so_far.seen()
        clean = yield from self._embedded(resized(picture, self.size))
        known: dict[Encode, object] = {}
        found: list[Asked] = []
        for painting in self.paintings:
            asked = yield from asking_once(painting.asked(), known)  # pyright: ignore
            found.append(asked)
        guide = by_tiles(self.tiles, [asked.guide for asked in found])
        x = noised(clean, noise(clean), self.walk.levels[0])
        latent = yield from self.painting.walked(x, watch(guide, self.walk), noise)
        notes = dict.fromkeys(note for asked in found for note in asked.notes)
        words = dict.fromkeys(word for asked in found for word in asked.words)
        return latent, found[0]._replace(guide=guide, notes=tuple(notes), words=tuple(words))

    def _embedded(self, picture: Tensor) -> Generator[Question, Any, Tensor]:
        """The latent of a large picture, by tiles: an encoder's memory grows with what it sees."""
        parts: list[Tensor] = []
        for tile in self.tiles:
            parts += yield [Embed(cut(picture, _box(tile, self.shrink)))]
        return joined(self.tiles, parts, self.painting.model.blank(self.size))


def _box(tile: Tile, shrink: int) -> Box:
    """A tile in pixels."""
    return Box(*(shrink * place for place in (tile.left, tile.top, tile.right, tile.bottom)))


def _shrink(model: Model) -> int:
    """Pixels of a side for each place of a latent."""
    return model.native[0] // model.blank(model.native).shape[3]


def _tiles(size: tuple[int, int], sides: tuple[int, int], overlap: int, shrink: int) -> list[Tile]:
    """Tiles of (width, height) ``sides`` that cover a picture of ``size``; all in pixels."""
    across, down = (
        spans(whole // shrink, Tiles(side // shrink, overlap // shrink, 0), 1)
        for whole, side in zip(size, sides, strict=True)
    )
    if len(across) * len(down) > MOST:
        raise InputError(
            f"pass tiled would draw {len(across) * len(down)} tiles at every step: {MOST} at most; take "
            "larger tiles, or a smaller factor"
        )
    return [
        Tile(left, top, right, bottom, (below[:, None] * beside)[None, None])
        for top, bottom, below in down
        for left, right, beside in across
    ]


def tiled(
    factor: float,
    *,
    strength: float = 0.35,
    steps: int | None = None,
    tile: int | None = None,
    overlap: int | None = None,
) -> Tiled:
    """The picture ``factor`` times as large, redrawn from ``strength`` in tiles that fade into each other.

    ``tile`` is the side of one in pixels, None the model's own size; ``overlap`` is how many pixels
    neighbours share at least, None a quarter of it. Every tile is told the whole sentence, so at much
    strength every one of them draws all of it: stay below 0.5. Raises InputError.
    """
    check_pass("tiled", factor, strength, steps)
    return Tiled(factor=factor, strength=strength, steps=steps, tile=tile, overlap=overlap)


TILED = Listing(
    maker=tiled,
    gives="the picture enlarged and refined in overlapping tiles, at any size",
    paper="arXiv:2302.08113",
)

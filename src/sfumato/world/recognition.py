"""What a picture of the world shows, without being told what it should: things, places, colours, style.

Analysis by synthesis: `stylometry.py` finds the background and the style, `matching.py` proposes which
sprites may stand where, and here each proposal is painted, in the style and before the background that were
found, and compared with the picture. `verifier.py` then compares what was seen with what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import InputError
from sfumato.world.colours import COLOURS
from sfumato.world.matching import Candidate, Templates, foreground
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.stylometry import FINE, SIDE, Backdrop, Backdrops, shrunk

_CHOICES = 5  # sprites that are painted for one place
_CLOSE = 0.1  # a sprite whose silhouette fits worse than the best by more than this is not painted
_BODY = 0.3  # pixels of a silhouette weaker than this are its rim
_TINTS: tuple[str | None, ...] = (None, *COLOURS)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing in a picture. ``overlap`` is how well its silhouette fits, 0 to 1.

    ``mismatch`` is its mean distance from the sprite painted in each tint; None is its natural colours.
    """

    sprite: str
    place: Place
    overlap: float
    mismatch: dict[str | None, float]

    @property
    def tint(self) -> str | None:
        """The nearest tint; None is the sprite's natural colours."""
        return min(_TINTS, key=lambda tint: self.mismatch[tint])


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """What was seen in a picture; ``unexplained`` is the share of it that is neither thing nor background."""

    things: tuple[Seen, ...]
    backdrop: Backdrop
    unexplained: float


class Recognizer:
    """Says what pictures show, of a world that has only the named sprites."""

    def __init__(self, names: Sequence[str], device: torch.device | str = "cpu") -> None:
        self.names = tuple(names)
        self.device = torch.device(device)
        self._renderer = Renderer(names, FINE, device)
        self._backdrops = Backdrops(device)
        self._templates: dict[str, Templates] = {}

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> list[Sighting]:
        """Look at pictures (B, 3, S, S), values 0 to 1. Raises InputError for any other shape."""
        if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.shape[2] != pictures.shape[3]:
            raise InputError(f"pictures are (B, 3, S, S), not {tuple(pictures.shape)}")
        fine = shrunk(pictures.to(self.device, torch.float32), FINE)
        return [self._sighting(picture) for picture in fine]

    def _sighting(self, picture: Tensor) -> Sighting:
        backdrop = self._backdrops(picture)
        templates = self._of_style(backdrop.style)
        small = shrunk(picture[None], SIDE)
        (seen,) = foreground(small, backdrop.pixels)
        things: list[Seen] = []
        left = seen
        for choices in templates.candidates(seen, _CHOICES):
            thing = self._closer(small[0], choices, backdrop)
            things.append(thing)
            footprint = templates.footprint(
                Candidate(sprite=thing.sprite, place=thing.place, overlap=thing.overlap)
            )
            left = left * ~footprint
        return Sighting(
            things=tuple(things), backdrop=backdrop, unexplained=float((left > 0.5).float().mean())
        )

    def _of_style(self, style: str) -> Templates:
        """The templates of a style, made when it is first met."""
        if style not in self._templates:
            self._templates[style] = Templates(self.names, style, self._renderer, self._backdrops)
        return self._templates[style]

    def _closer(self, picture: Tensor, choices: list[Candidate], backdrop: Backdrop) -> Seen:
        """Paint the candidates for one place, and keep the one that is most like the picture."""
        first = choices[0]
        near = [choice for choice in choices if choice.overlap > first.overlap - _CLOSE]
        mismatch = self._mismatches(picture, [(first, tint) for tint in _TINTS], backdrop)
        tints = dict(zip(_TINTS, mismatch, strict=True))
        if len(near) == 1:
            return Seen(sprite=first.sprite, place=first.place, overlap=first.overlap, mismatch=tints)
        tint = min(_TINTS, key=lambda tint: tints[tint])
        tried = [(choice, each) for choice in near for each in dict.fromkeys((None, tint))]
        gaps = self._mismatches(picture, tried, backdrop, whole=True)
        best = min(zip(gaps, tried, strict=True), key=lambda pair: pair[0] - pair[1][0].overlap)[1][0]
        if best is not first:
            mismatch = self._mismatches(picture, [(best, each) for each in _TINTS], backdrop)
            tints = dict(zip(_TINTS, mismatch, strict=True))
        return Seen(sprite=best.sprite, place=best.place, overlap=best.overlap, mismatch=tints)

    def _mismatches(
        self,
        picture: Tensor,
        proposals: Sequence[tuple[Candidate, str | None]],
        backdrop: Backdrop,
        *,
        whole: bool = False,
    ) -> list[float]:
        """How far each proposal, painted, is from the picture: over its silhouette, or the ``whole`` tile."""
        scenes = [
            Scene(
                things=(Thing(sprite=choice.sprite, colour=tint, places=(choice.place,)),),
                background=backdrop.background,
                style=backdrop.style,
            )
            for choice, tint in proposals
        ]
        painted = shrunk(self._renderer(scenes), SIDE)  # (n, 3, SIDE, SIDE)
        gaps = (painted - picture).abs().mean(1)
        if whole:
            where = _tile(proposals[0][0].place, gaps).expand_as(gaps)
        else:
            where = (foreground(painted, backdrop.pixels).amax(0) > _BODY).float().expand_as(gaps)
        means = (gaps * where).sum((1, 2)) / where.sum((1, 2)).clamp(min=1)
        return [float(mean) for mean in means]


def _tile(place: Place, like: Tensor) -> Tensor:
    """1 in the square around a place, with a little room (SIDE, SIDE)."""
    line = (torch.arange(SIDE, device=like.device) + 0.5) / SIDE
    reach = place.extent * 0.55
    inside = ((line[:, None] - place.y).abs() < reach) & ((line[None] - place.x).abs() < reach)
    return inside.to(like.dtype)

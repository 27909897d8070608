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
from torch.nn.functional import interpolate

from sfumato.errors import InputError
from sfumato.world.colours import COLOURS
from sfumato.world.matching import Candidate, Templates, foreground
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.stylometry import FINE, SIDE, Backdrop, Backdrops, in_blocks, look, shrunk

_CHOICES = 10  # sprites that are painted for one place
_CLOSE = 0.15  # a sprite whose silhouette fits worse than the best by more than this is not painted
_TRUST = 4.0  # how much a painted candidate's distance counts, beside its silhouette's overlap
_GENEROUS = 0.12  # the second search prefers few large things to many small ones
_CERTAIN = 0.93  # where all things overlap so well, there is no second search
_UNSEEN = 1.1  # how much worse pixel art explains a picture without its raster
_PRICE = 0.003  # what one thing more must explain: the mean change of the picture's look
_IMAGINED = 1.15  # doubt from which a thing is none: painting it makes it worse
_BODY = 0.3  # pixels of a silhouette weaker than this are its rim
_TINTS: tuple[str | None, ...] = (None, *COLOURS)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing in a picture. ``overlap`` is how well its silhouette fits, 0 to 1.

    ``mismatch`` is its mean distance from the sprite painted in each tint, None being its natural colours;
    ``contrast`` is that from the bare background.
    """

    sprite: str
    place: Place
    overlap: float
    mismatch: dict[str | None, float]
    contrast: float

    @property
    def tint(self) -> str | None:
        """The nearest tint; None is the sprite's natural colours."""
        return min(self.mismatch, key=lambda tint: self.mismatch[tint])

    @property
    def word(self) -> str:
        """The nearest colour word."""
        return min(COLOURS, key=lambda word: self.mismatch[word])

    @property
    def doubt(self) -> float:
        """What is left of the difference to the bare background when the thing is painted: 1 is all."""
        return self.mismatch[self.tint] / max(self.contrast, 1e-6)


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
        """The things before each likely backdrop, sought in two ways: the sighting that explains most."""
        small = shrunk(picture[None], SIDE)
        options = [(self._sighted(small, backdrop, 0.0), backdrop) for backdrop in self._backdrops(picture)]
        careful, backdrop = options[0]
        if len(options) > 1:
            careful, backdrop = min(options, key=lambda option: self._residue(picture, option[0]))
        if _certain(careful):
            return careful
        generous = self._sighted(small, backdrop, _GENEROUS)
        return min(careful, generous, key=lambda sighting: self._residue(picture, sighting))

    def _residue(self, picture: Tensor, sighting: Sighting) -> float:
        """How much the look of a picture (3, FINE, FINE) differs from that of the scene seen in it.

        Each thing that is needed to explain it costs something, and so does a style that does not show.
        """
        painted = self._renderer([_painted(sighting)])
        small = shrunk(painted, SIDE)
        drift = _drifted(small, sighting.backdrop) - small
        residue = (look(painted + interpolate(drift, size=(FINE, FINE))) - look(picture[None])).abs().mean()
        unseen = sighting.backdrop.style == "pixel art" and not in_blocks(picture)
        return float(residue) * (_UNSEEN if unseen else 1) + _PRICE * len(sighting.things)

    def _sighted(self, picture: Tensor, backdrop: Backdrop, generosity: float) -> Sighting:
        """Everything in a picture (1, 3, SIDE, SIDE) that has this backdrop."""
        templates = self._of_style(backdrop.style)
        (seen,) = foreground(picture, backdrop.pixels)
        places = templates.candidates(seen, _CHOICES, generosity)
        first = [ranked[0] for ranked in places]
        things = self._seen(picture, first, backdrop)
        best = self._closer(picture, places, [thing.word for thing in things], backdrop)
        if best != first:
            things = self._seen(picture, best, backdrop)
        left = seen
        kept: list[Seen] = []
        for choice, thing in zip(best, things, strict=True):
            if thing.doubt < _IMAGINED:
                left = left * ~templates.footprint(choice)
                kept.append(thing)
        return Sighting(things=tuple(kept), backdrop=backdrop, unexplained=float((left > 0.5).float().mean()))

    def _of_style(self, style: str) -> Templates:
        """The templates of a style, made when it is first met."""
        if style not in self._templates:
            self._templates[style] = Templates(self.names, style, self._renderer, self._backdrops)
        return self._templates[style]

    def _seen(self, picture: Tensor, choices: Sequence[Candidate], backdrop: Backdrop) -> list[Seen]:
        """Measure each thing over its silhouette: how far it is from itself in each tint."""
        if not choices:
            return []
        painted = self._paint([[(choice, tint) for choice in choices] for tint in _TINTS], backdrop)
        bare = backdrop.pixels[None]
        gaps = (torch.cat([painted, bare]) - picture).abs().mean(1)  # (tints + 1, SIDE, SIDE)
        bodies = (foreground(painted, backdrop.pixels).amax(0) > _BODY).float()
        things: list[Seen] = []
        for choice in choices:
            where = bodies * _tile(choice.place, gaps)
            *means, contrast = map(float, (gaps * where).sum((1, 2)) / where.sum().clamp(min=1))
            things.append(
                Seen(
                    sprite=choice.sprite,
                    place=choice.place,
                    overlap=choice.overlap,
                    mismatch=dict(zip(_TINTS, means, strict=True)),
                    contrast=contrast,
                )
            )
        return things

    def _closer(
        self,
        picture: Tensor,
        places: Sequence[Sequence[Candidate]],
        words: Sequence[str],
        backdrop: Backdrop,
    ) -> list[Candidate]:
        """For each place the candidate that, painted in its word or untinted, is most like the picture."""
        near = [
            [choice for choice in ranked if choice.overlap > ranked[0].overlap - _CLOSE] for ranked in places
        ]
        rounds = max(map(len, near), default=0)
        if rounds < 2:
            return [ranked[0] for ranked in places]
        proposals = [
            [(ranked[min(turn, len(ranked) - 1)], tint) for ranked, tint in zip(near, palette, strict=True)]
            for turn in range(rounds)
            for palette in (words, [None] * len(words))
        ]
        painted = self._paint(proposals, backdrop)
        gaps = torch.stack([(painted - moved).abs().mean(1) for moved in _moved(picture)])
        best: list[Candidate] = []
        for index, ranked in enumerate(near):
            where = _tile(ranked[0].place, picture)
            means = (gaps * where).sum((2, 3)).amin(0) / where.sum()
            costs = [
                _TRUST * float(mean) - proposal[index][0].overlap
                for mean, proposal in zip(means, proposals, strict=True)
            ]
            best.append(proposals[costs.index(min(costs))][index][0])
        return best

    def _paint(
        self, proposals: Sequence[Sequence[tuple[Candidate, str | None]]], backdrop: Backdrop
    ) -> Tensor:
        """Paint pictures (n, 3, SIDE, SIDE), each with its own candidates and their tints."""
        scenes = [
            Scene(
                things=tuple(
                    Thing(sprite=choice.sprite, colour=tint, places=(choice.place,))
                    for choice, tint in proposal
                ),
                background=backdrop.background,
                style=backdrop.style,
            )
            for proposal in proposals
        ]
        return _drifted(shrunk(self._renderer(scenes), SIDE), backdrop)


def _drifted(painted: Tensor, backdrop: Backdrop) -> Tensor:
    """Pictures (n, 3, SIDE, SIDE) before the known background, put before the backdrop of this picture."""
    clear = 1 - foreground(painted, backdrop.pixels - backdrop.drift)
    return painted + clear[:, None] * backdrop.drift


def _moved(pictures: Tensor) -> list[Tensor]:
    """The pictures (..., H, W) where they are, and a pixel off in the eight directions."""
    return [torch.roll(pictures, (down, right), (-2, -1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]


def _certain(sighting: Sighting) -> bool:
    """Whether there is nothing that a second search might explain better."""
    return bool(sighting.things) and all(seen.overlap >= _CERTAIN for seen in sighting.things)


def _painted(sighting: Sighting) -> Scene:
    """The scene that was seen."""
    things = [Thing(sprite=seen.sprite, colour=seen.tint, places=(seen.place,)) for seen in sighting.things]
    return Scene(things=tuple(things), background=sighting.backdrop.background, style=sighting.backdrop.style)


def _tile(place: Place, like: Tensor) -> Tensor:
    """1 in the square around a place, with a little room (SIDE, SIDE)."""
    line = (torch.arange(SIDE, device=like.device) + 0.5) / SIDE
    reach = place.extent * 0.55
    inside = ((line[:, None] - place.y).abs() < reach) & ((line[None] - place.x).abs() < reach)
    return inside.to(like.dtype)

"""Where in a picture which things stand: silhouettes of all known things, slid over what is not background.

A template is the soft silhouette of a sprite as its style paints it: strong where a thing differs from what
is behind it. Its overlap with the picture's own foreground (the Dice coefficient) is computed for all places
at once by Fourier transforms, at half the picture's resolution. Colours do not enter. Each place is claimed
by the sprite that fits it best; `recognition.py` then looks closer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.stylometry import SIDE, Backdrops, shrunk

EXTENTS = (18, 20, 22, 24, 26, 28, 32, 36, 40, 44, 48, 54)
"""In pixels of a picture of ``SIDE``: from a quarter of it to nearly all, in steps of a tenth."""
_FRAME = SIDE + SIDE // 8  # room around the picture, so that what leaves it does not come in opposite
_FAINT = 0.12  # a change of colour of this size counts half
_LEAST = 0.55  # overlap below which nothing is there
_BESIDE = 5  # pixels: candidates for one place lie this near to each other
_MOST = 8  # things in one picture
_SHOWN = (("lavender", None), ("dark blue", "orange"))  # what templates are made from: background, colour


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A sprite that may stand at a place, and how well its silhouette fits there, 0 to 1."""

    sprite: str
    place: Place
    overlap: float


def foreground(pictures: Tensor, backdrop: Tensor) -> Tensor:
    """How clearly each pixel of pictures (B, 3, H, W) differs from the backdrop (3, H, W): (B, H, W), 0 to 1.

    A pixel that lies between the backdrop's neighbouring ones does not: its edges may be a pixel off.
    """
    highest = max_pool2d(backdrop[None], 3, stride=1, padding=1)
    lowest = -max_pool2d(-backdrop[None], 3, stride=1, padding=1)
    change = torch.maximum(pictures - highest, lowest - pictures).amax(1).clamp(min=0)
    return (change / (change + _FAINT) * (1 + _FAINT)).clamp(0, 1)


class Templates:
    """The silhouettes of all sprites at all extents, as one style paints them."""

    def __init__(self, names: Sequence[str], style: str, renderer: Renderer, backdrops: Backdrops) -> None:
        self.names = tuple(names)
        masks = torch.cat([_silhouettes(names, style, extent, renderer, backdrops) for extent in EXTENTS])
        windows = max_pool2d((masks > 0.15).float()[None], 5, stride=1, padding=2)[0]
        self.footprints = windows > 0  # (T, SIDE, SIDE), around the middle
        self.masks = masks
        self._masks = _transformed(masks)
        self._windows = _transformed(windows)
        self._energy = masks.square().sum((1, 2))[:, None, None]
        self._lightest = 0.5 * float(self._energy.min())
        self._inside = _inside(len(names), masks.device)

    def overlaps(self, seen: Tensor) -> Tensor:
        """Each template's Dice coefficient with ``seen`` (SIDE, SIDE), at every centre: (T, SIDE, SIDE)."""
        shared = _signal(_spectrum(seen) * self._masks)
        there = _signal(_spectrum(seen.square()) * self._windows)
        return 2 * shared / (there + self._energy) * self._inside

    def candidates(self, seen: Tensor, choices: int, generosity: float) -> list[list[Candidate]]:
        """For each place that something claims, the best fitting sprites, best first.

        With more ``generosity``, an exponent of the extent, large things win over small ones that fit better.
        """
        sides = torch.tensor(EXTENTS, device=seen.device)
        weights = (sides / EXTENTS[-1]).pow(generosity)[:, None, None, None]  # (extents, 1, 1, 1)
        places: list[list[Candidate]] = []
        left = seen
        while float(left.square().sum()) > self._lightest and len(places) < _MOST:
            claimed = self._claimed(left, choices, weights)
            if not claimed:
                break
            places.extend(claimed)
            for ranked in claimed:
                left = left * ~self.footprint(ranked[0])
        return places

    def _claimed(self, seen: Tensor, choices: int, weights: Tensor) -> list[list[Candidate]]:
        """The places whose claims do not touch: one pass. What lies behind or beside them needs another."""
        overlaps = self.overlaps(seen).view(len(EXTENTS), -1, SIDE, SIDE)  # (extents, names, SIDE, SIDE)
        weighted = overlaps * weights
        best = weighted.amax(1)  # (extents, SIDE, SIDE)
        places: list[list[Candidate]] = []
        left = seen
        while len(places) < _MOST:
            extent, y, x = _position(best)
            if float(best[extent, y, x]) < _LEAST * float(weights[extent]):
                break
            ranked = self._ranked(weighted, weights, x, y, choices)
            if self._overlap(left, ranked[0]) < 0.8 * ranked[0].overlap:
                break
            places.append(ranked)
            left = left * ~self.footprint(ranked[0])
            best = best * _elsewhere(ranked[0].place, best)
        return places

    def _overlap(self, seen: Tensor, candidate: Candidate) -> float:
        """The Dice coefficient of one candidate, where it stands, with ``seen`` (SIDE, SIDE)."""
        row, shift = self._row(candidate), _shift(candidate.place)
        mask, window = _shifted(self.masks[row], shift), _shifted(self.footprints[row], shift)
        there = (seen.square() * window).sum() + self._energy[row, 0, 0]
        return float(2 * (seen * mask).sum() / there)

    def footprint(self, candidate: Candidate) -> Tensor:
        """What the candidate covers, its shadow and a little room around it included (SIDE, SIDE)."""
        return _shifted(self.footprints[self._row(candidate)], _shift(candidate.place))

    def _row(self, candidate: Candidate) -> int:
        extent = EXTENTS.index(round(candidate.place.extent * SIDE))
        return extent * len(self.names) + self.names.index(candidate.sprite)

    def _ranked(self, weighted: Tensor, weights: Tensor, x: int, y: int, choices: int) -> list[Candidate]:
        top, left = max(0, y - _BESIDE), max(0, x - _BESIDE)
        near = weighted[:, :, top : y + _BESIDE + 1, left : x + _BESIDE + 1]
        _, order = near.amax((0, 2, 3)).topk(min(choices, len(self.names)))
        ranked: list[Candidate] = []
        for index in map(int, order):
            extent, down, right = _position(near[:, index])
            value = float(near[extent, index, down, right] / weights[extent])
            share = EXTENTS[extent] / SIDE
            place = Place((left + right) / SIDE, (top + down) / SIDE, share)
            ranked.append(Candidate(sprite=self.names[index], place=place, overlap=value))
        return ranked


def _silhouettes(
    names: Sequence[str], style: str, extent: int, renderer: Renderer, backdrops: Backdrops
) -> Tensor:
    """The foreground of each sprite alone in the middle (N, SIDE, SIDE), the mean of two showings."""
    middle = (Place(0.5, 0.5, extent / SIDE),)
    shown: list[Tensor] = []
    for name, colour in _SHOWN:
        scenes = [
            Scene(things=(Thing(sprite=sprite, colour=colour, places=middle),), background=name, style=style)
            for sprite in names
        ]
        parts = [renderer(scenes[start : start + 16]) for start in range(0, len(scenes), 16)]
        pictures = shrunk(torch.cat(parts), SIDE)
        shown.append(foreground(pictures, backdrops.pixels(style, name)) * _nearby(extent, pictures))
    return torch.stack(shown).mean(0)


def _nearby(extent: int, like: Tensor) -> Tensor:
    """1 where a thing in the middle, its shadow and its glow can be (SIDE, SIDE)."""
    away = (torch.arange(SIDE, device=like.device) + 0.5 - SIDE / 2).abs()
    inside = away < extent / 2 + 4
    return (inside[:, None] & inside[None]).float()


def _transformed(templates: Tensor) -> Tensor:
    """The transform that correlates with templates (T, SIDE, SIDE) about their middle."""
    middle = (SIDE // 2, SIDE // 2)
    line = torch.arange(_FRAME // 2 + 1, device=templates.device)
    rows = torch.arange(_FRAME, device=templates.device)
    turns = (rows[:, None] * middle[0] + line[None] * middle[1]) * (2 * torch.pi / _FRAME)
    return _spectrum(templates).conj() * torch.polar(torch.ones_like(turns), -turns)


def _spectrum(maps: Tensor) -> Tensor:
    """The Fourier transform of maps (..., SIDE, SIDE), with the frame's room below and to the right."""
    edge = _FRAME - SIDE
    return cast("Tensor", torch.fft.rfft2(pad(maps, [0, edge, 0, edge])))  # pyright: ignore[reportUnknownMemberType]


def _signal(spectra: Tensor) -> Tensor:
    """The maps (..., SIDE, SIDE) of which these are the transforms."""
    maps = cast("Tensor", torch.fft.irfft2(spectra, s=(_FRAME, _FRAME)))  # pyright: ignore[reportUnknownMemberType]
    return maps[..., :SIDE, :SIDE]


def _inside(count: int, device: torch.device) -> Tensor:
    """1 at the centres where a thing lies in the picture, but for a few pixels (T, SIDE, SIDE)."""
    line = torch.arange(SIDE, device=device)
    masks: list[Tensor] = []
    for extent in EXTENTS:
        least = extent // 2 - max(2, extent // 10)
        fits = (line >= least) & (line <= SIDE - least)
        masks.append((fits[:, None] & fits[None]).float())
    return torch.stack(masks).repeat_interleave(count, 0)


def _position(values: Tensor) -> tuple[int, int, int]:
    """The indices of the largest of values (A, B, C)."""
    flat = int(values.flatten().argmax())
    return flat // values[0].numel(), flat % values[0].numel() // values.shape[2], flat % values.shape[2]


def _elsewhere(claimed: Place, like: Tensor) -> Tensor:
    """1 where a thing of each extent would leave the claimed place alone (extents, SIDE, SIDE)."""
    line = torch.arange(SIDE, device=like.device, dtype=like.dtype)
    sides = torch.tensor(EXTENTS, device=like.device, dtype=like.dtype)[:, None]

    def shared(centre: float) -> Tensor:
        reach = (sides + claimed.extent * SIDE) / 2 - (line[None] - centre * SIDE).abs()
        return torch.minimum(reach.clamp(min=0), sides.clamp(max=claimed.extent * SIDE))  # (extents, SIDE)

    smaller = sides.clamp(max=claimed.extent * SIDE).square()[:, None]
    common = shared(claimed.y)[:, :, None] * shared(claimed.x)[:, None, :] / smaller
    return (common < 0.35).to(like.dtype)


def _shift(place: Place) -> tuple[int, int]:
    """How far a place lies below and to the right of the middle, in pixels of ``SIDE``."""
    return round(place.y * SIDE) - SIDE // 2, round(place.x * SIDE) - SIDE // 2


def _shifted(mask: Tensor, shift: tuple[int, int]) -> Tensor:
    """The mask (SIDE, SIDE) moved down and to the right; what leaves the picture is gone."""
    room = SIDE
    down, right = shift
    wide = pad(mask, [room] * 4)
    return wide[room - down : room - down + SIDE, room - right : room - right + SIDE]

"""A scene as pixels: tint, turn, scale, a soft shadow, composite, style; batched, on any device.

The artwork is tinted and shrunk once, into a pyramid of tiles; a batch of scenes is then one background each
and one `grid_sample` per layer of things. A picture does not depend on the others in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate, pad

from sfumato.world.artwork import artwork
from sfumato.world.backgrounds import background
from sfumato.world.colours import COLOURS, tint_all
from sfumato.world.scenes import Place, Scene
from sfumato.world.styles import STYLES

MARGIN = 0.125
"""Room around the artwork inside a tile, as a share of it: the shadow falls there."""
SHADOW = 0.28
"""The share of light that the middle of a shadow takes away."""


class _Paste(NamedTuple):
    """One tile to be pasted on the picture ``row``; ``tint`` and ``sprite`` find it in the pyramid."""

    row: int
    tint: int
    sprite: int
    place: Place


class Renderer:
    """Renders scenes of the named sprites as square pictures of ``size`` pixels."""

    def __init__(self, sprites: Sequence[str], size: int, device: torch.device | str = "cpu") -> None:
        self.size = size
        self.device = torch.device(device)
        self._sprite = {name: index for index, name in enumerate(sprites)}
        self._tint = {None: 0} | {colour: index + 1 for index, colour in enumerate(COLOURS)}
        self._pyramid = _pyramid(sprites, size, self.device)
        self._backgrounds: dict[str, Tensor] = {}

    def __call__(self, scenes: Sequence[Scene]) -> Tensor:
        """Return the pictures (B, 3, size, size), values 0 to 1. Things stand before those named earlier."""
        canvas = self._background(scenes)
        layers = [[(thing, place) for thing in scene.things for place in thing.places] for scene in scenes]
        for depth in range(max(map(len, layers))):
            rows = [row for row, layer in enumerate(layers) if len(layer) > depth]
            levels: dict[int, list[_Paste]] = {}
            for row in rows:
                thing, place = layers[row][depth]
                paste = _Paste(row, self._tint[thing.colour], self._sprite[thing.sprite], place)
                levels.setdefault(self._level(place.extent), []).append(paste)
            for level, group in levels.items():
                self._composite(canvas, level, group)
        return self._styled(canvas, scenes)

    def _background(self, scenes: Sequence[Scene]) -> Tensor:
        for name in {scene.background for scene in scenes} - self._backgrounds.keys():
            self._backgrounds[name] = background([name], self.size, self.size, self.device)[0]
        return torch.stack([self._backgrounds[scene.background] for scene in scenes])

    def _level(self, extent: float) -> int:
        """The index of the smallest tile of the pyramid that is not stretched."""
        fitting = [
            level for level, tiles in enumerate(self._pyramid) if _artwork_side(tiles) >= extent * self.size
        ]
        return fitting[-1] if fitting else 0

    def _composite(self, canvas: Tensor, level: int, group: list[_Paste]) -> None:
        rows, tints, sprites = torch.tensor([paste[:3] for paste in group], device=self.device).unbind(1)
        tiles = self._pyramid[level][tints, sprites].float().div_(255)  # (n, 5, t, t)
        maps = _inverse([paste.place for paste in group]).to(self.device)
        grid = affine_grid(maps, [len(group), 5, self.size, self.size], align_corners=False)
        pasted = grid_sample(tiles, grid, align_corners=False)
        colour, alpha, shadow = pasted[:, :3], pasted[:, 3:4], pasted[:, 4:]
        behind = canvas[rows] * (1 - SHADOW * shadow)
        canvas[rows] = colour + behind * (1 - alpha)

    def _styled(self, canvas: Tensor, scenes: Sequence[Scene]) -> Tensor:
        for style in sorted({scene.style for scene in scenes} - {"sticker"}):
            rows = torch.tensor(
                [row for row, scene in enumerate(scenes) if scene.style == style], device=self.device
            )
            canvas[rows] = STYLES[style].apply(canvas[rows])
        return canvas.clamp_(0, 1)


def _pyramid(sprites: Sequence[str], size: int, device: torch.device) -> list[Tensor]:
    """Tiles (tints, sprites, 5, t, t) from large to small: premultiplied colour, alpha, shadow, as bytes."""
    rgba = artwork(sprites, size)
    tinted = torch.cat([rgba[None], tint_all(rgba)])
    levels: list[Tensor] = []
    for side in (size, size // 2, size // 4):
        shadow = _shadow(_padded(rgba[:, 3:], side))
        tiles = [_tiles(each, shadow, side) for each in tinted]
        levels.append(torch.stack(tiles).to(device))
    return levels


def _tiles(rgba: Tensor, shadow: Tensor, side: int) -> Tensor:
    alpha = rgba[:, 3:]
    flat = torch.cat([rgba[:, :3] * alpha, alpha], dim=1)
    return (torch.cat([_padded(flat, side), shadow], dim=1) * 255).round().to(torch.uint8)


def _padded(artwork: Tensor, side: int) -> Tensor:
    """The artwork (N, C, H, W) with a longest side of ``side``, and its margin."""
    return pad(interpolate(artwork, size=(side, side), mode="area"), [round(side * MARGIN)] * 4)


def _shadow(alpha: Tensor) -> Tensor:
    """The alpha (N, 1, t, t), blurred and fallen downwards; one for all tints of a sprite."""
    reach = max(1, round(alpha.shape[-1] / (1 + 2 * MARGIN)) // 16)
    blurred = alpha
    for _ in range(2):
        down = avg_pool2d(blurred, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
        blurred = avg_pool2d(down, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    return pad(blurred, [0, 0, reach, 0])[:, :, :-reach]


def _artwork_side(tiles: Tensor) -> float:
    return tiles.shape[-1] / (1 + 2 * MARGIN)


def _inverse(places: Sequence[Place]) -> Tensor:
    """For each place the map from canvas to tile coordinates, both -1 to 1: (n, 2, 3)."""
    x, y, extent, turn = torch.tensor([[p.x, p.y, p.extent, p.turn] for p in places]).unbind(1)
    scale = extent * (1 + 2 * MARGIN)
    angle = turn.deg2rad()
    cos, sin = angle.cos() / scale, angle.sin() / scale
    centre_x, centre_y = 2 * x - 1, 2 * y - 1
    rows = [
        torch.stack([cos, sin, -(cos * centre_x + sin * centre_y)], 1),
        torch.stack([-sin, cos, -(cos * centre_y - sin * centre_x)], 1),
    ]
    return torch.stack(rows, 1)

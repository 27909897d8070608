"""Scenes with their captions and pictures, rendered once and kept as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.world.captions import caption
from sfumato.world.compose import Variety, compose
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Scene

CHUNK = 128
"""Scenes rendered at once."""


@dataclass(frozen=True)
class Pool:
    """Scenes and their pictures (N, 3, S, S) as bytes."""

    scenes: list[Scene]
    pictures: Tensor

    def __len__(self) -> int:
        return len(self.scenes)


def rendered(
    renderer: Renderer, variety: Variety, count: int, first_seed: int
) -> Iterator[tuple[list[Scene], Tensor]]:
    """Yield the scenes of seeds ``first_seed`` on, in chunks, with their pictures (B, 3, S, S), 0 to 1."""
    for start in range(first_seed, first_seed + count, CHUNK):
        end = min(start + CHUNK, first_seed + count)
        scenes = [compose(seed, variety) for seed in range(start, end)]
        yield scenes, renderer(scenes)


def pool(renderer: Renderer, variety: Variety, count: int, first_seed: int) -> Pool:
    """Render ``count`` scenes."""
    scenes: list[Scene] = []
    pictures: list[Tensor] = []
    for some, rgb in rendered(renderer, variety, count, first_seed):
        scenes += some
        pictures.append(as_bytes(rgb))
    return Pool(scenes, torch.cat(pictures))


def phrasings(scene: Scene, seed: int, count: int) -> list[str]:
    """Return ``count`` captions of one scene."""
    return [caption(scene, seed * 16 + index) for index in range(count)]


def as_bytes(pictures: Tensor) -> Tensor:
    """0..1 as 0..255."""
    return (pictures * 255).round().to(torch.uint8)


def as_signed(pictures: Tensor) -> Tensor:
    """0..255 as -1..1."""
    return pictures.float() / 127.5 - 1

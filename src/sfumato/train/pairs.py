"""Pictures to draw and pictures to refer to, for `ip_adapter.py`: the world makes them in fours.

Four scenes share one layout: two looks (style and background), each with two casts (sprites and colours). So
every picture has one of the same look and layout with other things in it, and two of the same layout that
look different; and pictures of the same look with other layouts are all over the pool.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sfumato.families.world import World
from sfumato.train.data import CHUNK, as_bytes
from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.captions import caption, describe
from sfumato.world.compose import PATIENCE, Variety, compose
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Scene, Thing
from sfumato.world.split import held_out
from sfumato.world.styles import STYLES

GROUP = 4
WORDINGS = ("all", "no look", "background only", "no places", "neither")
"""What the captions of a scene say, by column."""


def group(seed: int, variety: Variety) -> tuple[Scene, ...]:
    """Four scenes of one layout: 2 * look + cast. None is of the held-out split.

    Raises ValueError where the variety offers none.
    """
    first = compose(seed, variety)
    rng = random.Random(f"{seed} reference")  # noqa: S311 - repeatable, not secret
    for _ in range(PATIENCE):
        other = replace(
            first,
            style=_another(first.style, variety.styles, rng),
            background=_another(first.background, variety.backgrounds, rng),
        )
        cast = _recast(first.things, variety, rng)
        scenes = tuple(
            replace(look, things=things) for look in (first, other) for things in (first.things, cast)
        )
        if not any(map(held_out, scenes)):
            return scenes
    raise ValueError(f"{PATIENCE} companions of scene {seed} were all held out: widen the variety")


def _another(name: str, names: Iterable[str], rng: random.Random) -> str:
    return rng.choice([each for each in names if each != name])


def _recast(things: Sequence[Thing], variety: Variety, rng: random.Random) -> tuple[Thing, ...]:
    """Other things in the same places."""
    taken = {thing.sprite for thing in things}
    others = [name for name in variety.sprites if name not in taken]
    if len(others) < len(things):
        raise ValueError(
            f"{len(variety.sprites)} sprites are too few for another {len(things)} in one layout"
        )
    sprites = rng.sample(others, len(things))
    colours = [rng.choice(variety.colours) if rng.random() < variety.coloured else None for _ in things]
    return tuple(
        replace(thing, sprite=sprite, colour=colour)
        for thing, sprite, colour in zip(things, sprites, colours, strict=True)
    )


def wordings(scene: Scene, seed: int) -> list[str]:
    """The scene's captions, in the order of `WORDINGS`."""
    plain = replace(scene, style="sticker")  # the style of which nothing is said
    anywhere = tuple(replace(thing, size=None) for thing in scene.things)
    unplaced = replace(scene, things=anywhere, relation=None)
    bare = describe(plain, seed)
    return [
        caption(scene, seed),
        bare,
        f"{bare} {BACKGROUNDS[scene.background].phrase}",
        caption(unplaced, seed),
        describe(replace(unplaced, style="sticker"), seed),
    ]


def groups(count: int, first_seed: int, variety: Variety) -> Iterator[tuple[Scene, ...]]:
    """``count`` groups."""
    for seed in range(first_seed, first_seed + count):
        yield group(seed, variety)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pictures as they are drawn and as they are referred to; row 4 * group + 2 * look + cast.

    ``latents`` (N, C, h, w) have mean 0 and deviation 1, ``seen`` (N, 1 + M, F) is what the image tower
    sees before its last layer, of the whole and of every patch.
    """

    latents: Tensor
    seen: Tensor
    styles: Tensor  # (N,)
    backgrounds: Tensor  # (N,)

    def __len__(self) -> int:
        return len(self.latents)


@torch.inference_mode()
def paired(scenes: Sequence[Scene], renderer: Renderer, world: World) -> Pairs:
    """Render the scenes, encode them and look at them."""
    latents: list[Tensor] = []
    seen: list[Tensor] = []
    for start in range(0, len(scenes), CHUNK):
        pictures = as_bytes(renderer(scenes[start : start + CHUNK])).float() / 255
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(pictures.device.type, torch.bfloat16):
            latents.append(world.look(pictures).to("cpu", torch.bfloat16))
            seen.append(world.image.states(pictures * 2 - 1)[-2].to("cpu", torch.bfloat16))
    styles, backgrounds = list(STYLES), list(BACKGROUNDS)
    return Pairs(
        latents=torch.cat(latents),
        seen=torch.cat(seen),
        styles=torch.tensor([styles.index(scene.style) for scene in scenes]),
        backgrounds=torch.tensor([backgrounds.index(scene.background) for scene in scenes]),
    )


class Alike:
    """Finds rows that share a label."""

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels
        self.order = labels.argsort(stable=True)
        self.counts = labels.bincount()
        self.starts = self.counts.cumsum(0) - self.counts

    def __call__(self, rows: Tensor, chance: Tensor) -> Tensor:
        """For each row one of the same label, chosen by chance, 0 to 1."""
        labels = self.labels[rows]
        return self.order[self.starts[labels] + (chance * self.counts[labels]).long()]

"""How far the verifier can be trusted: right and deliberately wrong sentences about pictures we rendered.

Each rendered scene is judged by its own words, which must pass, and by its words with one thing changed,
which must not. Pictures are rendered cleanly, damaged as a model might (soft, shifted, noisy), or with things
placed, sized and turned freely. The results are published in `docs/verifier.md`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.benchmark import Row
from sfumato.world.colours import COLOURS
from sfumato.world.compose import Variety, compose
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Relation, Scene, Thing
from sfumato.world.styles import STYLES
from sfumato.world.verifier import FAITHFUL, Verifier, judged

CONTRARY: dict[Relation, Relation] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "on top of": "below",
    "next to": "above",
}

Damage = Callable[[Tensor, torch.Generator], Tensor]
Altered = Callable[[Scene, Sequence[str], random.Random], Scene | None]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is done to the rendered pictures; ``free``: things stand anywhere, turned, larger, smaller."""

    name: str
    damage: Damage
    free: bool = False


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How many of the right, and of the wrong, sentences of each kind passed under one condition."""

    condition: str
    right: tuple[Row, ...]  # the more, the better; the last is the sum
    wrong: tuple[Row, ...]  # the fewer, the better; the last is the sum


def examined(
    verifier: Verifier, names: Sequence[str], condition: Condition, scenes: int, seed: int
) -> Iterator[Accuracy]:
    """Judge so many rendered scenes of the named sprites; yields after every one what is known so far."""
    renderer = Renderer(names, verifier.size)
    variety = _variety(names, free=condition.free)
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    chance = torch.Generator().manual_seed(seed)
    right: dict[str, list[bool]] = {}
    wrong: dict[str, list[bool]] = {}
    for number in range(scenes):
        scene = compose(seed * 1_000_003 + number, variety, allow_held_out=True)
        (sighting,) = verifier.look(condition.damage(renderer([scene]), chance))
        right.setdefault(_kind(scene), []).append(judged(sighting, scene).passed)
        for name, alter in ALTERATIONS.items():
            altered = alter(scene, names, rng)
            if altered is not None:
                wrong.setdefault(name, []).append(judged(sighting, altered).passed)
        yield Accuracy(condition=condition.name, right=_rows(right), wrong=_rows(wrong))


def _rows(marks: dict[str, list[bool]]) -> tuple[Row, ...]:
    rows = [Row(name=name, asked=len(each), right=sum(each)) for name, each in sorted(marks.items())]
    return (
        *rows,
        Row(name="all", asked=sum(row.asked for row in rows), right=sum(row.right for row in rows)),
    )


def _kind(scene: Scene) -> str:
    if scene.style != "sticker":
        return "in a style"
    if scene.relation is not None:
        return "two things in a relation"
    first, *others = scene.things
    if others:
        return "several things"
    if first.count > 1:
        return "several of one thing"
    return "one thing" if first.colour is None else "one thing in a colour"


def _variety(names: Sequence[str], *, free: bool) -> Variety:
    return Variety(
        sprites=tuple(names),
        colours=tuple(COLOURS),
        backgrounds=dict.fromkeys(BACKGROUNDS, 1.0),
        styles={name: 14.0 if name == "sticker" else 1.0 for name in STYLES},
        layouts={"single": 0.35, "counted": 0.2, "pair": 0.35, "list": 0.1},
        coloured=0.5,
        grid=0.0 if free else 1 / 16,
        jitter=0.1 if free else 0.0,
        turn=8.0 if free else 0.0,
    )


# sentences with one thing changed ---------------------------------------------------------------------


def _with(scene: Scene, index: int, thing: Thing) -> Scene:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))


def _other_thing(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    index = rng.randrange(len(scene.things))
    strangers = sorted(set(names) - {thing.sprite for thing in scene.things})
    if not strangers:
        return None
    return _with(scene, index, replace(scene.things[index], sprite=rng.choice(strangers)))


def _other_colour(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    """Only of a thing that has a colour word: a natural apple may well be called red."""
    coloured = [index for index, thing in enumerate(scene.things) if thing.colour is not None]
    if scene.style not in FAITHFUL or not coloured:
        return None
    index = rng.choice(coloured)
    others = [colour for colour in COLOURS if colour != scene.things[index].colour]
    return _with(scene, index, replace(scene.things[index], colour=rng.choice(others)))


def _other_count(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    index = rng.randrange(len(scene.things))
    places = scene.things[index].places
    fewer = places[1:] if len(places) > 1 and rng.random() < 0.5 else (*places, Place(0.5, 0.5, 0.3))
    return _with(scene, index, replace(scene.things[index], places=fewer))


def _contrary(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    return None if scene.relation is None else replace(scene, relation=CONTRARY[scene.relation])


def _other_style(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    return replace(scene, style=rng.choice([style for style in STYLES if style != scene.style]))


def _unmentioned(scene: Scene, names: Sequence[str], rng: random.Random) -> Scene | None:
    if len(scene.things) == 1:
        return None
    index = rng.randrange(len(scene.things))
    return replace(scene, things=(*scene.things[:index], *scene.things[index + 1 :]), relation=None)


ALTERATIONS: dict[str, Altered] = {
    "another thing": _other_thing,
    "another colour": _other_colour,
    "one more or one fewer": _other_count,
    "the contrary relation": _contrary,
    "another style": _other_style,
    "a thing not mentioned": _unmentioned,
}

# what a model does to a picture -----------------------------------------------------------------------


def clean(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """The pictures as rendered."""
    return pictures


def soft(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Blurred (1 to 1.5 pixels of 128), resampled from 5/8 of the size, 1 to 4 pixels off, noise of 0.03."""
    size = pictures.shape[-1]
    unit = size / 128
    sigma = (1 + 0.5 * float(torch.rand((), generator=chance))) * unit
    coarse = interpolate(
        _blurred(pictures, sigma), scale_factor=0.625, mode="bilinear", antialias=True, align_corners=False
    )
    back = interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    reach = round(4 * unit)
    down, right = (int(each) for each in torch.randint(-reach, reach + 1, (2,), generator=chance))
    moved = pad(back, [reach] * 4, mode="replicate")
    moved = moved[..., reach - down : reach - down + size, reach - right : reach - right + size]
    return (moved + 0.03 * torch.randn(moved.shape, generator=chance).to(moved)).clamp(0, 1)


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = round(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    line = (line / line.sum()).to(pictures)
    flat = pad(pictures, [reach] * 4, mode="replicate").flatten(0, 1)[:, None]
    smooth = conv2d(conv2d(flat, line[None, None, None]), line[None, None, :, None])
    return smooth.view(pictures.shape)


CONDITIONS: dict[str, Condition] = {
    "clean": Condition(name="clean", damage=clean),
    "soft": Condition(name="soft", damage=soft),
    "free": Condition(name="free", damage=clean, free=True),
    "free and soft": Condition(name="free and soft", damage=soft, free=True),
}

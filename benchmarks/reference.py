"""How far do pictures follow a reference, and how much of their words do they keep?

    python benchmarks/reference.py [--weights FILE] [--reader FILE] [--pictures N] [--steps N] [--sheet FILE]

Every reference is rendered by the world: a scene of a style, before a background. The sentence names as many
other things, and nothing of look or places. The same sentences and seeds are drawn without a reference, with
that look said in words, and with the reference in each role at two weights; the world's verifier says what is
to be seen. Prints the table of docs/control.md, in which every share has its 95% interval.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch
from PIL import Image
from torch import Tensor

import sfumato
from sfumato.models.reference import ROLES
from sfumato.pictures import tensor_of
from sfumato.train.pairs import WORDINGS, groups, wordings
from sfumato.train.pictures import sheet
from sfumato.train.recipes import REFERENCE_S
from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.benchmark import Row
from sfumato.world.captions import styled
from sfumato.world.recognition import Sighting
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Place, Scene
from sfumato.world.verifier import Verifier, judged

FIRST_SEED = 3 * 10**9  # neither learned from nor looked at while learning
WEIGHTS = (0.5, 1.0)
SHOWN = 10  # pictures in a row of the sheet


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One picture, compared with its reference and with its sentence."""

    style: bool
    background: bool
    colour: float  # difference of the mean colours, 0 to 1
    places: float  # how far the boxes of things overlap, 0 to 1
    words: bool


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what references do.")
    parser.add_argument("--weights", help="a model's file; the embedded one if not given")
    parser.add_argument("--reader", help="a reader of references for it; the shipped one if not given")
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--sheet", help="a file for the first pictures of every row at full weight")
    options = parser.parse_args()
    painter = sfumato.load(options.weights)
    if options.reader:
        painter.hang(options.reader, name="reference")
    sprites = tuple(painter.model.card["sprites"])
    variety = replace(REFERENCE_S.variety, sprites=sprites)
    fours = list(groups(options.pictures, FIRST_SEED + options.seed, variety))
    shown = [
        picture_of(each) for each in Renderer(sprites, painter.model.native[0])([four[3] for four in fours])
    ]
    verifier = Verifier(sprites, painter.model.native[0])
    print(head())
    rows = [torch.cat([tensor_of(each) for each in shown[:SHOWN]])]
    plain = [sentence(four[2]) for four in fours]
    asked = [
        ("without", plain, "", 0.0),
        ("without, its look in words", [in_words(four[2]) for four in fours], "", 0.0),
        *((f"{role}, weight {weight:g}", plain, role, weight) for role in ROLES for weight in WEIGHTS),
    ]
    for name, sentences, role, weight in asked:
        drawn = draw(painter, sentences, shown, role, weight, steps=options.steps)
        if weight in (0, WEIGHTS[-1]):
            rows.append(torch.cat(drawn[:SHOWN]))
        sightings = verifier.look(torch.cat(drawn))
        found = [
            measured(picture, tensor_of(reference), sighting, (four[2], four[3]))
            for picture, reference, sighting, four in zip(drawn, shown, sightings, fours, strict=True)
        ]
        print(line(name, found), flush=True)
    if options.sheet:
        pixels = sheet(torch.cat(rows), len(rows[0]))
        picture_of(pixels).save(options.sheet, quality=88)


def sentence(scene: Scene) -> str:
    """The things of a scene, and nothing of its look or of places."""
    return wordings(scene, 0)[WORDINGS.index("neither")]


def in_words(scene: Scene) -> str:
    """The same with background and style."""
    behind = f"{sentence(scene)} {BACKGROUNDS[scene.background].phrase}"
    return styled(behind, scene.style, random.Random(0))  # noqa: S311 - repeatable, not secret


def draw(
    painter: sfumato.Painter,
    sentences: Sequence[str],
    references: Sequence[Image.Image],
    role: str,
    weight: float,
    *,
    steps: int,
) -> list[Tensor]:
    """Pictures (1, 3, S, S) of the sentences, each with its reference unless ``role`` is empty."""
    requests = [
        painter.request(
            text,
            seed=seed,
            steps=steps,
            references=[sfumato.reference(each, role, strength=weight)] if role else [],
        )
        for seed, (text, each) in enumerate(zip(sentences, references, strict=True))
    ]
    return [tensor_of(picture.image) for picture in painter.batch(requests)]


def measured(picture: Tensor, reference: Tensor, sighting: Sighting, scenes: tuple[Scene, Scene]) -> Measured:
    """Compare a picture with its sentence's scene and its reference's."""
    asked, told = scenes
    unplaced = tuple(replace(thing, size=None) for thing in asked.things)
    wanted = replace(asked, things=unplaced, relation=None, style=sighting.backdrop.style)
    return Measured(
        style=sighting.backdrop.style == told.style,
        background=sighting.backdrop.background == told.background,
        colour=float((picture.mean((2, 3)) - reference.mean((2, 3))).abs().mean()),
        places=overlap(
            [place for thing in told.things for place in thing.places],
            [seen.place for seen in sighting.things],
        ),
        words=judged(sighting, wanted).passed,
    )


def overlap(told: Sequence[Place], seen: Sequence[Place]) -> float:
    """The mean intersection over union of boxes, paired from the best on; what has no partner counts 0."""
    pairs = sorted(
        ((shared(one, other), i, j) for i, one in enumerate(told) for j, other in enumerate(seen)),
        reverse=True,
    )
    total, taken, given = 0.0, set[int](), set[int]()
    for share, i, j in pairs:
        if i not in taken and j not in given:
            total += share
            taken.add(i)
            given.add(j)
    return total / max(len(told), len(seen), 1)


def shared(one: Place, other: Place) -> float:
    """Intersection over union of the squares that two places fill."""
    across, down = (
        max(
            0.0, min(a + one.extent / 2, b + other.extent / 2) - max(a - one.extent / 2, b - other.extent / 2)
        )
        for a, b in ((one.x, other.x), (one.y, other.y))
    )
    return across * down / (one.extent**2 + other.extent**2 - across * down)


def picture_of(pixels: Tensor) -> Image.Image:
    return Image.fromarray((pixels * 255).round().byte().permute(1, 2, 0).numpy())


def head() -> str:
    titles = (
        "reference as",
        "same style",
        "same background",
        "colour off by",
        "places overlap",
        "words kept",
    )
    return "| " + " | ".join(titles) + " |\n|" + "---|" * len(titles)


def line(name: str, found: Sequence[Measured]) -> str:
    cells = [
        name,
        share([each.style for each in found]),
        share([each.background for each in found]),
        f"{fmean(each.colour for each in found):.3f}",
        f"{fmean(each.places for each in found):.2f}",
        share([each.words for each in found]),
    ]
    return "| " + " | ".join(cells) + " |"


def share(marks: Sequence[bool]) -> str:
    row = Row(name="", asked=len(marks), right=sum(marks))
    low, high = row.interval
    return f"{row.share:.0%} ({low:.0%} to {high:.0%})"


if __name__ == "__main__":
    main()

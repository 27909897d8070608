"""How far the embedded model obeys its controls, and how much of the sentence is kept meanwhile.

    python benchmarks/control.py [--per-category 7] [--steps 24] [--weights FILE] [--json FILE] [--sheet FILE]

The sentences are those of `sfumato bench world`, combinations held out of training among them. Every one gets
a layout that agrees with how such sentences were always arranged, and one with its things anywhere; `edges`
gets the outlines of the scene rendered so. The same pictures drawn from words alone are judged by the same
boxes and lines: what chance, and habit, give. Needs the emoji font, and OpenCV (the extra `control`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import sfumato
from sfumato.conditions.canny import edges
from sfumato.conditions.layout import layout_of
from sfumato.painter import Painter
from sfumato.request import Request
from sfumato.steering import control
from sfumato.train.pictures import save_picture, sheet
from sfumato.world.benchmark import BACKDROP, Question, sentences
from sfumato.world.obedience import line_agreement, placed, tallied
from sfumato.world.placement import Box, bounds, box, mentioned, scattered
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Scene
from sfumato.world.verifier import Verifier, judged

WEIGHTS = (0.5, 1.0, 1.5)
PLACES = {"as in training": False, "anywhere": True}
GRID = 1 / 16
SHOWN = 12  # sentences on the sheet
COLUMNS = ("control", "weight", "boxes", "sentence kept", "found", "in its box", "overlap", "lines")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: shares and means, 0 to 1, of one set of pictures held to one set of boxes."""

    control: str
    weight: float
    boxes: str
    pictures: int
    kept: float  # pictures that show their sentence
    found: float  # of the things that have a box
    inside: float  # have their centre in it
    overlap: float  # shared area over covered area
    lines: float  # F1 within two pixels


class Judge:
    """Holds pictures to scenes: what stands where, and where the lines are."""

    def __init__(self, names: Sequence[str], size: int) -> None:
        self.size = size
        self.verifier, self.renderer = Verifier(names, size), Renderer(names, size)
        self.visible = bounds(names)

    def rendered(self, scene: Scene) -> Image.Image:
        """The picture whose outlines are drawn: the scene in the plain style, before one colour."""
        return as_image(self.renderer([replace(scene, style="sticker", background=BACKDROP)])[0])

    def boxes(self, question: Question) -> list[Box]:
        """The boxes of a question's scene as (x, y, width, height), in the order of its sentence."""
        ranks = mentioned(question.scene, question.sentence)
        ordered = sorted(zip(ranks, question.scene.things, strict=True), key=lambda each: each[0])
        places = [(thing.sprite, place) for _, thing in ordered for place in thing.places]
        sides = [box(place, self.visible[sprite]) for sprite, place in places]
        return [(left, top, right - left, bottom - top) for left, top, right, bottom in sides]

    def row(self, pictures: Sequence[Image.Image], questions: Sequence[Question], **told: object) -> Row:
        """Hold pictures to the scenes of questions."""
        kept: list[bool] = []
        verdicts, lines = [], []
        for picture, question in zip(pictures, questions, strict=True):
            (sighting,) = self.verifier.look(as_tensor(picture)[None])
            kept.append(judged(sighting, question.scene).passed)
            verdicts += placed(sighting, question.scene, self.visible)
            lines.append(line_agreement(outlined(self.rendered(question.scene)), outlined(picture)))
        return Row(pictures=len(kept), kept=sum(kept) / len(kept), **asdict(tallied(verdicts, lines)), **told)  # pyright: ignore[reportArgumentType]


def outlined(picture: Image.Image) -> Tensor:
    return torch.tensor(edges(np.asarray(picture)) > 0).float()


def as_tensor(picture: Image.Image) -> Tensor:
    return torch.tensor(np.array(picture)).permute(2, 0, 1) / 255


def as_image(picture: Tensor) -> Image.Image:
    return Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())


def drawn(
    painter: Painter, judge: Judge, questions: Sequence[Question], *, steps: int, kind: str, weight: float
) -> list[Image.Image]:
    """One picture for each question, steered by a control of this kind, or by words alone."""
    requests: list[Request] = []
    for seed, question in enumerate(questions):
        controls = []
        if kind:
            brought = judge.boxes(question) if kind == "layout" else judge.rendered(question.scene)
            controls = [control(kind, brought, strength=weight)]
        requests.append(painter.request(question.sentence, seed=seed, steps=steps, controls=controls))
    return [picture.image for picture in painter.batch(requests)]


def measured(
    painter: Painter, judge: Judge, questions: Sequence[Question], options: argparse.Namespace
) -> Iterator[Row]:
    """Yield the rows of the table, one after the other; write the sheet on the way."""
    alone = drawn(painter, judge, questions, steps=options.steps, kind="", weight=0)
    shown: list[Tensor] = []
    for places, free in PLACES.items():
        asked = [rearranged(question) if free else question for question in questions]
        yield judge.row(alone, asked, control="words alone", weight=0.0, boxes=places)
        for kind in ("layout", "edges"):
            for weight in WEIGHTS:
                pictures = drawn(painter, judge, asked, steps=options.steps, kind=kind, weight=weight)
                yield judge.row(pictures, asked, control=kind, weight=weight, boxes=places)
                if free and weight == 1:
                    shown += [as_tensor(seen(judge, kind, each)) for each in spread(asked)]
                    shown += [as_tensor(picture) for picture in spread(pictures)]
    if options.sheet:
        save_picture(sheet(torch.stack(shown), SHOWN), options.sheet)


def spread(items: Sequence) -> list:
    """So many of the items, from all of the list."""
    return [items[index * len(items) // SHOWN] for index in range(SHOWN)]


def seen(judge: Judge, kind: str, question: Question) -> Image.Image:
    """The conditioning picture, to be shown."""
    if kind == "layout":
        return Image.fromarray(layout_of(judge.boxes(question), (judge.size, judge.size)))
    return Image.fromarray(edges(np.asarray(judge.rendered(question.scene)))).convert("RGB")


def rearranged(question: Question) -> Question:
    """The same sentence, of a scene whose things stand anywhere; it keeps what the sentence says."""
    rng = random.Random(question.sentence)  # noqa: S311 - repeatable, not secret
    return replace(question, scene=scattered(question.scene, rng, GRID, allow_held_out=True))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [COLUMNS, ("---",) * 3 + ("---:",) * 5]
    for row in rows:
        shares = (f"{value:.0%}" for value in (row.kept, row.found, row.inside))
        means = (f"{value:.2f}" for value in (row.overlap, row.lines))
        weight = f"{row.weight:g}" if row.weight else ""
        lines.append((row.control, weight, row.boxes, *shares, *means))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure obedience to controls.")
    parser.add_argument("--weights", type=Path, help="a control to hang; the embedded one if not given")
    parser.add_argument("--per-category", type=int, default=7, help="sentences of each of the six kinds")
    parser.add_argument("--steps", type=int, default=Request.steps)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    painter = sfumato.load(fast=True)
    if options.weights:
        painter.hang(options.weights, name="control")
    names, size = [str(name) for name in painter.model.card["sprites"]], painter.model.native[0]
    questions = sentences(names, options.per_category, seed=5)
    rows: list[Row] = []
    for row in measured(painter, Judge(names, size), questions, options):
        rows.append(row)
        print(row, flush=True)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()

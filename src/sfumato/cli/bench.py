"""``sfumato bench world`` examines a model, ``sfumato bench verifier`` the examiner.

The tables go to stdout, progress to stderr. Both need the emoji font, whose artwork the pictures are held to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from sfumato.cli.output import try_to_write
from sfumato.cli.walk import parse_guidance
from sfumato.errors import InputError
from sfumato.request import Request

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console
    from torch import Tensor

    from sfumato.painter import Painter
    from sfumato.world.benchmark import Question, Row, Table

T = TypeVar("T")

SHOWN = 8
"""Pictures of each category on the contact sheet: the first ones."""


WITHOUT_EFFECT = {
    "world": ("scenes",),
    "verifier": ("per_category", "steps", "guidance", "sampler", "sheet"),
}
"""Options of one bench that the other does not have."""


def bench(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(help="world: how well a model draws. verifier: how well we measure.")
    ],
    *,
    per_category: Annotated[int, typer.Option(help="Sentences of each category (world).")] = 60,
    scenes: Annotated[int, typer.Option(help="Rendered scenes of each condition (verifier).")] = 200,
    seed: Annotated[int, typer.Option(help="Other sentences and other pictures.")] = 0,
    weights: Annotated[Path | None, typer.Option(metavar="FILE", help="Another model than ours.")] = None,
    steps: Annotated[int, typer.Option(help="As for draw.")] = Request.steps,
    guidance: Annotated[str, typer.Option(help="As for draw.")] = str(Request.guidance),
    sampler: Annotated[str, typer.Option(help="As for draw.")] = Request.sampler,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="A contact sheet, as PNG.")] = None,
    to_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The numbers.")] = None,
) -> None:
    """Measure how often pictures show what their sentences say, or how far that measure can be trusted."""
    if what not in WITHOUT_EFFECT:
        raise InputError(f"there is no bench {what!r}: world or verifier")
    _refuse_options_without_effect(context, what)
    if min(per_category, scenes) < 1:
        raise InputError("nothing to measure: ask for at least 1")
    for path in (sheet, to_json):
        if path is not None:
            try_to_write(path)
    if what == "verifier":
        _bench_verifier(scenes, seed, weights, to_json)
        return
    from sfumato.painter import load
    from sfumato.world.benchmark import sentences

    painter = load(weights)
    names, _ = known(painter)
    questions = sentences(names, per_category, seed)
    requests = [
        Request(
            prompt=question.sentence,
            seed=seed + number,
            steps=steps,
            guidance=parse_guidance(guidance),
            sampler=sampler,
            model=painter.name,
        )
        for number, question in enumerate(questions)
    ]
    table, images = _examined(painter, requests, questions)
    _print("Pictures that show their sentence", [*table.categories, table.overall])
    _print("Parts of all sentences", table.parts)
    if to_json is not None:
        _write_json(to_json, {"pictures": [*table.categories, table.overall], "parts": table.parts})
    if sheet is not None:
        _write_sheet(sheet, questions, images, table)


def _refuse_options_without_effect(context: typer.Context, what: str) -> None:
    """Raise InputError if an option was given that this bench does not have."""
    for name in WITHOUT_EFFECT[what]:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise InputError(f"--{name.replace('_', '-')} has no effect on bench {what}; leave it out")


def known(painter: Painter) -> tuple[list[str], int]:
    """The sprites that the model was taught, by its card, and its pictures' side. Raises InputError."""
    from sfumato.families.world import World
    from sfumato.world.sprites import BY_NAME

    model = painter.model
    names = model.card.get("sprites") if isinstance(model, World) else None
    if not isinstance(model, World) or not isinstance(names, list):
        raise InputError(
            f"{painter.name} is no model of the picture world whose card says which things it knows"
        )
    return [name for name in cast("list[str]", names) if name in BY_NAME], model.native[0]


def _examined(
    painter: Painter, requests: Sequence[Request], questions: Sequence[Question]
) -> tuple[Table, list[Image]]:
    from sfumato.world.benchmark import measure
    from sfumato.world.verifier import Verifier

    names, size = known(painter)
    verifier = Verifier(names, size)
    images: list[Image] = []

    def pictures() -> Iterator[Tensor]:
        for picture in _followed(painter.batch(requests), len(requests), "drawing"):
            images.append(picture.image)
            yield as_tensor(picture.image)

    return measure(pictures(), questions, verifier), images


def as_tensor(image: Image) -> Tensor:
    """The image as (3, H, W), 0 to 1."""
    import numpy as np
    import torch

    return torch.tensor(np.array(image.convert("RGB"))).permute(2, 0, 1) / 255


def _bench_verifier(scenes: int, seed: int, weights: Path | None, to_json: Path | None) -> None:
    from sfumato.painter import load
    from sfumato.train.recipes import WORLD_S
    from sfumato.world.accuracy import CONDITIONS, examined
    from sfumato.world.verifier import Verifier

    names, size = ([*WORLD_S.variety.sprites], WORLD_S.size) if weights is None else known(load(weights))
    verifier = Verifier(names, size)
    numbers: dict[str, Sequence[Row]] = {}
    for condition in CONDITIONS.values():
        *_, accuracy = _followed(
            examined(verifier, names, condition, scenes, seed), scenes, f"judging, {condition.name}"
        )
        _print(f"Right sentences that pass: pictures {condition.name}", accuracy.right)
        _print(f"Wrong sentences that pass: pictures {condition.name}", accuracy.wrong)
        numbers |= {f"{condition.name}: right": accuracy.right, f"{condition.name}: wrong": accuracy.wrong}
    if to_json is not None:
        _write_json(to_json, numbers)


def _followed(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """The same items, with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=title, total=total, console=Console(stderr=True), transient=True)


def _print(title: str, rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "n", "passed", "95% interval", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        low, high = row.interval
        share = f"{row.share:.1%}" if row.asked else "-"
        table.add_row(row.name, str(row.asked), share, f"{low:.1%} to {high:.1%}")
    console: Console = Console()
    console.print(table)


def _write_sheet(path: Path, questions: Sequence[Question], images: Sequence[Image], table: Table) -> None:
    from sfumato.cli.contact import Drawn, contact_sheet

    rows: dict[str, list[Drawn]] = {}
    for question, image, verdict in zip(questions, images, table.verdicts, strict=True):
        row = rows.setdefault(question.category, [])
        if len(row) < SHOWN:
            row.append(Drawn(image=image, sentence=question.sentence, passed=verdict.passed))
    contact_sheet(rows).save(path)


def _write_json(path: Path, numbers: dict[str, Sequence[Row]]) -> None:
    told = {
        title: [
            {"name": row.name, "asked": row.asked, "right": row.right, "interval": row.interval}
            for row in rows
        ]
        for title, rows in numbers.items()
    }
    path.write_text(json.dumps(told, indent=1) + "\n")

"""``sfumato draw``: a sentence becomes a PNG, or several.

Paths of finished pictures go to stdout, one a line; all else (progress, the chosen seed, notes) to stderr.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.brought import Files, texts_of
from sfumato.cli.bundles import unbundled
from sfumato.cli.output import targets
from sfumato.cli.steering import Beginning, Steering
from sfumato.cli.walk import Walk
from sfumato.cli.wording import Wording
from sfumato.errors import InputError
from sfumato.request import Request, fresh_seed

if TYPE_CHECKING:
    from sfumato.options import Options
    from sfumato.painter import Painter, Picture

Prompt = Annotated[str, typer.Argument(help="What the picture shows.")]


@dataclass(frozen=True, kw_only=True)
class Series:
    """How many pictures, of how many candidates each, and where they go."""

    count: Annotated[int, typer.Option(help="How many pictures; they take the seeds that follow.")] = 1
    best_of: Annotated[
        int, typer.Option(metavar="N", help="Draw N candidates of each and keep what shows the words best.")
    ] = 1
    judge: Annotated[
        Path | None,
        typer.Option(metavar="FILE|DIR", help="A whole CLIP that judges candidates of other models."),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A PNG, which is overwritten, or a folder. Several pictures are numbered: cat-1.png, ... "
            "Without it, a name that is still free: sfumato-SEED.png.",
        ),
    ] = None

    def __post_init__(self) -> None:
        for number, what in ((self.count, "pictures"), (self.best_of, "candidates")):
            if number < 1:
                raise InputError(f"{number} {what} are none: ask for at least 1")
        if self.judge is not None and self.best_of == 1:
            raise InputError("judge says who chooses among candidates: ask for some with --best-of")


@unbundled
def draw(
    prompt: Prompt,
    *,
    walk: Walk,
    series: Series,
    wording: Wording,
    beginning: Beginning,
    steering: Steering,
    files: Files,
) -> None:
    """Draw a sentence as a PNG that carries its recipe."""
    seed = fresh_seed() if walk.seed is None else walk.seed
    worded = wording.worded(prompt, walk.negative, seed, files.model)
    brought = files.brought()
    first = Request(
        prompt=worded.prompt,
        negative=worded.negative,
        sentence=None if worded.prompt == prompt else prompt,
        seed=seed,
        adapters=brought.adapters,
        model=Request.model if files.model is None else files.model.name,
    )
    first = steering.on(beginning.on(walk.of(first, worded.settings)))
    seeds = range(seed, seed + series.count * series.best_of, series.best_of)
    requests = [_chosen(replace(first, seed=each), wording) for each in seeds]
    paths = targets(series.output, [request.seed for request in requests])
    painter = brought.painter([*(text for each in requests for text in texts_of(each)), *steering.texts])
    steering.hang(painter)
    for note in worded.notes:
        typer.echo(f"note: {note}", err=True)
    if walk.seed is None:
        typer.echo(f"seed {seed}, chosen at random; --seed {seed} draws the same again", err=True)
    told: list[Options] = [
        {**beginning.options(), **steering.options(wording.chosen_by(each.seed))} for each in requests
    ]
    pictures = _drawn(painter, list(zip(requests, told, strict=True)), paths, series)
    noted: set[str] = set()
    for picture, path in zip(pictures, paths, strict=True):
        for note in picture.notes:
            if note not in noted:
                typer.echo(f"note: {note}", err=True)
        noted.update(picture.notes)
        typer.echo(picture.save(path))


def _chosen(request: Request, wording: Wording) -> Request:
    """The request with the choices that its seed makes."""
    toward = request.toward
    if toward is not None:
        toward = (wording.chosen(toward[0], request.seed, ", toward"), toward[1])
    return replace(
        request,
        toward=toward,
        prompt=wording.chosen(request.prompt, request.seed, ""),
        negative=wording.chosen(request.negative, request.seed, ", unwanted"),
    )


def _drawn(
    painter: Painter, wishes: list[tuple[Request, Options]], paths: list[Path], series: Series
) -> Iterator[Picture]:
    """The pictures one by one, shown on the terminal as they come."""
    from rich.console import Console

    from sfumato.cli.progress import followed

    console = Console(stderr=True)
    for (asked, told), path in zip(wishes, paths, strict=True):
        request = painter.request(asked, **told)
        if series.best_of == 1:
            yield followed(painter.watch(request), console, path.name)
        else:
            yield painter.best_of(request, series.best_of, clip=series.judge).picture

"""``sfumato draw``: a sentence becomes a PNG, or several.

Paths of finished pictures go to stdout, one a line; all else (progress, the chosen seed, notes) to stderr.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.brought import Files
from sfumato.cli.bundles import unbundled
from sfumato.cli.output import targets
from sfumato.cli.steering import Beginning, Steering
from sfumato.cli.walk import Walk
from sfumato.cli.wording import Wording
from sfumato.errors import InputError
from sfumato.request import Request, fresh_seed

if TYPE_CHECKING:
    from sfumato.painter import Options, Painter, Picture

Prompt = Annotated[str, typer.Argument(help="What the picture shows.")]
Count = Annotated[int, typer.Option(help="How many pictures; they take the seeds that follow.")]
BestOf = Annotated[
    int,
    typer.Option(metavar="N", help="Draw N candidates of each and keep what shows the words best."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A PNG, which is overwritten, or a folder. Several pictures are numbered: cat-1.png, ... "
        "Without it, a name that is still free: sfumato-SEED.png.",
    ),
]


@unbundled
def draw(
    prompt: Prompt,
    *,
    walk: Walk,
    count: Count = 1,
    output: Output = None,
    best_of: BestOf = 1,
    wording: Wording,
    beginning: Beginning,
    steering: Steering,
    files: Files,
) -> None:
    """Draw a sentence as a PNG that carries its recipe."""
    for number, what in ((count, "pictures"), (best_of, "candidates")):
        if number < 1:
            raise InputError(f"{number} {what} are none: ask for at least 1")
    seed = fresh_seed() if walk.seed is None else walk.seed
    worded = wording.worded(prompt, walk.negative, seed, files.family)
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
    requests = [_chosen(replace(first, seed=seed + number * best_of), wording) for number in range(count)]
    paths = targets(output, [request.seed for request in requests])
    painter = brought.painter([text for each in requests for text in _texts(each)])
    steering.hang(painter)
    for note in worded.notes:
        typer.echo(f"note: {note}", err=True)
    if walk.seed is None:
        typer.echo(f"seed {seed}, chosen at random; --seed {seed} draws the same again", err=True)
    options: Options = {**beginning.options(), **steering.options()}
    _draw(painter, requests, paths, options, best_of)


def _chosen(request: Request, wording: Wording) -> Request:
    """The request with the choices that its seed makes."""
    return replace(
        request,
        prompt=wording.chosen(request.prompt, request.seed, ""),
        negative=wording.chosen(request.negative, request.seed, ", unwanted"),
    )


def _texts(request: Request) -> list[str]:
    """All texts of a request that may name adapters and learned words."""
    regions = [text for _, words, negative, _ in request.regions for text in (words, negative)]
    return [request.prompt, request.negative, str(request.guidance), *regions]


def _draw(
    painter: Painter, requests: list[Request], paths: list[Path], options: Options, best_of: int
) -> None:
    from rich.console import Console

    from sfumato.cli.progress import followed

    console = Console(stderr=True)
    noted: set[str] = set()
    for asked, path in zip(requests, paths, strict=True):
        request = painter.request(asked, **options)
        if best_of == 1:
            picture = followed(painter.watch(request), console, path.name)
        else:
            picture = _best(painter, request, best_of)
        for note in picture.notes:
            if note not in noted:
                typer.echo(f"note: {note}", err=True)
        noted.update(picture.notes)
        typer.echo(picture.save(path))


def _best(painter: Painter, request: Request, count: int) -> Picture:
    """The best of so many candidates, whose scores are shown."""
    best = painter.best_of(request, count)
    for line in best.scores:
        typer.echo(line, err=True)
    return best.picture

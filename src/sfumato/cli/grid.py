"""``sfumato grid``: the same sentence drawn in all combinations of options, as a labelled sheet and a CSV.

Which options vary is said by giving lists, ``--guidance 2,4,8``, and by {a|b} in the prompt: ``axes.py``.
"""

from __future__ import annotations

import csv
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sfumato.cli.axes import VARIED, Axis, Cell, axis, cells, changes, listed, text_axes
from sfumato.cli.brought import Files, texts_of
from sfumato.cli.bundles import unbundled
from sfumato.cli.output import free, try_to_write
from sfumato.cli.steering import Steering
from sfumato.errors import InputError, SfumatoError
from sfumato.files import written_whole
from sfumato.request import Request, fresh_seed
from sfumato.words.known import known_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from sfumato.options import Options
    from sfumato.painter import Painter, Picture

FAILED = 1
JOINT = " · "  # the font of sheets has no dash
FLAT = 1.5  # sheets may be higher than they are wide
SPEAKING = ("prompt", "style", "sampler", "levels", "size")
"""What varies and needs no name beside it."""
TOLD = ("prompt", "negative", "seed", "steps", "sampler", "guidance", "levels", "size")
"""Of each picture in the CSV, beside what varies."""


@dataclass(frozen=True, kw_only=True)
class Varied:
    """Options that may be lists, and the texts."""

    prompt: Annotated[str, typer.Option(help="What the pictures show; {red|blue} is an axis.")]
    negative: Annotated[str, typer.Option(help="What they should not show; {a|b} as well.")] = ""
    style: Annotated[
        str | None, typer.Option(metavar="A,B+C", help="Looks of `sfumato styles`; + joins several.")
    ] = None
    style_folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Looks of your own: NAME.toml.")
    ] = None
    size: Annotated[str | None, typer.Option(metavar="WxH,...", help="In pixels.")] = None
    levels: Annotated[str | None, typer.Option(metavar="A,B", help="Spacings of noise levels.")] = None
    sampler: Annotated[
        str | None, typer.Option(metavar="A,B", help="euler,'dpmpp_2m(solver=heun)': as for draw.")
    ] = None
    steps: Annotated[str | None, typer.Option(metavar="N,M", help="Numbers of steps.")] = None
    guidance: Annotated[
        str | None, typer.Option(metavar="A,B", help="2,4,'cfg(8, stop=0.8)': scales and guides.")
    ] = None
    weighting: Annotated[str | None, typer.Option(metavar="A,B", help="What (red:1.2) means.")] = None
    clip_skip: Annotated[
        str | None, typer.Option(metavar="N,M", help="Layers of the text tower from its end.")
    ] = None
    handoff: Annotated[
        str | None, typer.Option(metavar="A,B", help="Shares of the walk before a refiner.")
    ] = None
    strength: Annotated[
        str | None, typer.Option(metavar="A,B", help="How far to go from the picture, 0 to 1.")
    ] = None
    seed: Annotated[
        str | None, typer.Option(metavar="N,M|N-M", help="1,2,7 or 1-4; one at random if not given.")
    ] = None

    def axes(self) -> list[Axis]:
        """All that varies or is set, in the order of ``VARIED``. Raises InputError."""
        said = {name: getattr(self, name) for name in VARIED}
        if said["seed"] is None:
            said["seed"] = str(fresh_seed())
        return [
            *text_axes("prompt", self.prompt),
            *text_axes("negative", self.negative),
            *(axis(name, text) for name, text in said.items() if text is not None),
        ]


@dataclass(frozen=True, kw_only=True)
class Placing:
    """What the pictures go on from, and where they and their sheet go."""

    picture: Annotated[
        Path | None, typer.Option("--from", metavar="PICTURE", help="A picture to go on from.")
    ] = None
    mask: Annotated[Path | None, typer.Option(metavar="MASK", help="White is what gets painted.")] = None
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Options that vary across, the others down.")
    ] = None
    cell: Annotated[int, typer.Option(help="Pixels of a picture's longer side on the sheet, at most.")] = 256
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder for the single pictures, with their recipes.")
    ] = None
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The sheet, as PNG; the CSV lies beside it under its name."),
    ] = None

    def __post_init__(self) -> None:
        if self.cell < 16:
            raise InputError(f"cell {self.cell}: nothing is seen in less than 16 pixels")
        if self.mask is not None and self.picture is None:
            raise InputError("a mask without a picture: name the picture that it lies upon with --from")

    def sheet(self) -> Path:
        """Where the sheet goes. Raises InputError where it or its CSV cannot be written."""
        path = self.output or free(Path(), "sfumato-grid")
        if path.suffix.lower() != ".png":
            raise InputError(f"{path}: the sheet is written as PNG; end it in .png")
        for each in (path, path.with_suffix(".csv")):
            try_to_write(each)
        if self.pictures is not None:
            try:
                self.pictures.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{self.pictures}: cannot be a folder ({error.strerror})") from error
        return path

    def options(self) -> Options:
        """What the painter is to be told of the picture to go on from."""
        if self.picture is None:
            return {}
        return (
            {"picture": self.picture} if self.mask is None else {"picture": self.picture, "mask": self.mask}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of one cell: its picture, or why there is none."""

    cell: Cell
    request: Request
    options: Options
    picture: Picture | None = None
    error: str = ""
    notes: tuple[str, ...] = ()  # of its looks
    seconds: float = 0.0
    path: Path | None = None


@unbundled
def grid(*, varied: Varied, placing: Placing, steering: Steering, files: Files) -> None:
    """Draw a sentence with all combinations of options, on a labelled sheet with a CSV beside it."""
    axes = varied.axes()
    if placing.picture is None and varied.strength is not None:
        raise InputError("strength is about a picture to go on from: name that with --from")
    wide = [each for each in axes if len(each.choices) > 1]
    across = _across(wide, placing.columns)
    brought = files.brought()
    first = Request(
        prompt=varied.prompt,
        seed=0,
        adapters=brought.adapters,
        model=Request.model if files.model is None else files.model.name,
    )
    ordered = [*(each for each in axes if each not in across), *across]
    family = None if varied.style is None else known_of(files.model).family
    planned = [_planned(cell, varied, steering.on(first), family) for cell in cells(ordered)]
    path = placing.sheet()
    texts = [text for each in planned for text in texts_of(each.request)]
    painter = brought.painter([*dict.fromkeys(texts), *steering.texts])
    steering.hang(painter)
    told: Options = {**placing.options(), **steering.options(_as_it_is)}
    outcomes = list(_drawn(painter, planned, told, placing.pictures))
    _write_csv(path.with_suffix(".csv"), outcomes)
    with written_whole(path) as file:
        _sheet(outcomes, wide, across, placing.cell).save(file, "PNG")
    _tell(outcomes)
    typer.echo(path)
    typer.echo(path.with_suffix(".csv"))
    if any(each.picture is None for each in outcomes):
        raise typer.Exit(FAILED)


def _as_it_is(text: str, what: str) -> str:
    """The text, in which nothing is left to a seed. Raises InputError."""
    from sfumato.text.wildcards import chosen

    if chosen(text.replace("__", "_"), 0, None) != text.replace("__", "_"):
        raise InputError(f"{text!r}: in a grid only the braces of prompt and negative vary")
    return text


def _across(wide: Sequence[Axis], asked: str | None) -> list[Axis]:
    """The axes that run across the sheet: as asked, or the last ones until it is nearly as wide as high."""
    if asked is not None:
        names = [name.replace("-", "_") for name in listed(asked)]
        if absent := [name for name in names if name not in {each.name for each in wide}]:
            there = ", ".join(dict.fromkeys(each.name for each in wide)) or "nothing"
            raise InputError(f"columns {absent[0]!r} does not vary here; there is: {there}")
        return [each for each in wide if each.name in names]
    count = math.prod(len(each.choices) for each in wide)
    across: list[Axis] = []
    for each in reversed(wide):
        if math.prod(len(other.choices) for other in across) >= math.sqrt(count) / FLAT:
            break
        across.insert(0, each)
    return across if len(wide) > 1 else list(wide)


def _planned(cell: Cell, varied: Varied, first: Request, family: str | None) -> Outcome:
    """What one cell asks for. Raises InputError."""
    values = changes(cell, {"prompt": varied.prompt, "negative": varied.negative})
    strength = values.pop("strength", None)
    style = values.pop("style", None)
    notes: tuple[str, ...] = ()
    if style is not None:
        from sfumato.styles.styled import styled

        names = style.split("+")
        look = styled(values["prompt"], values["negative"], names, varied.style_folder, family=family)
        drawn = {"prompt": look.prompt, "negative": look.negative, "sentence": values["prompt"]}
        values, notes = {**look.settings.given(), **values, **drawn}, look.notes
    options: Options = {} if strength is None else {"strength": strength}
    return Outcome(cell=cell, request=replace(first, **values), options=options, notes=notes)


def _drawn(
    painter: Painter, planned: Sequence[Outcome], told: Options, folder: Path | None
) -> Iterator[Outcome]:
    """All of them in turn; a cell that cannot be drawn takes no other with it."""
    from rich.console import Console

    from sfumato.cli.progress import followed

    console = Console(stderr=True)
    for number, each in enumerate(planned, start=1):
        started = time.perf_counter()
        try:
            request = painter.request(each.request, **{**told, **each.options})
            picture = followed(painter.watch(request), console, f"{number} of {len(planned)}")
        except SfumatoError as error:
            yield replace(each, error=" ".join(str(error).split()))
            continue
        seconds = time.perf_counter() - started
        path = None if folder is None else picture.save(folder / f"{number:04d}.png")
        yield replace(each, request=request, picture=picture, seconds=seconds, path=path)


def _write_csv(path: Path, outcomes: Sequence[Outcome]) -> None:
    """A line for each picture: what varied, what it was drawn with, and what was noted."""
    varied = list(dict.fromkeys(_name(each) for outcome in outcomes for each, _ in outcome.cell))
    told = [name for name in TOLD if name not in varied]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "file", *varied, *told, "seconds", "notes", "error"])
        for number, outcome in enumerate(outcomes, start=1):
            labels = {_name(each): choice.label for each, choice in outcome.cell}
            picture, values = outcome.picture, _values(outcome.request)
            writer.writerow(
                [
                    number,
                    outcome.path or "",
                    *(labels[name] for name in varied),
                    *(values[name] for name in told),
                    f"{outcome.seconds:.2f}" if picture else "",
                    " | ".join(_notes(outcome)),
                    outcome.error,
                ]
            )


def _notes(outcome: Outcome) -> Iterable[str]:
    """What is to be told of one picture, each line once."""
    return dict.fromkeys((*outcome.notes, *(outcome.picture.notes if outcome.picture else ())))


def _values(request: Request) -> Mapping[str, Any]:
    values = {each.name: getattr(request, each.name) for each in fields(Request)}
    size = request.size
    return {**values, "size": "" if size is None else f"{size[0]}x{size[1]}", "levels": request.levels or ""}


def _name(axis: Axis) -> str:
    """An axis as a column: of several braces in a text each has its number."""
    return axis.name if axis.part is None else f"{axis.name} {axis.part + 1}"


def _sheet(outcomes: Sequence[Outcome], wide: Sequence[Axis], across: Sequence[Axis], cell: int) -> Image:
    from sfumato.cli.sheet import Sheet, laid_out

    count = math.prod(len(each.choices) for each in across)
    rows = [outcomes[start : start + count] for start in range(0, len(outcomes), count)]
    down = [each for each in wide if each not in across]
    return laid_out(
        Sheet(
            title=_title(outcomes[0], wide),
            columns=[_heading(each, across) for each in rows[0]],
            headings=[_heading(row[0], down) for row in rows],
            rows=[[_shown(each) for each in row] for row in rows],
            cell=cell,
        )
    )


def _heading(outcome: Outcome, axes: Sequence[Axis]) -> tuple[str, ...]:
    """What a row or a column is called; a number says what it is of."""
    return tuple(_label(each, choice.label) for each, choice in outcome.cell if each in axes)


def _label(axis: Axis, label: str) -> str:
    return label if axis.name in SPEAKING else f"{axis.name.replace('_', ' ')} {label}"


def _shown(outcome: Outcome) -> Image | str:
    return outcome.error if outcome.picture is None else outcome.picture.image


def _title(first: Outcome, wide: Sequence[Axis]) -> str:
    """What all pictures have in common."""
    same = [(each, choice) for each, choice in first.cell if each not in wide and each.part is None]
    prompt = first.request.prompt if not any(each.name in ("prompt", "style") for each in wide) else ""
    said = ", ".join(_label(each, choice.label) for each, choice in same)
    return JOINT.join(filter(None, (prompt, said)))


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Each note and each error once, with the number of pictures that it is about."""
    noted = [note for each in outcomes for note in _notes(each)]
    failed = [each.error for each in outcomes if each.error]
    for what, lines in (("note", noted), ("error", failed)):
        for line, count in Counter(lines).items():
            of = "" if count == len(outcomes) else f" ({count} of {len(outcomes)} pictures)"
            typer.echo(f"{what}: {line}{of}", err=True)

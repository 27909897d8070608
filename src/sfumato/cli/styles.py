"""``sfumato styles``: the wall of looks, which of them a model knows, and pictures of them drawn anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.errors import InputError
from sfumato.styles.preset import PLACE

if TYPE_CHECKING:
    from sfumato.styles.preset import Preset

Names = Annotated[list[str] | None, typer.Argument(help="Only these, with all that they say.")]
Search = Annotated[
    str | None, typer.Option(metavar="WORD", help="Only those that speak of it: in name, words or tags.")
]
Knows = Annotated[bool, typer.Option("--model-knows", help="Only those that the embedded model knows.")]
Folder = Annotated[
    Path | None, typer.Option("--style-folder", metavar="DIR", help="Presets of your own: NAME.toml.")
]
Draw = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Draw a thumbnail of each with the embedded model: DIR/NAME.webp."),
]
Sheet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Lay their thumbnails out in one PNG, with their names.")
]
SIDE = 64  # pixels of a thumbnail
SEED = 7
SUBJECT = "a red cat"


def styles(
    names: Names = None,
    *,
    search: Search = None,
    model_knows: Knows = False,
    style_folder: Folder = None,
    draw: Draw = None,
    sheet: Sheet = None,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """List the style presets: what each adds to the sentence, and which the embedded model knows."""
    from sfumato.styles.shelf import knowing, named, shelf

    presets = shelf(style_folder)
    chosen = [named(name, presets) for name in names] if names else list(presets.values())
    if model_knows:
        chosen = knowing("world", chosen)
    if search is not None:
        chosen = [preset for preset in chosen if _speaks_of(preset, search)]
        if not chosen:
            raise InputError(f"no style speaks of {search!r}: `sfumato styles` lists all {len(presets)}")
    if not chosen:
        raise InputError(f"the embedded model knows none of {', '.join(names or ())}; leave that out")
    if draw is not None:
        _draw(chosen, draw)
    elif sheet is not None:
        _lay_out(chosen, sheet)
    elif to_json:
        typer.echo(json.dumps({preset.path.stem: _told(preset) for preset in chosen}, ensure_ascii=False))
    elif names:
        typer.echo("\n\n".join(map(_whole, chosen)))
    else:
        _list(chosen)


def _speaks_of(preset: Preset, word: str) -> bool:
    texts = (preset.name, preset.about, preset.prompt, *preset.tags)
    return any(word.lower() in text.lower() for text in texts)


def _list(presets: Iterable[Preset]) -> None:
    presets = list(presets)
    width = max(len(preset.path.stem) for preset in presets)
    for preset in presets:
        mark = "*" if "world" in preset.works else " "
        typer.echo(f"{mark} {preset.path.stem:{width}}  {preset.about}")
    known = sum("world" in preset.works for preset in presets)
    typer.echo(f"{len(presets)} styles; the embedded model knows the {known} marked *.")
    typer.echo("Draw in one by --style NAME, or in several; `sfumato styles NAME` says what it adds.")


def _whole(preset: Preset) -> str:
    lines = [f"{preset.name}: {preset.about}", f"  sentence: {preset.prompt}"]
    lines += [f"  unwanted: {preset.negative}"] if preset.negative else []
    lines += [f"  {name}: {value}" for name, value in preset.settings.given().items()]
    lines += [f"  made for: {', '.join(preset.works)}", f"  tags: {', '.join(preset.tags)}"]
    if preset.picture is not None:
        lines += [f"  picture: {preset.picture}", f"    the embedded model drew: {_drawn_as(preset)}"]
    return "\n".join(lines)


def _told(preset: Preset) -> dict[str, object]:
    return {
        **preset.told(),
        "model_knows": "world" in preset.works,
        "picture": None if preset.picture is None else str(preset.picture),
        "picture_shows": _drawn_as(preset),
    }


def _drawn_as(preset: Preset) -> str:
    """The sentence of its thumbnail, which may be only near to the look."""
    return preset.thumbnail or (preset.prompt.replace(PLACE, SUBJECT) if "world" in preset.works else SUBJECT)


def _draw(presets: Iterable[Preset], folder: Path) -> None:
    """Thumbnails of a few kilobytes. What the embedded model does not know is drawn as the preset says."""
    from PIL import Image

    from sfumato.files import written_whole
    from sfumato.painter import load

    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder to write into")
    presets = list(presets)
    painter = load()
    requests = (painter.request(_drawn_as(preset), seed=SEED) for preset in presets)
    for preset, picture in zip(presets, painter.batch(requests), strict=True):
        path = folder / f"{preset.path.stem}.webp"
        small = picture.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        with written_whole(path) as file:
            small.save(file, "WEBP", quality=80, method=6)
        for note in picture.notes:
            typer.echo(f"note: {preset.path.stem}: {note}", err=True)
        typer.echo(path)


def _lay_out(presets: Sequence[Preset], path: Path) -> None:
    """The wall: twelve in a row. What has no thumbnail is a name alone."""
    from PIL import Image, ImageDraw, ImageFont

    from sfumato.files import written_whole

    if path.suffix.lower() != ".png" or not path.parent.is_dir():
        raise InputError(f"{path}: give a PNG in a folder that exists")
    across, wide, high = 12, 100, SIDE + 22
    wall = Image.new("RGB", (across * wide, -(-len(presets) // across) * high), "white")
    pen, font = ImageDraw.Draw(wall), ImageFont.load_default(9)
    for number, preset in enumerate(presets):
        left, top = number % across * wide, number // across * high
        if preset.picture is not None:
            with Image.open(preset.picture) as picture:
                wall.paste(picture.resize((SIDE, SIDE)), (left + (wide - SIDE) // 2, top + 2))
        mark = " *" if "world" in preset.works else ""
        pen.text((left + wide // 2, top + SIDE + 10), preset.name[:20] + mark, "black", font, anchor="mm")
    with written_whole(path) as file:
        wall.quantize(192).save(file, "PNG", optimize=True)
    typer.echo(path)

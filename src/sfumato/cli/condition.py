"""``sfumato condition``: what a control will see of a picture, before it is drawn with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sfumato.cli.output import free, try_to_write
from sfumato.errors import InputError
from sfumato.files import written_whole


def condition(
    kind: Annotated[
        str | None, typer.Argument(help="canny, pose, 'canny(low=50)', ...; --list tells all.")
    ] = None,
    picture: Annotated[
        str | None, typer.Argument(help="A picture; for pose and layout also lists of joints or boxes.")
    ] = None,
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The PNG to write.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="The drawing's size; by default the picture's.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Tell every kind.")] = False,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """Make a conditioning picture: what a control sees.

    Lists are JSON files, or JSON itself. It goes to where -o says, or here to a name that is free:
    cat-canny.png.
    """
    if listed or to_json:
        if kind or picture or output or size:
            raise InputError("--list and --json make no picture: leave the rest out")
        _tell(to_json=to_json)
        return
    if kind is None or picture is None:
        raise InputError("name a kind and a picture, such as canny and cat.png, or give --list")
    from sfumato.conditions.making import made, settled

    name = settled(kind).name
    target = output or free(Path(), f"{_stem(picture)}-{name}")
    if target.suffix.lower() != ".png":
        raise InputError(f"{target}: conditioning pictures are written as PNG; end it in .png")
    if target.absolute() == Path(picture).absolute():
        raise InputError(f"{target}: is the picture itself; name another file with -o")
    try_to_write(target)
    image, notes = made(kind, picture, None if size is None else _size(size))
    with written_whole(target) as file:
        image.save(file, "PNG")
    typer.echo(f"{target}: {image.width}x{image.height}, {name}")
    for note in notes:
        typer.echo(f"note: {note}", err=True)


def _stem(picture: str) -> str:
    return "list" if picture.lstrip().startswith(("[", "{")) else Path(picture).stem


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"--size {text!r} is no width and height such as 512x768")
    return int(width), int(height)


def _tell(*, to_json: bool) -> None:
    from sfumato.conditions import CONDITIONS
    from sfumato.conditions.telling import conditions_told
    from sfumato.diffusion.named import options_told

    if to_json:
        typer.echo(json.dumps(conditions_told(), indent=1))
        return
    width = max(map(len, CONDITIONS))
    for name, each in CONDITIONS.items():
        needs = f" (needs {each.needs})" if each.needs else ""
        typer.echo(f"{name:{width}}  {each.says}{needs}")
        typer.echo(f"    of {each.takes}; also called {', '.join(each.aliases)}")
        if options := options_told(each.maker):
            typer.echo(f"    options: {', '.join(f'{option}={value}' for option, value in options.items())}")
    typer.echo("Make one by: sfumato condition 'canny(low=50)' PICTURE")

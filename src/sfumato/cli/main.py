"""The command line: a table of verbs, and one line on stderr for whatever goes wrong.

Each verb is a function in a file of its own and a line in ``VERBS``. At their tops those files import nothing
that brings torch in, so that help and mistakes are answered at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Protocol, runtime_checkable

# OpenMP reads it when torch comes in. If waiting threads spin, a busy neighbour slows drawing many times.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import typer

from sfumato.cli.bench import bench
from sfumato.cli.condition import condition
from sfumato.cli.convert import convert
from sfumato.cli.draw import draw
from sfumato.cli.gallery import gallery
from sfumato.cli.grid import grid
from sfumato.cli.guides import guides
from sfumato.cli.inspect import inspect
from sfumato.cli.levels import levels
from sfumato.cli.morph import morph
from sfumato.cli.replay import replay
from sfumato.cli.samplers import samplers
from sfumato.cli.serve import serve
from sfumato.cli.styles import styles
from sfumato.cli.tokens import tokens
from sfumato.cli.train import train
from sfumato.cli.words import words
from sfumato.errors import SfumatoError
from sfumato.version import __version__

VERBS: dict[str, Callable[..., None]] = {
    "serve": serve,
    "gallery": gallery,
    "draw": draw,
    "grid": grid,
    "morph": morph,
    "replay": replay,
    "inspect": inspect,
    "convert": convert,
    "condition": condition,
    "samplers": samplers,
    "levels": levels,
    "guides": guides,
    "styles": styles,
    "tokens": tokens,
    "words": words,
    "train": train,
    "bench": bench,
}

FAILED = 2
STOPPED = 130
TRACEBACK = "SFUMATO_TRACEBACK"


@runtime_checkable
class _Misuse(Protocol):
    """What the argument parser raises: its class lives in click or in typer, by typer's version."""

    exit_code: int

    def format_message(self) -> str: ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 a comparison failed, 2 an error, 130 stopped from the keyboard."""
    try:
        code = typer.main.get_command(_app()).main(arguments, "sfumato", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        code = STOPPED
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _say(f"error: {_one_line(error)}")
        code = FAILED
    if code == STOPPED:
        _say("stopped")
    sys.exit(code if isinstance(code, int) else 0)


def _app() -> typer.Typer:
    app = typer.Typer(
        help="Pictures from sentences, with a model that this package trained itself.",
        no_args_is_help=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_start)
    for name, verb in VERBS.items():
        app.command(name)(verb)
    return app


def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say the version and exit.")] = False,
) -> None:
    """Pictures from sentences, with a model that this package trained itself."""
    if version:
        typer.echo(f"sfumato {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _one_line(error: Exception) -> str:
    if isinstance(error, _Misuse):
        text = error.format_message()
    elif isinstance(error, SfumatoError):
        text = str(error)
    else:
        text = (
            f"a defect in sfumato, please report it: {type(error).__name__}: {error} "
            f"(with {TRACEBACK}=1 in the environment it says where)"
        )
    return " ".join(text.split())


def _say(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    main()

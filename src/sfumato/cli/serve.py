"""``sfumato serve``: the page and the server behind it, until it is told to end."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.bundles import unbundled
from sfumato.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from sfumato.engine.precision import ModelFile

Port = Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 is any that is free.")]
Gallery = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Where pictures, and what is known of them, are kept.")
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="[NAME=]FILE[:bfloat16]",
        help="A model to draw with; repeatable, the first is what draws unless another is named.",
    ),
]
Adapters = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where LoRAs, learned words and controls lie, found by name."),
]
Listen = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Listen there, as 0.0.0.0 for all; else only this machine can ask."),
]
Host = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A further name of this server; repeatable."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Who may ask: lines of name:token[:jobs-an-hour[:pictures-a-day]]."),
]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="A PostgreSQL database; else SQLite in the gallery."),
]
Budget = Annotated[float | None, typer.Option(metavar="GIB", help="Memory for models; half of what is free.")]
Exact = Annotated[
    bool, typer.Option("--exact", help="Draw every picture bit for bit as if nobody else drew.")
]
Grace = Annotated[
    float, typer.Option(min=0, max=86_400, help="Seconds that running jobs are given at the end.")
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open the page in a browser.")]

FREE_UNKNOWN = 4 << 30  # bytes for models where the system does not tell what is free


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Where it listens, and who may ask."""

    port: Port = 7860
    listen: Listen = None
    host: Host = None
    token_file: TokenFile = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where jobs and pictures are kept."""

    gallery: Gallery = Path("gallery")
    database: Database = None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What it draws with, and how."""

    model: Models = None
    adapters: Adapters = None
    budget: Budget = None
    exact: Exact = False

    def __post_init__(self) -> None:
        if self.budget is not None and not 0 < self.budget < 1e6:
            raise InputError(f"a budget of {self.budget:g} GiB: give what models may take, such as 8")


@unbundled
def serve(*, doors: Doors, kept: Kept, drawn: Drawn, grace: Grace = 30.0, no_open: NoOpen = False) -> None:
    """Open a page to work in, with an API for programs behind it."""
    for name in ("fastapi", "uvicorn", "sqlalchemy", "prometheus_client", "multipart"):
        if find_spec(name) is None:
            raise MissingExtra(f"{name}, on which the server stands,", "pip install 'sfumato[serve]'")
    from sfumato.serve.serving import run
    from sfumato.serve.settings import LOOPBACK, Settings

    settings = Settings(
        gallery=kept.gallery,
        database=kept.database,
        models=_models(drawn.model or []),
        adapters=drawn.adapters,
        budget=_budget(drawn.budget),
        exact=drawn.exact,
        port=doors.port,
        listen=doors.listen or LOOPBACK,
        hosts=tuple(doors.host or ()),
        token_file=doors.token_file,
        grace=grace,
    )
    run(settings, say=typer.echo, opens=not no_open)


def _models(said: list[str]) -> tuple[ModelFile, ...]:
    """The models that are named, and the embedded one behind them. Raises InputError for two of one name."""
    from sfumato.engine.precision import ModelFile, model_file
    from sfumato.families import embedded
    from sfumato.request import Request

    found: dict[str, ModelFile] = {}
    for text in said:
        each = model_file(text)
        if each.name in found:
            raise InputError(f"two models are called {each.name}: name one of them, OTHER={text}")
        found[each.name] = each
    if Request.model not in found:
        found[Request.model] = ModelFile(name=Request.model, path=embedded())
    return tuple(found.values())


def _budget(gib: float | None) -> int:
    """Bytes for models: those that are said, else half of what is free, with what cached files take."""
    if gib is not None:
        return int(gib * 2**30)
    from sfumato.engine.free_memory import free_memory

    free = free_memory()
    return FREE_UNKNOWN if free is None else free // 2

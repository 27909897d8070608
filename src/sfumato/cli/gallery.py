"""``sfumato gallery``: whether a server's database and its folder agree, and how they are made to.

gallery check FOLDER            what is amiss; exit code 1 if anything is
gallery check FOLDER --mend     the same, put right
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from sfumato.serve.store import Folder, Store

AMISS = 1


class Doing(StrEnum):
    """What can be done with a gallery."""

    CHECK = "check"


Where = Annotated[Path, typer.Argument(metavar="FOLDER", help="The gallery that `sfumato serve` was given.")]
Mend = Annotated[
    bool, typer.Option("--mend", help="Put right what can be; what cannot be placed is moved to lost/.")
]
Database = Annotated[
    str | None, typer.Option(metavar="URL", help="Where its jobs are kept, if not in the folder itself.")
]


def gallery(
    do: Annotated[Doing, typer.Argument(help="What to do.")],
    folder: Where,
    *,
    mend: Mend = False,
    database: Database = None,
) -> None:
    """Check a gallery's database and its folder against each other, and mend what does not agree."""
    try:
        from sfumato.serve.store import Folder, check_gallery
    except ModuleNotFoundError as error:
        raise MissingExtra("SQLAlchemy", "pip install 'sfumato[serve]'") from error

    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; name the one that `sfumato serve` was given")
    place = Folder(folder)
    store = _store(place, database, mend=mend)
    try:
        found = check_gallery(store, place, mend=mend)
    finally:
        store.close()
    for finding in found:
        done = "" if finding.mended is None else f" -> {finding.mended}"
        typer.echo(f"{finding.what}: {finding.told}{done}")
    left = sum(finding.mended is None for finding in found)
    typer.echo(_summary(len(found), left, mend=mend))
    if left:
        raise typer.Exit(AMISS)


def _store(place: Folder, database: str | None, *, mend: bool) -> Store:
    """The gallery's store; a folder without one is looked at beside an empty one, and stays without."""
    from sfumato.serve.store import open_store
    from sfumato.serve.store.folder import DATABASE

    if database is None and not mend and not (place.path / DATABASE).is_file():
        return open_store("sqlite://")
    return open_store(database or place.database)


def _summary(count: int, left: int, *, mend: bool) -> str:
    if not count:
        return "all is well: the database and the folder agree"
    if mend:
        return f"{count} found, {count - left} mended" + (f", {left} left: see above" if left else "")
    return f"{count} found; --mend puts right what can be put right"

"""The checks that begin at the database: is it sound, can each job be, is each picture what its row says?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from PIL import Image
from sqlalchemy import RowMapping, func, select, update

from sfumato.errors import InputError
from sfumato.provenance.recipe import pixel_digest
from sfumato.serve.store.deleting import erase
from sfumato.serve.store.findings import Checking, Finding
from sfumato.serve.store.jobs import UNENDED
from sfumato.serve.store.records import Kept
from sfumato.serve.store.rows import kept_of
from sfumato.serve.store.tables import JOBS, PICTURES

WAY_OUT = "bring back a copy, or move it away: an empty database adopts what lies in the folder"


def database(checking: Checking) -> Iterator[Finding]:
    """SQLite's own checks of its file. PostgreSQL sees to that itself."""
    if not checking.store.database.is_sqlite:
        return
    with checking.store.database.reading() as connection:
        for (told,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
            if told != "ok":
                yield Finding(what="the database", told=f"is damaged: {told}; {WAY_OUT}")
        for table, row, other, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield Finding(what="the database", told=f"row {row} of {table} names no row of {other}")


# jobs ---------------------------------------------------------------------------------------------


def jobs(checking: Checking) -> Iterator[Finding]:
    """Jobs in states that there are not."""
    owned = select(PICTURES.c.job, func.count()).group_by(PICTURES.c.job)
    with checking.store.database.reading() as connection:
        pictures = {job: count for job, count in connection.execute(owned)}  # noqa: C416 - as in ``gallery``
        found = connection.execute(select(JOBS)).mappings().all()
    for row in found:
        for told, values in _impossible(row, pictures.get(row["id"], 0)):
            yield checking.found(f"job {row['id']}", told, partial(_set, checking, row["id"], values))


def _impossible(row: RowMapping, pictures: int) -> Iterator[tuple[str, dict[str, object]]]:
    """What cannot be of a job, each with the values that make it possible."""
    has_ended = row["state"] not in UNENDED
    end = max(row["started"] or 0.0, row["created"])
    if not _is_json(row["wish"], dict) or not _is_json(row["notes"], list):
        failed = {"state": "failed", "ended": time.time(), "error": "its wish was damaged and cannot be read"}
        yield "its wish cannot be read", {"wish": "{}", "notes": "[]", **({} if has_ended else failed)}
    elif not has_ended and row["wish"] == "{}":
        yield (
            "it waits, and nothing is wished",
            {"state": "failed", "ended": end, "error": "its wish was lost"},
        )
    elif not has_ended and pictures:
        yield f"it is {row['state']}, and has {pictures} pictures", {"state": "done", "ended": time.time()}
    elif has_ended and row["ended"] is None:
        yield f"it is {row['state']}, and never ended", {"ended": end}
    elif not has_ended and row["ended"] is not None:
        yield f"it is {row['state']}, and has ended", {"ended": None}
    if row["attempts"] < 0:
        yield f"it was begun {row['attempts']} times", {"attempts": 0}
    if row["drawn"] < pictures:
        yield f"it drew {row['drawn']} pictures, and has {pictures}", {"drawn": pictures}


def _is_json(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


def _set(checking: Checking, job: str, values: Mapping[str, object]) -> str:
    with checking.store.database.writing() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == job).values(**values))
    return ", ".join(f"{name} is now {value!r}" for name, value in values.items())


# pictures -----------------------------------------------------------------------------------------


def rows(checking: Checking) -> Iterator[Finding]:
    """Rows of the gallery without the file that they tell of."""
    with checking.store.database.reading() as connection:
        found = connection.execute(select(PICTURES).order_by(PICTURES.c.id)).mappings().all()
    for row in found:
        if not (_is_json(row["request"], dict) and _is_json(row["notes"], list)):
            values = {"request": "{}", "notes": "[]"}
            mend = partial(_set_picture, checking, row["id"], values, "its request is told by its file alone")
            yield checking.found(f"picture {row['id']}", "its request cannot be read", mend)
        elif row["condemned"]:
            mend = partial(_erased, checking, kept_of(row))
            yield checking.found(f"picture {row['id']}", "its deletion was broken off", mend)
        else:
            yield from _compared(checking, kept_of(row))


def _compared(checking: Checking, kept: Kept) -> Iterator[Finding]:
    """A row beside its file."""
    what, gone = f"picture {kept.id}", partial(_gone, checking, kept)
    try:
        path = checking.folder.file(kept)
    except InputError:
        yield checking.found(what, f"its file {kept.file} is outside the gallery", gone)
        return
    if not path.is_file():
        if checking.store.picture(kept.id) is not None:  # else deleted meanwhile
            yield checking.found(what, f"its file {kept.file} is not there", gone)
        return
    digest = digest_of(path)
    if digest != kept.pixels:
        told = "cannot be read to its end" if digest is None else "shows other pixels than were drawn"
        yield checking.found(what, f"its file {kept.file} {told}", lambda: f"{checking.lost(path)}; {gone()}")
    elif (size := path.stat().st_size) != kept.size:
        mend = partial(_set_picture, checking, kept.id, {"size": size}, "the row was corrected")
        yield checking.found(what, f"its file has {size} bytes, its row says {kept.size}", mend)


def digest_of(path: Path) -> str | None:
    """The digest of a picture's pixels; None for a file that is none, or is cut short."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return pixel_digest(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _gone(checking: Checking, kept: Kept) -> str:
    checking.store.delete(kept.id)
    return "the row was removed"


def _erased(checking: Checking, kept: Kept) -> str:
    erase(checking.store, checking.folder, kept)
    return "deleted"


def _set_picture(checking: Checking, picture: str, values: Mapping[str, object], told: str) -> str:
    with checking.store.database.writing() as connection:
        connection.execute(update(PICTURES).where(PICTURES.c.id == picture).values(**values))
    return told

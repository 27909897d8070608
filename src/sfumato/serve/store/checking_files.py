"""The checks that begin at the folder: is each file whole, and does the database know of it?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from sfumato.serve.store.adopting import adopted
from sfumato.serve.store.checking_rows import digest_of
from sfumato.serve.store.findings import Checking, Finding
from sfumato.serve.store.folder import PICTURES as PICTURES_PART
from sfumato.serve.store.folder import THUMBNAILS, UPLOADS
from sfumato.serve.store.gallery import DIGEST
from sfumato.serve.store.ids import LETTERS
from sfumato.serve.store.jobs import UNENDED
from sfumato.serve.store.tables import JOBS, PICTURES
from sfumato.serve.uploads import OWNERS

PARTS = (PICTURES_PART, THUMBNAILS, UPLOADS, OWNERS)
NAMED = re.compile(rf"([{LETTERS}]{{25}})-(\d{{1,4}})\.png")  # as ``Folder.picture_path`` does
UNUSED = 86_400.0  # seconds for which an upload may lie there before a wish names it


def links(checking: Checking) -> Iterator[Finding]:
    """Links in the gallery, which nothing of ours makes: they could lead anywhere."""
    for part in PARTS:
        for path in checking.folder.walk(part):
            if path.is_symlink():
                told = f"is a link to {path.readlink()}, and is not followed"
                yield checking.found(path, told, partial(checking.lost, path))


def unfinished(checking: Checking) -> Iterator[Finding]:
    """What was being written when the server was killed."""
    for part in PARTS:
        for path in checking.folder.walk(part):
            if path.name.endswith(".partial") and checking.is_settled(path):
                yield checking.found(path, "was not written to its end", partial(checking.removed, path))


# pictures -----------------------------------------------------------------------------------------


def pictures(checking: Checking) -> Iterator[Finding]:
    """Files among the pictures that no row tells of."""
    with checking.store.database.reading() as connection:
        states = {job: state for job, state in connection.execute(select(JOBS.c.id, JOBS.c.state))}  # noqa: C416
        known = set(connection.scalars(select(PICTURES.c.file)))
    for path in _files(checking, PICTURES_PART):
        if path.relative_to(checking.folder.path).as_posix() in known:
            continue
        named = NAMED.fullmatch(path.name)
        state = states.get(named[1]) if named else None
        if state in UNENDED:
            continue  # the job begins again, and writes this file again
        if state in ("failed", "cancelled"):
            yield checking.found(path, f"is of a job that is {state}", partial(checking.lost, path))
        elif path.suffix != ".png":
            yield checking.found(path, "is no picture of ours", partial(checking.lost, path))
        else:
            yield checking.found(path, "is in no row", partial(_placed, checking, path))


def _placed(checking: Checking, path: Path) -> str:
    named = NAMED.fullmatch(path.name)
    job, index = (named[1], int(named[2])) if named else (None, 0)
    kept = adopted(checking.store, checking.folder, path, job=job, index=index)
    return checking.lost(path) if kept is None else f"adopted by its receipt as {kept.file}"


def _files(checking: Checking, part: str) -> Iterator[Path]:
    """The settled files of a part as it is now, but for what the checks before have told of."""
    for path in [*checking.folder.walk(part)]:
        if not path.name.endswith(".partial") and not path.is_symlink() and checking.is_settled(path):
            yield path


# thumbnails and uploads ---------------------------------------------------------------------------


def thumbnails(checking: Checking) -> Iterator[Finding]:
    """Thumbnails of nothing, and those that cannot be read: they are made again when asked for."""
    with checking.store.database.reading() as connection:
        known = set(connection.scalars(select(PICTURES.c.id)))
    for path in _files(checking, THUMBNAILS):
        if path.stem not in known or path.suffix != ".webp":
            yield checking.found(path, "is of no picture", partial(checking.removed, path))
        elif not _can_be_read(path):
            yield checking.found(path, "cannot be read", partial(checking.removed, path))


def _can_be_read(path: Path) -> bool:
    try:
        with Image.open(path, formats=["WEBP"]) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def uploads(checking: Checking) -> Iterator[Finding]:
    """Uploads that are not what their name says, or that no job and no picture names."""
    named = checking.store.named()
    for path in _files(checking, UPLOADS):
        digest = path.stem
        if digest_of(path) != digest:
            yield checking.found(path, "is not the picture of its name", partial(checking.lost, path))
        elif digest not in named and _age(path) > UNUSED:
            told = "was brought, and nothing names it"
            yield checking.found(path, told, partial(checking.removed, path))
    for mark in _files(checking, OWNERS):
        if DIGEST.fullmatch(mark.name) is None or checking.folder.upload(mark.name) is None:
            yield checking.found(mark, "marks an upload that is not there", partial(checking.removed, mark))


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime

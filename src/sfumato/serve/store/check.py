"""Whether a gallery's database and folder agree with each other, and how they are brought to.

Nothing that could be somebody's picture is ever destroyed: what cannot be placed is moved to ``lost/``. The
checks stand in two files, ``checking_rows.py`` and ``checking_files.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sqlalchemy.exc import DatabaseError, IntegrityError

from sfumato.serve.store.checking_files import links, pictures, thumbnails, unfinished, uploads
from sfumato.serve.store.checking_rows import WAY_OUT, database, jobs, rows
from sfumato.serve.store.findings import Checking, Finding
from sfumato.serve.store.folder import Folder
from sfumato.serve.store.store import Store

CHECKS: tuple[Callable[[Checking], Iterator[Finding]], ...] = (
    links,
    unfinished,
    jobs,
    rows,
    pictures,
    thumbnails,
    uploads,
)
MOMENT = 60.0  # seconds: what a server that is at work wrote since is not finished yet


def check_gallery(store: Store, folder: Folder, *, mend: bool = False) -> list[Finding]:
    """Compare rows with files, and both with what must hold; what is found, each mended if asked to be.

    Raises InputError where it should mend what a server holds. Beside a server that is at work it leaves out
    what was written in the last minute.
    """
    if mend:
        folder.lock()
        store.database.hold()
    try:
        at_work = not mend and folder.is_locked()
        checking = Checking(store, folder, mend=mend, until=time.time() - MOMENT if at_work else None)
        return _checked(checking)
    finally:
        if mend:
            folder.unlock()


def _checked(checking: Checking) -> list[Finding]:
    found: list[Finding] = []
    try:
        for check in (database, *CHECKS):
            found.extend(check(checking))
    except IntegrityError:  # a defect of ours
        raise
    except DatabaseError as error:
        why = str(getattr(error, "orig", error)).splitlines()[0]
        found.append(
            Finding(what="the database", told=f"is damaged and cannot be read on ({why}); {WAY_OUT}")
        )
    return found

"""The gallery in the database, as functions of a transaction: found by words, marked, deleted for good."""

from __future__ import annotations

import re

from sqlalchemy import Connection, Select, func, select, update

from sfumato.serve.store.ids import is_id
from sfumato.serve.store.jobs import blank
from sfumato.serve.store.records import Kept, Query
from sfumato.serve.store.rows import folded, kept_of, row_of, storable
from sfumato.serve.store.tables import JOBS, PICTURES

LISTED = PICTURES.c.condemned.is_(False)
DIGEST = re.compile("[0-9a-f]{64}")
MOST_WORDS = 20  # of a search: each costs one more pass over what was found by those before it


def picture(connection: Connection, id: str) -> Kept | None:  # noqa: A002 - what it is called everywhere
    return _first(connection, select(PICTURES).where(PICTURES.c.id == id, LISTED)) if is_id(id) else None


def by_pixels(connection: Connection, digest: str, client: str | None) -> Kept | None:
    newest = select(PICTURES).where(PICTURES.c.pixels == storable(digest), LISTED)
    if client is not None:
        newest = newest.where(PICTURES.c.client == client)
    return _first(connection, newest.order_by(PICTURES.c.id.desc()).limit(1))


def search(connection: Connection, query: Query) -> list[Kept]:
    wanted = select(PICTURES).where(LISTED).order_by(PICTURES.c.id.desc()).limit(query.limit)
    for word in folded(query.words).split()[:MOST_WORDS]:
        wanted = wanted.where(PICTURES.c.folded.contains(word, autoescape=True))
    if query.model is not None:
        wanted = wanted.where(PICTURES.c.model == storable(query.model))
    if query.since is not None:
        wanted = wanted.where(PICTURES.c.created >= query.since)
    if query.until is not None:
        wanted = wanted.where(PICTURES.c.created < query.until)
    if query.favourite is not None:
        wanted = wanted.where(PICTURES.c.favourite.is_(query.favourite))
    if query.client is not None:
        wanted = wanted.where(PICTURES.c.client == query.client)
    if query.before is not None:
        wanted = wanted.where(PICTURES.c.id < storable(query.before))
    return [kept_of(row) for row in connection.execute(wanted).mappings()]


def favourite(connection: Connection, id: str, marked: bool) -> bool:  # noqa: A002
    changed = update(PICTURES).where(PICTURES.c.id == id, LISTED).values(favourite=marked)
    return is_id(id) and connection.execute(changed).rowcount == 1


def condemn(connection: Connection, id: str) -> Kept | None:  # noqa: A002
    """Take a picture out of every answer, before its files go: a kill between finds the deletion begun."""
    found = picture(connection, id)
    if found is not None:
        connection.execute(update(PICTURES).where(PICTURES.c.id == id).values(condemned=True))
    return found


def condemned(connection: Connection) -> list[Kept]:
    found = connection.execute(select(PICTURES).where(PICTURES.c.condemned))
    return [kept_of(row) for row in found.mappings()]


def delete(connection: Connection, id: str) -> Kept | None:  # noqa: A002
    """Remove a picture's row, and with a job's last picture the words of that job."""
    found = _first(connection, select(PICTURES).where(PICTURES.c.id == id)) if is_id(id) else None
    if found is not None:
        connection.execute(PICTURES.delete().where(PICTURES.c.id == id))
        blank(connection, found.job, hide=False)
    return found


def adopt(connection: Connection, kept: Kept, place: int) -> None:
    """Take in a picture that was drawn already."""
    connection.execute(PICTURES.insert().values(**row_of(kept, place)))
    count = connection.scalar(select(func.count()).where(PICTURES.c.job == kept.job)) or 0
    fewer = update(JOBS).where(JOBS.c.id == kept.job, JOBS.c.drawn < count)
    connection.execute(fewer.values(drawn=count))


def models(connection: Connection, client: str | None) -> dict[str, int]:
    """How many pictures there are of each model, by its name."""
    counted = select(PICTURES.c.model, func.count()).where(LISTED).group_by(PICTURES.c.model)
    if client is not None:
        counted = counted.where(PICTURES.c.client == client)
    counts = connection.execute(counted.order_by(PICTURES.c.model)).all()
    return {name: count for name, count in counts}  # noqa: C416 - rows are not pairs to a type checker


def named(connection: Connection, client: str | None) -> set[str]:
    """The digests that jobs and pictures name, of a client or of all."""
    texts = (select(JOBS.c.wish), JOBS.c.client), (select(PICTURES.c.request), PICTURES.c.client)
    found: set[str] = set()
    for wanted, whose in texts:
        rows = connection.scalars(wanted if client is None else wanted.where(whose == client))
        found.update(digest for text in rows for digest in DIGEST.findall(text))
    return found


def _first(connection: Connection, wanted: Select[tuple[object, ...]]) -> Kept | None:
    row = connection.execute(wanted).mappings().first()
    return None if row is None else kept_of(row)

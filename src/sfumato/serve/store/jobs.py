"""A job's life in the database, as functions of a transaction: accepted once, ended once.

    accept -> queued -> start -> running -> finish | fail | cancel
                 ^---- recover ----'    (after a kill; at most MOST_ATTEMPTS times)

Every change says in its WHERE from which states it may happen. Of several who end a job at once the database
lets one through; the others change no row and are told False.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, case, false, func, select, update

from sfumato.serve.store.ids import is_id
from sfumato.serve.store.records import (
    ENDED,
    MOST_ATTEMPTS,
    Job,
    Kept,
    KeyReused,
    LineFull,
    Most,
    State,
    Usage,
)
from sfumato.serve.store.rows import job_of, row_of, storable
from sfumato.serve.store.tables import JOBS, PICTURES

UNENDED: tuple[State, ...] = ("queued", "running")
QUICKEST, LONGEST = 1, 600  # seconds after which to try again
UNKNOWN = 5.0  # seconds that a job takes, while none has ended
LATELY = 20  # ended jobs, by which it is told how long one takes
QUOTA_DAYS = 2  # for which a forgotten job still counts


def accept(connection: Connection, job: Job, *, most: Most) -> Job:
    """Put a new job into the line, or find the one that its key stands for. LineFull, KeyReused."""
    if job.key is not None and (earlier := _by_key(connection, job.client, job.key)) is not None:
        if earlier.wish != _as_kept(job.wish):
            raise KeyReused(
                f"the idempotency key {job.key[:60]!r} came with another wish before: "
                "give each wish a key of its own"
            )
        return earlier
    _check_room(connection, job.client, most)
    values = {"id": job.id, "client": job.client, "state": "queued", "created": job.created, "key": job.key}
    connection.execute(JOBS.insert().values(**values, wish=json.dumps(job.wish)))
    return job


def _as_kept(wish: Mapping[str, object]) -> Mapping[str, object]:
    return json.loads(json.dumps(wish))


def _by_key(connection: Connection, client: str, key: str) -> Job | None:
    found = connection.execute(select(JOBS).where(JOBS.c.client == client, JOBS.c.key == key))
    return next(iter(_jobs(connection, found.mappings().all())), None)


def _check_room(connection: Connection, client: str, most: Most) -> None:
    counted = select(func.count(), func.sum(case((JOBS.c.client == client, 1), else_=0)))
    everyone, own = connection.execute(counted.where(JOBS.c.state == "queued")).one()
    if (own or 0) >= most.queued_per_client:
        told = f"{own} jobs of yours wait, and {most.queued_per_client} may"
    elif everyone >= most.queued:
        told = f"{everyone} jobs wait, and {most.queued} may"
    else:
        return
    raise LineFull(told, _until_a_place(connection))


def _until_a_place(connection: Connection) -> int:
    """Seconds that jobs ran which ended lately; one of those that run now should end no later."""
    lately = select(JOBS.c.started, JOBS.c.ended).where(JOBS.c.state == "done").order_by(JOBS.c.id.desc())
    spans = [ended - started for started, ended in connection.execute(lately.limit(LATELY))]
    mean = sum(spans) / len(spans) if spans else UNKNOWN
    return min(max(math.ceil(mean), QUICKEST), LONGEST)


def job(connection: Connection, id: str) -> Job | None:  # noqa: A002 - what it is called everywhere
    found = connection.execute(select(JOBS).where(_is(id), JOBS.c.hidden.is_(False)))
    return next(iter(_jobs(connection, found.mappings().all())), None)


def any_job(connection: Connection, id: str) -> Job | None:  # noqa: A002
    """The job, a forgotten one too."""
    found = connection.execute(select(JOBS).where(_is(id)))
    return next(iter(_jobs(connection, found.mappings().all())), None)


def adopt(connection: Connection, job: Job) -> None:
    """Take in a job that has ended already, under its own times."""
    values = {"id": job.id, "client": job.client, "state": job.state, "created": job.created, "drawn": 1}
    times = {"started": job.started, "ended": job.ended, "attempts": job.attempts}
    connection.execute(JOBS.insert().values(**values, **times, wish=json.dumps(job.wish)))


def jobs(
    connection: Connection, *, client: str | None, states: Iterable[State], before: str | None, limit: int
) -> list[Job]:
    wanted = select(JOBS).where(JOBS.c.hidden.is_(False)).order_by(JOBS.c.id.desc()).limit(limit)
    if client is not None:
        wanted = wanted.where(JOBS.c.client == client)
    if asked := tuple(states):
        wanted = wanted.where(JOBS.c.state.in_(asked))
    if before is not None:
        wanted = wanted.where(JOBS.c.id < storable(before))
    return _jobs(connection, connection.execute(wanted).mappings().all())


def queued(connection: Connection) -> list[Job]:
    wanted = select(JOBS).where(JOBS.c.state == "queued").order_by(JOBS.c.id)
    return _jobs(connection, connection.execute(wanted).mappings().all())


def start(connection: Connection, id: str, now: float) -> bool:  # noqa: A002
    changed = update(JOBS).where(_is(id), JOBS.c.state == "queued")
    values = {"state": "running", "started": now, "attempts": JOBS.c.attempts + 1}
    return connection.execute(changed.values(**values)).rowcount == 1


def put_back(connection: Connection, id: str, now: float) -> bool:  # noqa: A002
    """A running job queued again, as if it had not been begun: the server stops, and not because of it."""
    changed = update(JOBS).where(_is(id), JOBS.c.state == "running")
    values = {"state": "queued", "started": None, "attempts": JOBS.c.attempts - 1, "seconds": _ran(now)}
    return connection.execute(changed.values(**values)).rowcount == 1


def end(
    connection: Connection,
    id: str,  # noqa: A002
    state: State,
    *,
    error: str | None = None,
    notes: Sequence[str] = (),
    pictures: Sequence[Kept] = (),
) -> bool:
    """End a job that has not ended; True for the one who ended it. Its pictures come into the gallery."""
    now = time.time()
    changed = update(JOBS).where(_is(id), JOBS.c.state.in_(UNENDED))
    told = None if error is None else storable(error)
    values = {
        "state": state,
        "ended": now,
        "error": told,
        "notes": json.dumps([*notes]),
        "seconds": _ran(now),
    }
    if connection.execute(changed.values(**values, drawn=len(pictures))).rowcount != 1:
        return False
    if pictures:
        rows = [row_of(kept, place) for place, kept in enumerate(pictures)]
        connection.execute(PICTURES.insert(), rows)
    return True


def _is(id: str) -> ColumnElement[bool]:  # noqa: A002
    """The job of this id; of what is no id, none, without asking: the text may be any."""
    return JOBS.c.id == id if is_id(id) else false()


def _ran(now: float) -> ColumnElement[float]:
    return JOBS.c.seconds + case((JOBS.c.started.is_not(None), now - JOBS.c.started), else_=0.0)


def recover(connection: Connection) -> None:
    """What ran when a server was killed waits again, or has failed if that was once too often."""
    told = (
        f"the server stopped {MOST_ATTEMPTS} times while it drew this, so it is not begun again: "
        "ask for a smaller picture, or for fewer at once"
    )
    running = update(JOBS).where(JOBS.c.state == "running")
    poison = running.where(JOBS.c.attempts >= MOST_ATTEMPTS)
    connection.execute(poison.values(state="failed", ended=time.time(), error=told))
    connection.execute(running.values(state="queued", started=None))
    forgotten = JOBS.delete().where(JOBS.c.hidden, JOBS.c.ended < time.time() - QUOTA_DAYS * 86_400)
    connection.execute(forgotten)


def blank(connection: Connection, id: str, *, hide: bool) -> None:  # noqa: A002
    """Take all words out of an ended job whose pictures are gone; its times stay, for its client's quota."""
    left = connection.scalar(select(func.count()).where(PICTURES.c.job == id))
    if not left:
        changed = update(JOBS).where(JOBS.c.id == id, JOBS.c.state.in_(ENDED))
        values = {"wish": "{}", "notes": "[]", "error": None, "key": None}
        connection.execute(changed.values(**values, **({"hidden": True} if hide else {})))


def usage(connection: Connection, client: str, since: float) -> Usage:
    counted = select(func.count(), func.sum(JOBS.c.drawn), func.sum(JOBS.c.seconds))
    count, pictures, seconds = connection.execute(
        counted.where(JOBS.c.client == client, JOBS.c.created >= since)
    ).one()
    return Usage(jobs=count, pictures=pictures or 0, seconds=seconds or 0.0)


def _jobs(connection: Connection, rows: Sequence[RowMapping]) -> list[Job]:
    """Jobs with the ids of their pictures, which one further question finds."""
    ids = [row["id"] for row in rows if row["drawn"]]
    pictures: dict[str, list[str]] = {}
    wanted = select(PICTURES.c.job, PICTURES.c.id).where(PICTURES.c.condemned.is_(False))
    if ids:
        ordered = wanted.where(PICTURES.c.job.in_(ids)).order_by(PICTURES.c.job, PICTURES.c.place)
        for whose, picture in connection.execute(ordered):
            pictures.setdefault(whose, []).append(picture)
    return [job_of(row, pictures.get(row["id"], ())) for row in rows]

"""The store: what is promised of jobs and pictures, each method one transaction.

Synchronous and for any thread; async code calls it by ``anyio.to_thread``. How a job lives is told in
``jobs.py``, what can be asked of the gallery in ``gallery.py``, how commits survive in ``database.py``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from sfumato.serve.store import gallery, jobs
from sfumato.serve.store.database import Database
from sfumato.serve.store.ids import is_id
from sfumato.serve.store.records import Job, Kept, Most, Query, State, Usage

# ruff: noqa: A002 - ``id`` is what it is called everywhere


def open_store(url: str) -> Store:
    """The store behind a URL, ``Folder.database`` or PostgreSQL's; made where there is none. InputError."""
    return Store(Database(url))


class Store:
    """Jobs and pictures, kept. ``close`` it at the end; a process that is killed instead loses nothing."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def close(self) -> None:
        self.database.close()

    # jobs ----------------------------------------------------------------------------------------

    def accept(
        self, id: str, client: str, wish: Mapping[str, object], *, key: str | None = None, most: Most
    ) -> Job:
        """Keep a wish, under an id of ``fresh_id``; once this returns it will be drawn or will fail.

        The same client, key and wish again are the same job again. Raises KeyReused for a key that came with
        another wish, and LineFull.
        """
        if not is_id(id):
            raise ValueError(f"job id {id!r} is not of fresh_id")
        job = Job(id=id, client=client, state="queued", wish=wish, created=time.time(), key=key)
        with self.database.writing() as connection:
            self.database.alone(connection)
            return jobs.accept(connection, job, most=most)

    def job(self, id: str) -> Job | None:
        with self.database.reading() as connection:
            return jobs.job(connection, id)

    def jobs(
        self,
        *,
        client: str | None = None,
        states: Iterable[State] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Newest first; of all clients and in any state if none is named; ``before`` is the last one seen."""
        with self.database.reading() as connection:
            return jobs.jobs(connection, client=client, states=states, before=before, limit=limit)

    def queued(self) -> list[Job]:
        """The line, oldest first."""
        with self.database.reading() as connection:
            return jobs.queued(connection)

    def start(self, id: str) -> bool:
        """Note that a queued job is begun, before it is: a kill from now on costs it one of its attempts."""
        with self.database.writing() as connection:
            return jobs.start(connection, id, time.time())

    def put_back(self, id: str) -> bool:
        """Queue a running job again, its attempt not counted: the server stops, and not because of it."""
        with self.database.writing() as connection:
            return jobs.put_back(connection, id, time.time())

    def finish(self, id: str, pictures: Sequence[Kept], notes: Sequence[str] = ()) -> bool:
        """End a job as done, with its pictures; False, and nothing kept, where it has ended already."""
        with self.database.writing() as connection:
            return jobs.end(connection, id, "done", notes=notes, pictures=pictures)

    def fail(self, id: str, error: str) -> bool:
        with self.database.writing() as connection:
            return jobs.end(connection, id, "failed", error=error)

    def cancel(self, id: str) -> bool:
        with self.database.writing() as connection:
            return jobs.end(connection, id, "cancelled")

    def recover(self) -> list[Job]:
        """At a server's start: be the only one (else InputError), and queue again what ran. The line."""
        self.database.hold()
        with self.database.writing() as connection:
            jobs.recover(connection)
            return jobs.queued(connection)

    def forget(self, id: str) -> bool:
        """Take an ended job without pictures, and its words, out of every answer. False for any other."""
        with self.database.writing() as connection:
            found = jobs.job(connection, id)
            if found is None or found.pictures or found.state in jobs.UNENDED:
                return False
            jobs.blank(connection, id, hide=True)
        self.database.forget_deleted()
        return True

    def usage(self, client: str, since: float) -> Usage:
        with self.database.reading() as connection:
            return jobs.usage(connection, client, since)

    # pictures ------------------------------------------------------------------------------------

    def picture(self, id: str) -> Kept | None:
        with self.database.reading() as connection:
            return gallery.picture(connection, id)

    def by_pixels(self, digest: str, client: str | None = None) -> Kept | None:
        """The newest picture of these pixels, of a client or of any."""
        with self.database.reading() as connection:
            return gallery.by_pixels(connection, digest, client)

    def search(self, query: Query) -> list[Kept]:
        """Newest first."""
        with self.database.reading() as connection:
            return gallery.search(connection, query)

    def models(self, client: str | None = None) -> dict[str, int]:
        """How many pictures there are of each model, by its name."""
        with self.database.reading() as connection:
            return gallery.models(connection, client)

    def named(self, client: str | None = None) -> set[str]:
        """The digests that jobs and pictures name, of a client or of all."""
        with self.database.reading() as connection:
            return gallery.named(connection, client)

    def favourite(self, id: str, marked: bool) -> bool:
        with self.database.writing() as connection:
            return gallery.favourite(connection, id, marked)

    def condemn(self, id: str) -> Kept | None:
        """Begin a deletion: no answer names the picture from now on. ``deleting.py`` does all of it."""
        with self.database.writing() as connection:
            return gallery.condemn(connection, id)

    def condemned(self) -> list[Kept]:
        """Pictures whose deletion began and was not finished."""
        with self.database.reading() as connection:
            return gallery.condemned(connection)

    def delete(self, id: str) -> Kept | None:
        """Remove a picture's row for good, and with a job's last picture that job's words."""
        with self.database.writing() as connection:
            found = gallery.delete(connection, id)
        if found is not None:
            self.database.forget_deleted()
        return found

"""A database, opened: SQLite in a file, or PostgreSQL by URL, with the same promises.

A transaction that writes has the database to itself from its first statement on (SQLite: BEGIN IMMEDIATE;
PostgreSQL: rows are locked as they are changed, and ``alone`` orders what counts rows). SQLite writes ahead
(WAL) with synchronous=FULL: once a commit has returned it is on the disk, and survives kills and power cuts.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from sfumato.errors import InputError, MissingExtra
from sfumato.serve.store.locking import Lock
from sfumato.serve.store.tables import prepare

PATIENCE = 30_000  # milliseconds that a writer waits for another
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    f"busy_timeout={PATIENCE}",
)
ACCEPTING, SERVING = 7_363_646_001, 7_363_646_002  # names of PostgreSQL's advisory locks
WRITES = "sfumato_writes"
WAY_OUT = "give sqlite:////path/to/gallery.sqlite or postgresql+psycopg://user:password@host/name"


class Database:
    """What the store's transactions run in. Raises InputError for a URL or a database that cannot be used."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.shown = self.engine.url.render_as_string(hide_password=True)
        self._serving: Connection | Lock | None = None
        try:
            with self.writing() as connection:
                self.alone(connection)
                prepare(connection, self.shown)
        except InputError:
            self.engine.dispose()
            raise
        except SQLAlchemyError as error:
            self.engine.dispose()
            why = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise InputError(f"{self.shown}: cannot be opened ({why}); {WAY_OUT}") from error

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL and for a database in memory."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @contextlib.contextmanager
    def reading(self) -> Generator[Connection]:
        """One consistent view."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Generator[Connection]:
        """All of it or, where anything is raised, nothing."""
        with self.engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            yield connection

    def alone(self, connection: Connection) -> None:
        """Until its end no other transaction that asked for this goes on: what was counted stays true."""
        if not self.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ACCEPTING})"))

    def hold(self) -> None:
        """Be the one server of this database until ``close`` or the process's end, else InputError."""
        if self._serving is not None:
            return
        if self.file is not None:
            self._serving = Lock(self.file.with_name(f"{self.file.name}.lock"), f"the database {self.file}")
        elif not self.is_sqlite:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not connection.scalar(text(f"SELECT pg_try_advisory_lock({SERVING})")):
                connection.close()
                raise InputError(
                    f"{self.shown} is in use by another sfumato: stop that one, or name another database"
                )
            self._serving = connection

    def forget_deleted(self) -> bool:
        """Bring what was deleted out of the journal too; False while somebody still reads an older view.

        SQLite's pages were overwritten with zeros (secure_delete) and go from the journal to the file, which
        is then cut to nothing. PostgreSQL frees the rows' room; its own journal and backups are not ours.
        """
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not self.is_sqlite:
                connection.execute(text("VACUUM jobs, pictures"))
                return True
            busy, *_ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
            return not busy

    def close(self) -> None:
        if self._serving is not None:
            self._serving.close()
            self._serving = None
        self.engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(f"no database of the kind {parsed.get_backend_name()!r} is known: {WAY_OUT}")
        if parsed.get_backend_name() == "postgresql":
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(f"{url[:40]!r} is no URL of a database: {WAY_OUT}") from error
    except ModuleNotFoundError as error:
        raise MissingExtra("psycopg", "pip install 'sfumato[postgres]'") from error
    in_memory = parsed.database in (None, "", ":memory:")
    options: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}
    engine = create_engine(parsed, connect_args={"check_same_thread": False}, **options)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = (
        None  # transactions begin where ``_begin`` says, not where the driver guesses
    )
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

"""The tables, and how they came to be what they are.

Each version of the database is a line of ``MIGRATIONS``: what to do to a database of the version before. A
database that is new has the tables as they stand here and the newest version's number.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from sfumato.errors import InputError

VERSION = 1
MIGRATIONS: dict[int, Callable[[Connection], None]] = {}
"""By the version that they lead to, from 2 on; run in their order, each in the transaction of the opening."""

ID = String(25).with_variant(String(25, collation="C"), "postgresql")  # sorted by its letters everywhere

METADATA = MetaData()

SCHEMA = Table("schema", METADATA, Column("version", Integer, nullable=False))

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("client", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("wish", Text, nullable=False),  # JSON
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("notes", Text, nullable=False, default="[]"),  # JSON
    Column("key", Text),
    Column("drawn", Integer, nullable=False, default=0),  # pictures, those deleted since among them
    Column("seconds", Double, nullable=False, default=0.0),  # for which it ran, all attempts together
    Column("hidden", Boolean, nullable=False, default=False),  # forgotten; counts for its client's quota
    CheckConstraint("state IN ('queued','running','done','failed','cancelled')", name="jobs_state"),
    UniqueConstraint("client", "key", name="jobs_key"),
    Index("jobs_state_id", "state", "id"),
    Index("jobs_client_id", "client", "id"),
)

PICTURES = Table(
    "pictures",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("job", ID, ForeignKey("jobs.id"), nullable=False, index=True),
    Column("place", Integer, nullable=False),  # among the pictures of its job, from 0
    Column("client", Text, nullable=False),
    Column("file", Text, nullable=False, unique=True),
    Column("pixels", String(64), nullable=False, index=True),
    Column("request", Text, nullable=False),  # JSON
    Column("prompt", Text, nullable=False),
    Column("negative", Text, nullable=False),
    Column("folded", Text, nullable=False),  # all its words, as ``rows.folded`` makes them: what is searched
    Column("model", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("notes", Text, nullable=False, default="[]"),  # JSON
    Column("favourite", Boolean, nullable=False, default=False),
    Column("condemned", Boolean, nullable=False, default=False),  # its deletion began: no answer names it
    Index("pictures_client_id", "client", "id"),
)


def prepare(connection: Connection, where: str) -> None:
    """Make the tables, or bring older ones up to date; InputError for those of a newer sfumato."""
    if not inspect(connection).has_table(SCHEMA.name):
        METADATA.create_all(connection)
        connection.execute(SCHEMA.insert().values(version=VERSION))
        return
    found = connection.scalar(select(SCHEMA.c.version)) or 0
    if found > VERSION:
        raise InputError(
            f"{where} is of version {found}, made by a newer sfumato; this one reads up to {VERSION}: "
            "update sfumato, or name another gallery"
        )
    for version in range(found + 1, VERSION + 1):
        MIGRATIONS[version](connection)
        connection.execute(SCHEMA.update().values(version=version))

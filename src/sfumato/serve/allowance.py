"""How much of what a client brought is kept: the oldest that nothing names goes, before more is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from sfumato.serve.refused import Refused
from sfumato.serve.uploads import OWNERS, Gallery, forget

WAITS = 3600.0  # seconds for which an upload may wait for its wish
LEFT = 0.9  # of what is allowed, that is kept when something has to go: not each upload is to look


class Allowed(Protocol):
    """What of ``settings.Limits`` is read here."""

    @property
    def uploads_per_client(self) -> int: ...
    @property
    def uploads_bytes_per_client(self) -> int: ...


class Held(NamedTuple):
    """An upload of a client, and when it was brought last."""

    at: float
    digest: str
    size: int


def held(folder: Gallery, client: str) -> list[Held]:
    """What a client has here, the oldest first; a file that two brought counts for both."""
    found: list[Held] = []
    for mark in (folder.path / OWNERS / client).glob("*/*"):
        try:
            path = folder.upload(mark.name)
            if path is not None:
                found.append(Held(mark.stat().st_mtime, mark.name, path.stat().st_size))
        except OSError:  # it goes just now
            continue
    return sorted(found)


def make_room(client: str, folder: Gallery, limits: Allowed, *, named: Callable[[], Collection[str]]) -> None:
    """See that one more may come; ``named`` tells the digests that jobs or pictures name. Raises Refused."""
    rows = held(folder, client)
    count, size = len(rows), sum(row.size for row in rows)
    most, most_bytes = limits.uploads_per_client, limits.uploads_bytes_per_client
    if count < most and size < most_bytes:
        return
    kept, until = named(), time.time() - WAITS
    for row in rows:
        if count <= LEFT * most and size <= LEFT * most_bytes:
            return
        if row.at < until and row.digest not in kept and forget(row.digest, folder, client=client):
            count, size = count - 1, size - row.size
    if count >= most or size >= most_bytes:
        raise Refused(
            413,
            f"{count} uploads of yours are here, {size / 2**20:.0f} MiB; {most} may be, and "
            f"{most_bytes / 2**20:.0f} MiB, and those that your jobs and pictures name are kept: delete "
            "some (DELETE /v1/uploads/DIGEST), or pictures that were made of them",
            param="file",
        )

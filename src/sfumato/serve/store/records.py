"""What the store keeps and is asked, as plain values: jobs, pictures, questions, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sfumato.errors import SfumatoError

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
MOST_ATTEMPTS = 5  # of one job: whatever kills the server so often is not begun a sixth time


@dataclass(frozen=True, kw_only=True)
class Job:
    """An accepted wish. Times are seconds since 1970; ``wish`` is the JSON of ``Wish``, its seed settled.

    ``wish`` is empty once all pictures of a job have been deleted: their words went with them.
    """

    id: str
    client: str
    state: State
    wish: Mapping[str, object]
    created: float
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    error: str | None = None
    notes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()  # ids, in the order of their seeds
    key: str | None = None  # the client's own, by which a repeated request is known


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A finished picture in the gallery. ``file`` is relative to the gallery's folder."""

    id: str
    job: str
    client: str
    file: str
    pixels: str  # the digest of its pixels, by which a wish may name it
    request: Mapping[str, object]  # the JSON of its Request
    prompt: str
    negative: str
    model: str
    seed: int
    width: int
    height: int
    size: int  # of its file, in bytes
    created: float
    notes: tuple[str, ...] = ()
    favourite: bool = False


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which pictures, newest first. ``words`` must all occur, in any case, in what the picture was asked by.

    ``since`` and ``until`` are seconds since 1970, the second one exclusive; ``before`` is the last picture
    of the page before, which may have been deleted meanwhile; ``client`` None: of all clients.
    """

    words: str = ""
    model: str | None = None
    since: float | None = None
    until: float | None = None
    favourite: bool | None = None
    client: str | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True, kw_only=True)
class Most:
    """How many jobs may wait: of one client, and of all."""

    queued_per_client: int = 64
    queued: int = 500


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a client had since some time; deleting pictures gives nothing back."""

    jobs: int  # accepted
    pictures: int  # drawn
    seconds: float  # for which its jobs ran


class LineFull(SfumatoError):  # noqa: N818 - named after what happened
    """No further job is accepted now; ``retry_after`` seconds from now there may be a place."""

    def __init__(self, told: str, retry_after: int) -> None:
        super().__init__(f"{told}; try again in {retry_after} s")
        self.retry_after = retry_after


class KeyReused(SfumatoError):  # noqa: N818 - named after what happened
    """An idempotency key that came with another wish before."""

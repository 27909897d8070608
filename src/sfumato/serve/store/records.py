"""What the store keeps, as plain values: jobs, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Job:
    """An accepted wish. Times are seconds since 1970; ``wish`` is the JSON of ``Wish``, its seed settled."""

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

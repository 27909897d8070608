"""How a server was started: what it draws with, where it keeps pictures, how much it lets people ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfumato.engine.precision import ModelFile

LOOPBACK = "127.0.0.1"
PORT = 7860


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one client, and all of them together, may have here at a time."""

    queued_per_client: int = 64  # jobs that wait
    queued: int = 500
    live: int = 16  # pictures that are drawn at a time
    of_one_job: int = 4  # of these
    upload_bytes: int = 32 << 20
    upload_pixels: int = 64_000_000
    uploads_per_client: int = 2000  # kept, where there are tokens
    uploads_bytes_per_client: int = 4 << 30
    body_bytes: int = 1 << 20
    requests_per_minute: int = 6000  # of one client, of any kind
    streams_per_client: int = 64


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the command line says. ``budget`` is in bytes; ``models`` begins with the default one."""

    gallery: Path
    database: str | None = None  # None: SQLite in the gallery's folder
    models: tuple[ModelFile, ...]
    adapters: Path | None = None
    budget: int
    exact: bool = False
    port: int = PORT
    listen: str = LOOPBACK
    hosts: tuple[str, ...] = ()  # further names by which it may be called
    token_file: Path | None = None
    grace: float = 30.0  # seconds that running jobs are given when the server is told to end
    limits: Limits = field(default_factory=Limits)

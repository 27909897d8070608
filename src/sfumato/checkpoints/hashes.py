"""The digests by which people and sites name a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from sfumato.checkpoints.header import read_header
from sfumato.errors import CheckpointError

CHUNK = 2**20  # bytes


class Hashes(NamedTuple):
    """All in lower-case hexadecimal."""

    sha256: str
    autov2: str  # the first 10 characters of it
    autov3: (
        str | None
    )  # 12 of the SHA-256 of what follows a safetensors header: new metadata leave it as it is


def hashes(path: str | Path) -> Hashes:
    """Read a file once, from end to end. CheckpointError where it cannot be read."""
    path = Path(path)
    try:
        start: int | None = read_header(path).data_start
    except CheckpointError:
        start = None  # a pickle, or damaged: the whole of it has a digest all the same
    whole, tensors, place = hashlib.sha256(), hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                whole.update(chunk)
                if start is not None and place + len(chunk) > start:
                    tensors.update(chunk[max(0, start - place) :])
                place += len(chunk)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    digest = whole.hexdigest()
    return Hashes(digest, digest[:10], None if start is None else tensors.hexdigest()[:12])

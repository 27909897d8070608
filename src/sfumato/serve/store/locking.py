"""One server to a gallery: a file that the living one holds locked, and that a dead one cannot."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sfumato.errors import InputError


class Lock:
    """Held from when it is made until ``close``, or until the process ends in whatever way.

    Raises InputError, which names the process that holds it. ``what`` is what there can be one server of.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be opened ({error.strerror}); name a folder of yours"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "?"
            os.close(self._file)
            raise InputError(
                f"{what} is in use by another sfumato, process {holder}: stop it, or name another gallery"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Let go; the file stays, for whoever waits for it has it open."""
        os.close(self._file)

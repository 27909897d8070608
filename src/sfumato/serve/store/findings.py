"""What the checks of a gallery share: what they look at, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sfumato.serve.store.folder import Folder
from sfumato.serve.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be, and what was done about it if anything was."""

    what: str
    told: str
    mended: str | None = None


class Checking:
    """A gallery that is checked. ``until``: only what was last written before then; None: all of it."""

    def __init__(self, store: Store, folder: Folder, *, mend: bool, until: float | None) -> None:
        self.store = store
        self.folder = folder
        self.mend = mend
        self.until = until

    def found(self, what: str | Path, told: str, mend: Callable[[], str]) -> Finding:
        """A finding; ``mend`` is called if it is to be mended, and says what it did."""
        name = what.relative_to(self.folder.path).as_posix() if isinstance(what, Path) else what
        return Finding(what=name, told=told, mended=mend() if self.mend else None)

    def is_settled(self, path: Path) -> bool:
        """Whether a file is there and old enough to be judged."""
        try:
            written = path.lstat().st_mtime
        except FileNotFoundError:  # removed meanwhile
            return False
        return self.until is None or written < self.until

    def removed(self, path: Path) -> str:
        path.unlink(missing_ok=True)
        return "removed"

    def lost(self, path: Path) -> str:
        return f"moved to {self.folder.lose(path).relative_to(self.folder.path).as_posix()}"

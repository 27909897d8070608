"""Whether a gallery's database and folder agree, and how to make them."""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.serve.store.folder import Folder
from sfumato.serve.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be, and what was done about it if anything was."""

    what: str
    told: str
    mended: str | None = None


def check_gallery(store: Store, folder: Folder, *, mend: bool = False) -> list[Finding]:
    """Compare rows with files, and both with what must hold."""
    raise NotImplementedError

"""Delete means gone: from every answer at once, then the files, then the words; also when killed between."""

from __future__ import annotations

from sfumato.serve.store.folder import Folder
from sfumato.serve.store.records import Kept
from sfumato.serve.store.store import Store
from sfumato.serve.uploads import forget


def delete_picture(store: Store, folder: Folder, id: str) -> Kept | None:  # noqa: A002 - as everywhere
    """Delete a picture, its thumbnail and its words; what it was, or None where there is none."""
    found = store.condemn(id)
    if found is not None:
        erase(store, folder, found)
    return found


def finish_deletions(store: Store, folder: Folder) -> int:
    """At a server's start: do what a kill broke off; how many there were."""
    begun = store.condemned()
    for kept in begun:
        erase(store, folder, kept)
    return len(begun)


def erase(store: Store, folder: Folder, kept: Kept) -> None:
    """The files of a condemned picture, then its row and its words.

    Its client may have brought it back as an upload, to go on from it: that goes too.
    """
    folder.remove(kept)
    if store.by_pixels(kept.pixels, kept.client) is None:
        forget(kept.pixels, folder, client=kept.client)
    store.delete(kept.id)

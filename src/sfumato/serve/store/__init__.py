"""What a job, its pictures and their files are kept in: SQLAlchemy over SQLite or PostgreSQL, and a folder.

Begin with ``store.py`` and ``folder.py``; ``records.py`` has what goes in and comes out.
"""

from sfumato.serve.store.check import check_gallery
from sfumato.serve.store.deleting import delete_picture, finish_deletions
from sfumato.serve.store.findings import Finding
from sfumato.serve.store.folder import Folder
from sfumato.serve.store.ids import fresh_id
from sfumato.serve.store.records import (
    ENDED,
    MOST_ATTEMPTS,
    Job,
    Kept,
    KeyReused,
    LineFull,
    Most,
    Query,
    State,
    Usage,
)
from sfumato.serve.store.store import Store, open_store

__all__ = [
    "ENDED",
    "MOST_ATTEMPTS",
    "Finding",
    "Folder",
    "Job",
    "Kept",
    "KeyReused",
    "LineFull",
    "Most",
    "Query",
    "State",
    "Store",
    "Usage",
    "check_gallery",
    "delete_picture",
    "finish_deletions",
    "fresh_id",
    "open_store",
]

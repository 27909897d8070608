"""From rows to records and back, and how words are made comparable."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import RowMapping

from sfumato.serve.store.records import Job, Kept


def folded(*texts: str) -> str:
    """Texts as they are compared: one spelling of each letter, without case."""
    joined = unicodedata.normalize("NFKC", "\n".join(texts)).casefold()
    return storable(unicodedata.normalize("NFKC", joined))


def storable(text: str) -> str:
    """PostgreSQL's text holds no NUL, and no database half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def job_of(row: RowMapping, pictures: Iterable[str]) -> Job:
    return Job(
        id=row["id"],
        client=row["client"],
        state=row["state"],
        wish=cast("Mapping[str, object]", json.loads(row["wish"])),
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        attempts=row["attempts"],
        error=row["error"],
        notes=tuple(json.loads(row["notes"])),
        pictures=tuple(pictures),
        key=row["key"],
    )


def kept_of(row: RowMapping) -> Kept:
    plain = ("id", "job", "client", "file", "pixels", "prompt", "negative", "model", "seed")
    values: dict[str, Any] = {
        name: row[name] for name in (*plain, "width", "height", "size", "created", "favourite")
    }
    request = cast("Mapping[str, object]", json.loads(row["request"]))
    return Kept(request=request, notes=tuple(json.loads(row["notes"])), **values)


def row_of(kept: Kept, place: int) -> dict[str, object]:
    """A picture's row; its words are what a person typed, before and after it was expanded."""
    sentence = kept.request.get("sentence")
    return {
        "id": kept.id,
        "job": kept.job,
        "place": place,
        "client": kept.client,
        "file": kept.file,
        "pixels": kept.pixels,
        "request": json.dumps(kept.request),
        "prompt": storable(kept.prompt),
        "negative": storable(kept.negative),
        "folded": folded(kept.prompt, kept.negative, sentence if isinstance(sentence, str) else ""),
        "model": storable(kept.model),
        "seed": kept.seed,
        "width": kept.width,
        "height": kept.height,
        "size": kept.size,
        "created": kept.created,
        "notes": json.dumps(kept.notes),
        "favourite": kept.favourite,
        "condemned": False,
    }

"""A wish out of a picture's file: what it tells, as far as this server can draw it, and what it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from PIL import Image
from pydantic import ValidationError

from sfumato.errors import InputError
from sfumato.provenance.restoring import Restored, restore
from sfumato.serve.preparing import digests_of
from sfumato.serve.wish import Wish

READ = ("PNG", "JPEG", "WEBP")
PICTURES = {
    "picture": "the picture that it went on from",
    "mask": "its mask",
    "controls": "a picture that it followed",
    "references": "a picture whose look it took",
    "regions": "the mask of a region",
}
"""Fields that name pictures, and what those are called."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """The fields of a wish, as JSON; ``ours`` is whether the picture has our receipt."""

    wish: dict[str, Any]
    notes: list[str]
    ours: bool


def told_by(
    data: bytes, *, most_pixels: int, models: Collection[str], is_here: Callable[[str], bool]
) -> Told:
    """What a picture's file tells. ``is_here`` says of a digest whether its picture is. Raises InputError."""
    try:
        with Image.open(BytesIO(data), formats=READ) as image:
            if image.width * image.height > most_pixels:
                raise InputError(
                    f"the picture has {image.width}x{image.height} pixels, more than {most_pixels:,}: "
                    "settings are read from smaller ones"
                )
            found = restore(image)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError("the file is no PNG, JPEG or WebP, or a damaged one: drop a picture") from error
    fields, notes = _sound(found)
    notes += _without_strange(fields, models, is_here)
    return Told(wish=fields, notes=notes, ours=found.ours)


def _sound(found: Restored) -> tuple[dict[str, Any], list[str]]:
    """What a wish can say of it; whatever it cannot is noted."""
    fields, notes = dict(found.fields), list(found.notes)
    for _ in range(len(fields)):
        wrong = _wrong(fields)
        if wrong is None:
            break
        name, why = wrong
        notes.append(f"{name} {json.dumps(fields.pop(name))[:60]} was not taken over: {why}")
    return fields, notes


def _wrong(fields: dict[str, Any]) -> tuple[str, str] | None:
    """The first field that no wish can have, and why."""
    try:
        Wish.model_validate({"prompt": "-", **fields})
    except ValidationError as error:
        first = error.errors()[0]
        return str(first["loc"][0]), first["msg"]
    return None


def _without_strange(
    fields: dict[str, Any], models: Collection[str], is_here: Callable[[str], bool]
) -> list[str]:
    """Take out models and pictures that this server does not have; a line for each."""
    notes: list[str] = []
    model = fields.get("model")
    if model is not None and model not in models:
        notes.append(f"the model {model!r} is not here: it is drawn with the one that is chosen")
        del fields["model"]
    for name, what in PICTURES.items():
        if name not in fields:
            continue
        asked = fields[name]
        rows: list[object] = cast("list[object]", asked) if isinstance(asked, list) else [asked]
        kept = [row for row in rows if all(map(is_here, _digests(name, row)))]
        if len(kept) < len(rows):
            notes.append(f"{what} is not here: bring it again")
            fields[name] = kept
        if not kept and not isinstance(asked, list):
            del fields[name]
    return notes


def _digests(field: str, row: object) -> tuple[str, ...]:
    value = row if field in ("picture", "mask") else [row]
    return digests_of(Wish.model_validate({"prompt": "-", field: value}))

"""A request of OpenAI's images API made a wish of ours, with a note for all of it that has no effect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from sfumato.serve.refused import Refused
from sfumato.serve.routes.openai.asked import Asked, Edit, Generation, Variation
from sfumato.serve.routes.openai.fields import FIELDS, FOREIGN_MODELS, QUALITIES, STRENGTHS
from sfumato.serve.translated import Translated, wish_of
from sfumato.serve.wish import Wish

ANY = "a picture"
"""The words of a variation of a picture of which nothing is said."""

VARIED = 0.6  # how far a variation goes from its picture
OURS = frozenset(Wish.model_fields) - {"prompt", "size", "model"}
"""Fields of a wish that may stand beside OpenAI's own; the three are OpenAI's too."""


class Files(NamedTuple):
    """What was brought, by digests, and what was told of it. ``words`` are those that a receipt tells."""

    picture: str
    mask: str | None = None
    references: tuple[str, ...] = ()
    words: str | None = None
    notes: tuple[str, ...] = ()


class Shelf(NamedTuple):
    """The models of the server, the first of which is its own choice; what reads references for each."""

    models: Sequence[str]
    readers: Mapping[str, str] = MappingProxyType({})


def generation(asked: Generation, shelf: Shelf) -> Translated:
    """The wish of ``/v1/images/generations``. Raises Refused."""
    values, notes = _common(asked, shelf)
    return Translated(wish_of({**values, "prompt": asked.prompt}), notes)


def edit(asked: Edit, files: Files, shelf: Shelf) -> Translated:
    """The wish of ``/v1/images/edits``. Raises Refused."""
    values, notes = _common(asked, shelf)
    references, told = _references(files.references, str(values["model"]), shelf)
    strength = None if asked.input_fidelity is None else STRENGTHS[asked.input_fidelity]
    if files.mask is not None and strength is not None:
        strength, told = None, (*told, "input_fidelity has no effect under a mask: what it covers is kept")
    painted = {"picture": files.picture, "mask": files.mask, "strength": strength, "references": references}
    values = {**painted, **values, "prompt": asked.prompt}
    return Translated(wish_of(values), (*files.notes, *notes, *told))


def variation(asked: Variation, files: Files, shelf: Shelf) -> Translated:
    """The wish of ``/v1/images/variations``: the picture is gone on from. Raises Refused.

    Its words are those that are given, or those of the picture's own receipt; where there are none, it is
    read as a reference too, if the model can.
    """
    values, notes = _common(asked, shelf)
    words = asked.prompt or files.words
    reader = shelf.readers.get(str(values["model"])) if words is None else None
    if words is None:
        notes = (*notes, f"the picture carries no words: drawn as {ANY!r}; say prompt to have others")
    elif asked.prompt is None:
        notes = (*notes, f"drawn with the words of the picture's receipt: {words[:200]!r}")
    references = None if reader is None else [{"picture": files.picture, "network": reader}]
    values = {"picture": files.picture, "strength": VARIED, "references": references, **values}
    return Translated(wish_of({**values, "prompt": words or ANY}), (*files.notes, *notes))


def told_size(asked: Asked) -> tuple[int, int] | None:
    """The (width, height) that is asked for; None for the model's own."""
    if asked.size in (None, "auto"):
        return None
    width, _, height = str(asked.size).partition("x")
    return int(width), int(height)


def from_form(fields: Sequence[tuple[str, str]]) -> dict[str, object]:
    """The fields of a form as JSON would say them: ``name[]`` are lists, our own fields may be JSON text."""
    said: dict[str, object] = {}
    for name, text in fields:
        bare = name.partition("[")[0]
        value = _spelt(text) if bare in OURS else text
        if name == bare:
            said[bare] = value
        else:
            before = said.get(bare)
            said[bare] = [*(before if isinstance(before, list) else ()), value]
    return said


def _common(asked: Asked, shelf: Shelf) -> tuple[dict[str, object], tuple[str, ...]]:
    """What every request may say, and notes on what of it has no effect."""
    _check(asked)
    others = asked.others
    model, notes = _model(asked.model, shelf.models)
    quality = QUALITIES[asked.quality or "auto"]
    ours = {name: value for name, value in others.items() if name in OURS}
    if quality.steps is not None and "steps" in ours:
        notes.append(f"steps {ours['steps']} goes before quality {asked.quality}")
    styled = asked.style is not None and asked.style not in FIELDS["style"].harmless
    values: dict[str, object] = {
        "model": model,
        "count": asked.n,
        "size": told_size(asked),
        "steps": quality.steps,
        "styles": [asked.style] if styled else None,
    }
    return {**values, **ours}, (*notes, *_without_effect(asked, others))


def _check(asked: Asked) -> None:
    """Raise Refused for what is not done here."""
    if asked.output_format in ("gif", "svg"):
        raise Refused(
            400, f"output_format {asked.output_format} is not drawn here: ask for png, jpeg or webp",
            param="output_format",
        )  # fmt: skip
    if asked.background == "transparent":
        raise Refused(
            400, "background transparent is not drawn here: pictures are opaque; ask for auto or opaque",
            param="background",
        )  # fmt: skip
    if asked.stream and asked.response_format == "url":
        raise Refused(
            400, "a stream brings its pictures as b64_json: leave response_format out, or do not stream",
            param="response_format",
        )  # fmt: skip
    if asked.n is not None and "count" in asked.others:
        raise Refused(400, "n and count say the same: leave one of them out", param="n")
    for name, meant in FIELDS.items():
        if meant.how == "refused" and name in asked.others:
            raise Refused(400, f"{name} is not understood here: {meant.says}", param=name)


def _model(name: str | None, models: Sequence[str]) -> tuple[str, list[str]]:
    """The model that is meant, and a note where that is not the one that is named."""
    if name is None:
        return models[0], []
    if name in models:
        return name, []
    if name.startswith(FOREIGN_MODELS):
        return models[0], [f"model {name} is not here: drawn by {models[0]}; there is {', '.join(models)}"]
    raise Refused(404, f"no model {name!r} here: there is {', '.join(models)}", param="model")


def _references(
    pictures: Sequence[str], model: str, shelf: Shelf
) -> tuple[list[dict[str, object]] | tuple[()], tuple[str, ...]]:
    reader = shelf.readers.get(model)
    if not pictures or reader is not None:
        return [{"picture": each, "network": reader} for each in pictures], ()
    many = "image" if len(pictures) == 1 else "images"
    told = f"{len(pictures)} {many} beside the first had no effect: model {model} has no reader of references"
    return (), (told,)


def _without_effect(asked: Asked, others: Mapping[str, object]) -> list[str]:
    notes = [
        f"{name} has no effect: {FIELDS[name].says}"
        for name in others
        if name in FIELDS and FIELDS[name].how == "no effect"
    ]
    unknown = [name for name in others if name not in FIELDS and name not in OURS]
    notes += [f"{name[:100]} has no effect: nothing of that name is known here" for name in unknown]
    if asked.style in FIELDS["style"].harmless:
        notes.append(f"style {asked.style} has no effect: it is none of /v1/styles")
    if asked.output_compression is not None and asked.format == "png":
        notes.append("output_compression has no effect on png, which loses nothing")
    if asked.partial_images and not asked.stream:
        notes.append("partial_images has no effect without stream")
    return notes


def _spelt(text: str) -> object:
    """A value that a form gives as text, read as JSON where it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

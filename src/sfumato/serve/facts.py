"""What can be told of a server's models and words: tables for people and programs, read in threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sfumato.adapters.taught import taught_kinds
from sfumato.families import embedded
from sfumato.families.understood import Reads, reader
from sfumato.families.world import read_config
from sfumato.request import ROLES, Request
from sfumato.serve.adapters import CONTROLS, READERS, Adapters
from sfumato.serve.models import Models
from sfumato.text.grammar import parse
from sfumato.text.wildcards import chosen

if TYPE_CHECKING:
    from sfumato.families.model import Model

CONTROL, REFERENCE = "control", "reference"  # what the networks are called that the package ships
MOST_READINGS = 64


class Shape(NamedTuple):
    """What a model tells once it has been in memory; the embedded one's header tells it before."""

    native: tuple[int, int]
    multiple: int  # of both sides, from least to most
    least: int
    most: int
    beside: int  # channels that its network sees beside the latent: 5 fills holes, 4 edits

    @classmethod
    def of(cls, model: Model) -> Shape:
        sides = model.sizes.sides
        return cls(model.native, sides.step, sides[0], sides[-1], model.channels_beside)

    @classmethod
    def of_embedded(cls) -> Shape:
        """The embedded model's, by its file's header."""
        sizes = read_config(embedded()).sizes
        return cls(sizes.native, sizes.multiple, sizes.sides[0], sizes.sides[-1], beside=0)


def models_told(
    models: Models, adapters: Adapters, shapes: Mapping[str, Shape], resident: Mapping[str, int]
) -> list[dict[str, object]]:
    """Every model: the default first."""
    beside = adapters.all().values()
    shipped = embedded()
    told: list[dict[str, object]] = []
    for name, file in models.by_name.items():
        ours = file.path == shipped
        controls: list[dict[str, object]] = [
            {"name": each.name, "kinds": taught_kinds(each.path) if each.kind.startswith("taught") else []}
            for each in beside
            if each.kind in CONTROLS and each.kind.startswith("taught") == ours
        ]
        readers = [
            each.name for each in beside if each.kind in READERS and each.kind.startswith("taught") == ours
        ]
        if ours:
            controls.insert(0, {"name": CONTROL, "kinds": taught_kinds(embedded(CONTROL))})
            readers.insert(0, REFERENCE)
        shape = shapes.get(name)
        told.append({
            "name": name,
            "default": name == models.default,
            "family": models.known[name].family,
            "dtype": file.dtype,
            "embedded": ours,
            "native": None if shape is None else shape.native,
            "sizes": None if shape is None else
            {"multiple": shape.multiple, "least": shape.least, "most": shape.most},
            "beside": None if shape is None else shape.beside,
            "controls": controls,
            "references": [{"name": each, "roles": ROLES} for each in readers],
            "resident": resident.get(name),
        })  # fmt: skip
    return told


class Reading(NamedTuple):
    """How a model reads a text: its tokens in chunks, how many of how many, what is cut, what is not read."""

    tokens: list[list[dict[str, Any]]]
    room: int
    used: int
    cut: str
    notes: tuple[str, ...]
    plain: str  # its words without the grammar


def read(model: Path, text: str, seed: int, *, embeddings: Sequence[Path] = ()) -> Reading:
    """What a model makes of a prompt at its first step; AND's texts follow each other. Raises InputError.

    Notes and ``plain`` are of the words of all steps.
    """
    parsed, reads = parse(chosen(text, seed)), _reads(model, tuple(embeddings))
    stages = parsed.stages(Request.steps)
    texts = dict.fromkeys(branch.text for stage in stages for branch in stage.branches)
    known = {each: reads(each) for each in texts}
    understood = [known[branch.text] for branch in stages[0].branches]
    chunks = [[asdict(token) for token in chunk] for each in understood for chunk in each.chunks]
    notes = [*parsed.notes, *(note for each in known.values() for note in each.notes)]
    return Reading(
        tokens=chunks,
        room=understood[0].room * max(len(chunks), 1),
        used=sum(len(chunk) for chunk in chunks),
        cut="".join(each.cut for each in understood),
        notes=tuple(dict.fromkeys(notes)),
        plain=" ".join(each.plain for each in known.values()),
    )


@lru_cache(maxsize=MOST_READINGS)
def _reads(model: Path, embeddings: tuple[Path, ...]) -> Reads:
    return reader(model, embeddings)[1]

"""All that can be told of a file or folder without reading its numbers, as plain values for people and JSON.

``recognise.py`` decides what it is; here stand its sizes and what its makers wrote into it. Metadata are text
that a stranger chose: nothing of them is believed but shown.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sfumato.checkpoints import marks
from sfumato.checkpoints.distilled import distilled, hints
from sfumato.checkpoints.open import Checkpoint
from sfumato.checkpoints.recognise import Found
from sfumato.checkpoints.tensors import Kind

MOST_TAGS = 20
LONGEST = 4 * 2**20  # characters of an entry that are looked into


@dataclass(frozen=True, kw_only=True)
class Part:
    """How much a part holds, and in which kinds of number: "F16", "F16+F32"."""

    parameters: int
    precision: str


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """What an adapter consists of: how many layers it changes, and the ranks of its low-rank ones."""

    modules: int
    ranks: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What the trainer wrote down; None and empty where it did not."""

    base: str | None
    method: str | None
    rank: str | None
    alpha: str | None
    pictures: str | None
    epochs: str | None
    steps: str | None
    resolution: str | None
    tags: Mapping[str, int]  # the most frequent, with the number of their pictures


@dataclass(frozen=True, kw_only=True)
class Report:
    """A checkpoint in plain values; lists of names are whole."""

    path: str
    layout: str
    format: str
    files: tuple[str, ...]
    bytes: int
    kind: str
    family: str | None
    variant: str
    prediction: str | None
    decided_by: str | None
    zero_snr: bool
    few_steps: str | None  # how it wants to be asked, if it was distilled
    drawable: bool
    obstacle: str | None
    parameters: int
    parts: Mapping[str, Part]
    missing_parts: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    ignored: Mapping[str, tuple[str, ...]]
    adapter: Adapted | None
    title: str | None
    author: str | None
    licence: str | None
    training: Training | None
    notes: tuple[str, ...]


def report(checkpoint: Checkpoint, found: Found) -> Report:
    """Put together what was opened and what was recognised; files are asked for their sizes only."""
    kinds, metadata = checkpoint.tensors.kinds, checkpoint.metadata
    complete = found.obstacle is None and not (found.missing or found.missing_parts or found.unused)
    few = distilled(checkpoint) if found.prediction else None
    return Report(
        path=str(checkpoint.path),
        layout=checkpoint.layout,
        format=checkpoint.format,
        files=tuple(str(file) for file in checkpoint.files),
        bytes=sum(file.stat().st_size for file in checkpoint.files),
        kind=found.kind,
        family=None if found.family == "unknown" else found.family,
        variant=found.variant,
        prediction=found.prediction or None,
        decided_by=found.decided_by or None,
        zero_snr=found.zero_snr,
        few_steps=f"{few.name}: {few.advice}" if few else None,
        drawable=found.kind == "checkpoint" and complete,
        obstacle=found.obstacle,
        parameters=_parameters(kinds.values()),
        parts=_parts(found, kinds),
        missing_parts=found.missing_parts,
        missing=found.missing,
        unused=found.unused,
        ignored=found.ignored,
        adapter=_adapted(kinds) if found.kind == "lora" else None,
        title=metadata.get("modelspec.title") or metadata.get("ss_output_name"),
        author=metadata.get("modelspec.author"),
        licence=metadata.get("modelspec.license") or metadata.get("license") or _card_licence(checkpoint),
        training=_training(metadata),
        notes=(*checkpoint.notes, *found.notes, *(hints(checkpoint) if found.prediction else ())),
    )


def _parts(found: Found, kinds: Mapping[str, Kind]) -> dict[str, Part]:
    """Of recognised parts; an adapter is one; of a stranger, by the first word of every name."""
    if found.parts:
        return {part: _part(held.kinds.values()) for part, held in found.parts.items()}
    if found.kind != "unknown":
        return {found.kind: _part(kinds.values())}
    groups: dict[str, list[Kind]] = {}
    for name, kind in kinds.items():
        groups.setdefault(re.split(r"[._]", name, maxsplit=1)[0], []).append(kind)
    return {name: _part(group) for name, group in groups.items()}


def _part(kinds: Iterable[Kind]) -> Part:
    held = list(kinds)
    return Part(parameters=_parameters(held), precision="+".join(sorted({kind.dtype for kind in held})))


def _parameters(kinds: Iterable[Kind]) -> int:
    return sum(math.prod(kind.shape) for kind in kinds)


def _adapted(kinds: Mapping[str, Kind]) -> Adapted:
    modules = {re.split(marks.LORA, name)[0] for name in kinds if re.search(marks.LORA, name)}
    down = re.compile(r"(?:lora_down|lora_A|\.down)\b")
    ranks = {kind.shape[0] for name, kind in kinds.items() if kind.shape and down.search(name)}
    return Adapted(modules=len(modules), ranks=tuple(sorted(ranks)))


def _training(metadata: Mapping[str, str]) -> Training | None:
    """Kohya's entries, which other trainers write too."""
    if not any(name.startswith("ss_") for name in metadata):
        return None

    def told(entry: str) -> str | None:
        value = metadata.get(entry)
        return None if value in (None, "", "None") else value

    return Training(
        base=told("ss_sd_model_name") or told("ss_base_model_version"),
        method=told("ss_network_module"),
        rank=told("ss_network_dim"),
        alpha=told("ss_network_alpha"),
        pictures=told("ss_num_train_images"),
        epochs=told("ss_epoch"),
        steps=told("ss_steps"),
        resolution=told("ss_resolution"),
        tags=_tags(metadata.get("ss_tag_frequency", "")),
    )


def _tags(text: str) -> dict[str, int]:
    """The most frequent tags of all sets of pictures together; none from what is not as kohya writes it."""
    try:
        sets: object = json.loads(text) if 0 < len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        sets = None
    counts: Counter[str] = Counter()
    for tags in cast("dict[str, object]", sets).values() if isinstance(sets, dict) else ():
        for tag, count in cast("dict[str, object]", tags).items() if isinstance(tags, dict) else ():
            if type(count) is int:
                counts[tag.strip()] += count
    return dict(counts.most_common(MOST_TAGS))


def _card_licence(checkpoint: Checkpoint) -> str | None:
    """The licence that a folder's README names between its first two lines of dashes."""
    card = Path(checkpoint.path) / "README.md"
    if checkpoint.layout != "folder" or not card.is_file():
        return None
    try:
        with card.open(encoding="utf-8", errors="replace") as file:
            opening = file.read(16_384)
    except OSError:
        return None
    front = re.match(r"---\n(.*?)\n---", opening, re.DOTALL)
    found = re.search(r"^license:\s*(\S[^\n]*)$", front[1], re.MULTILINE) if front else None
    return found[1].strip().strip("\"'") if found else None

"""A model as diffusers and transformers write it: a folder for each part, with its configuration and weights.

Weights are one file, or shards that an index lists; ``.safetensors`` is preferred to ``.bin``. Nothing is
imported that a configuration names, and no name in an index may leave its folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from sfumato.checkpoints import pickle
from sfumato.checkpoints.header import DOWNLOAD_AGAIN, read_header
from sfumato.checkpoints.mapped import mapped
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_JSON = 16 * 2**20  # bytes; the index of a model of 10,000 tensors has one
INDEX = "model_index.json"
CONFIGS = ("config.json", "scheduler_config.json", "preprocessor_config.json")
WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_WEIGHTS = re.compile(
    r"(?P<stem>diffusion_pytorch_model|model|pytorch_model)(\.(?P<variant>\w[\w-]*?))?\.(?P<kind>safetensors|bin)"
)
_SHARDS = re.compile(
    r"(?P<stem>diffusion_pytorch_model|model|pytorch_model)\.(?P<kind>safetensors|bin)\.index"
    r"(\.(?P<variant>\w[\w-]*))?\.json"
)
_SHARD = re.compile(r".*-\d{5}-of-\d{5}(\.\w[\w-]*)?\.(safetensors|bin)")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What a folder holds, with names and settings as ``open.Checkpoint`` has them."""

    metadata: Mapping[str, str]
    tensors: Tensors
    files: tuple[Path, ...]
    configs: Mapping[str, Mapping[str, object]]
    tokenizers: Mapping[str, Path]
    notes: tuple[str, ...]
    pickled: bool


class _Choice(NamedTuple):
    """One way to load a part: a file, or the index of several."""

    path: Path
    variant: str | None
    kind: str
    sharded: bool


@dataclass(kw_only=True)
class _Found:
    parts: dict[str, Tensors] = field(default_factory=dict[str, Tensors])
    files: list[Path] = field(default_factory=list[Path])
    configs: dict[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    tokenizers: dict[str, Path] = field(default_factory=dict[str, Path])
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    variants: set[str | None] = field(default_factory=set[str | None])
    notes: list[str] = field(default_factory=list[str])


def read_folder(path: Path, variant: str | None) -> Folder:
    """Read the settings and headers of a whole model, or of one part. Raises CheckpointError."""
    found = _Found()
    if (path / INDEX).is_file():
        found.configs[""] = read_json(path / INDEX)
        for part in _listed(found.configs[""], _folders(path), found.notes):
            _read_part(path / part, part, variant, found)
    elif (path / "config.json").is_file():
        _read_part(path, "", variant, found)
    else:
        for part in _folders(path):
            _read_part(path / part, part, variant, found)
    if not found.parts:
        raise CheckpointError(f"{path}: {_no_model(path)}")
    if variant is not None and variant not in found.variants:
        raise CheckpointError(f"{path}: no part has the variant {variant!r}; load it without one")
    return Folder(
        metadata=found.metadata,
        tensors=_joined(found.parts),
        files=tuple(found.files),
        configs=found.configs,
        tokenizers=found.tokenizers,
        notes=tuple(found.notes),
        pickled=any(map(pickle.is_pickle, found.files)),
    )


def read_json(path: Path) -> dict[str, object]:
    """A configuration: a JSON object of bounded size, or CheckpointError."""
    try:
        if not path.is_file():
            raise CheckpointError(f"{path}: not a file; {DOWNLOAD_AGAIN}")
        with path.open("rb") as file:
            raw = file.read(LARGEST_JSON + 1)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if len(raw) > LARGEST_JSON:
        raise CheckpointError(f"{path}: more than {LARGEST_JSON} bytes, too long for a configuration")
    if raw.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: this is a Git LFS pointer, not the file; run: git lfs pull")
    try:
        fields: object = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON ({error}); {DOWNLOAD_AGAIN}") from error
    if not isinstance(fields, dict):
        raise CheckpointError(f"{path}: not a JSON object; {DOWNLOAD_AGAIN}")
    return cast("dict[str, object]", fields)


def _listed(index: Mapping[str, object], there: list[str], notes: list[str]) -> list[str]:
    """Those of the folders ``there`` that the index says belong to the model, with notes on the others."""
    wanted = {
        name for name, what in index.items() if isinstance(what, list) and any(cast("list[object]", what))
    }
    notes += [f"{name}: listed in {INDEX}, but there is no such folder" for name in sorted(wanted - {*there})]
    notes += [f"{name}: not listed in {INDEX}, left alone" for name in there if name not in wanted]
    return [name for name in there if name in wanted]


def _folders(path: Path) -> list[str]:
    """The folders inside, by name; a link that leads nowhere is none."""
    try:
        return sorted(
            entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.is_dir()
        )
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be listed ({error.strerror}); check the path") from error


def _read_part(path: Path, part: str, variant: str | None, found: _Found) -> None:
    if (path / "vocab.json").is_file() or (path / "tokenizer.json").is_file() or part.startswith("tokenizer"):
        found.tokenizers[part or "tokenizer"] = path
        if part:
            return
    config = next((path / name for name in CONFIGS if (path / name).is_file()), None)
    if config is None:
        return  # a folder that is no part: pictures, runs, another checkpoint
    found.configs[part] = read_json(config)
    choice = _chosen(path, part, variant, found.notes)
    if choice is None:
        if config.name == "config.json":
            found.notes.append(f"{part or path}: there is a config.json but no weights")
        return
    files = _shards(choice) if choice.sharded else {choice.path: None}
    tensors = {file: _read_file(file) for file in files}
    for file, names in files.items():
        if names is not None:
            _check_shard(choice.path, file, names, tensors[file])
    found.parts[part] = _union(list(tensors.values()))
    found.files += files
    found.variants.add(choice.variant)
    if not part and choice.kind == "safetensors" and not choice.sharded:
        found.metadata |= read_header(choice.path).metadata


def _read_file(path: Path) -> Tensors:
    return pickle.unpickled(path).tensors if pickle.is_pickle(path) else mapped(path)


def _chosen(path: Path, part: str, variant: str | None, notes: list[str]) -> _Choice | None:
    """The weights to load among those that lie in a part's folder, with a note unless the choice is plain."""
    choices = sorted(
        _choices(path), key=lambda choice: (choice.kind == "bin", choice.sharded, choice.path.name)
    )
    if not choices:
        return None
    there = [choice for choice in choices if choice.kind == choices[0].kind]
    wished = [choice for choice in there if choice.variant == variant] if variant else []
    plain = [choice for choice in there if choice.variant is None]
    variants = sorted({choice.variant for choice in there if choice.variant})
    if variant and not wished:
        notes.append(f"{part or path}: has no variant {variant!r}; took {(plain or there)[0].path.name}")
    if not wished and not plain and len(variants) > 1:
        raise CheckpointError(f"{path}: there are only the variants {', '.join(variants)}; name one of them")
    taken = wished or plain or there
    if not wished and not plain and not variant:
        notes.append(f"{part or path}: took the variant {variants[0]!r}, the only one there is")
    if len(taken) > 1:
        others = ", ".join(choice.path.name for choice in taken[1:])
        notes.append(f"{part or path}: took {taken[0].path.name}, not {others}")
    return taken[0]


def _choices(path: Path) -> Iterator[_Choice]:
    try:
        names = sorted(entry.name for entry in path.iterdir() if entry.is_file())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be listed ({error.strerror}); check the path") from error
    for name in names:
        sharded = _SHARDS.fullmatch(name)
        match = sharded or (None if _SHARD.fullmatch(name) else _WEIGHTS.fullmatch(name))
        if match:
            yield _Choice(path / name, match["variant"], match["kind"], sharded is not None)


def _shards(choice: _Choice) -> dict[Path, frozenset[str] | None]:
    """The files that an index lists, each with the names it must hold."""
    path = choice.path
    listed = read_json(path).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise CheckpointError(f"{path}: has no weight_map; {DOWNLOAD_AGAIN}")
    names: dict[Path, set[str]] = {}
    for name, file in cast("dict[str, object]", listed).items():
        if not isinstance(file, str) or not file or file != Path(file).name or "\\" in file or "\0" in file:
            raise CheckpointError(
                f"{path}: tensor {name} is said to lie in {file!r}, which is no file beside it"
            )
        names.setdefault(path.parent / file, set()).add(name)
    missing = sorted(file.name for file in names if not file.is_file())
    if missing:
        raise CheckpointError(f"{path}: {len(missing)} shards are missing: {', '.join(missing[:6])}")
    return {file: frozenset(names[file]) for file in sorted(names)}


def _check_shard(index: Path, file: Path, names: frozenset[str], tensors: Tensors) -> None:
    absent, extra = sorted(names - tensors.kinds.keys()), sorted(tensors.kinds.keys() - names)
    if absent or extra:
        which = f"lacks {absent[0]}" if absent else f"holds {extra[0]}, which the index does not say"
        count = len(absent) + len(extra)
        raise CheckpointError(f"{index}: {file.name} {which} ({count} names differ); {DOWNLOAD_AGAIN}")


def _union(sets: list[Tensors]) -> Tensors:
    """Disjoint sets of tensors as one."""
    if len(sets) == 1:
        return sets[0]
    owners = {name: tensors for tensors in sets for name in tensors.kinds}
    kinds = {name: tensors.kinds[name] for name, tensors in owners.items()}
    return Tensors(kinds=kinds, read=lambda name: owners[name].read(name))


def _joined(parts: Mapping[str, Tensors]) -> Tensors:
    """All parts as one set, each name after that of its part."""
    if tuple(parts) == ("",):
        return parts[""]
    owners = {f"{part}.{name}": (tensors, name) for part, tensors in parts.items() for name in tensors.kinds}
    kinds: dict[str, Kind] = {whole: tensors.kinds[name] for whole, (tensors, name) in owners.items()}

    def read(whole: str) -> Tensor:
        tensors, name = owners[whole]
        return tensors.read(name)

    return Tensors(kinds=kinds, read=read)


def _no_model(path: Path) -> str:
    files = sorted(entry.name for entry in path.iterdir() if entry.suffix in WEIGHTS)
    if files:
        return f"a folder without {INDEX} or config.json; name one of its files: {', '.join(files[:6])}"
    return f"the folder holds no weights; it should have {INDEX} and a folder for each part"

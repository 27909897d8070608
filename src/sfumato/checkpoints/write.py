"""Tensors written one by one, never all in memory: single safetensors files, and diffusers' folders.

What is written is there whole or not at all, and the same content gives the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import torch
from torch import Tensor

from sfumato.checkpoints.header import BITS
from sfumato.checkpoints.tensors import DTYPES, Kind, Tensors
from sfumato.errors import CheckpointError
from sfumato.files import written_whole

CAST = ("F64", "F32", "F16", "BF16")  # eight-bit floats are meaningless without their scales, and stay
ALIGNED = 8  # bytes
STEM = "diffusion_pytorch_model"
STEMS = {"text_encoder": "model", "text_encoder_2": "model", "text_encoder_3": "model",
         "image_encoder": "model", "safety_checker": "model"}  # fmt: skip
"""What weights are called in parts that transformers made; in all others it is ``STEM``."""
CONFIGS = {"": "model_index.json", "scheduler": "scheduler/scheduler_config.json",
           "feature_extractor": "feature_extractor/preprocessor_config.json"}  # fmt: skip


def write_safetensors(
    path: str | Path, tensors: Tensors, metadata: Mapping[str, str], *, dtype: torch.dtype | None = None
) -> None:
    """Write one file; numbers in floating point become ``dtype`` if it is given.

    Raises CheckpointError where a number does not fit into ``dtype`` or the file cannot be written.
    """
    path = Path(path)
    order = sorted(tensors.kinds, key=lambda name: (-BITS[_kind(tensors.kinds[name], dtype).dtype], name))
    header = _header({name: _kind(tensors.kinds[name], dtype) for name in order}, metadata)
    try:
        with written_whole(path) as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for name in order:
                written = _cast(path, name, tensors.read(name), dtype)
                _write(file, name, _kind(tensors.kinds[name], dtype), written)
    except OSError as error:
        raise _unwritten(path, error) from error


def write_folder(
    path: str | Path,
    parts: Mapping[str, Tensors],
    configs: Mapping[str, Mapping[str, object]],
    *,
    files: Mapping[str, bytes] | None = None,
    dtype: torch.dtype | None = None,
    shard: int | None = None,
) -> None:
    """Write a folder with one folder for each part, which must not be there yet.

    ``configs`` are named as in ``open.Checkpoint``; ``files`` are others by their place inside the folder
    ("tokenizer/vocab.json"). A part of more than ``shard`` bytes is split into several files with an index.
    """
    path = Path(path)
    if path.exists():
        raise CheckpointError(f"{path}: is there already; choose another place")
    try:
        with _folder_whole(path) as partial:
            for part, config in configs.items():
                place = partial / CONFIGS.get(part, f"{part}/config.json")
                place.parent.mkdir(exist_ok=True)
                place.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            for name, content in (files or {}).items():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                (partial / name).write_bytes(content)
            for part, tensors in parts.items():
                (partial / part).mkdir(exist_ok=True)
                _write_part(partial / part / STEMS.get(part, STEM), tensors, dtype, shard)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be written ({error.strerror}); choose another place")


@contextmanager
def _folder_whole(path: Path) -> Generator[Path]:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_part(stem: Path, tensors: Tensors, dtype: torch.dtype | None, shard: int | None) -> None:
    metadata = {"format": "pt"}  # without it transformers takes the file for another framework's
    groups = _groups(tensors, dtype, shard)
    if len(groups) == 1:
        write_safetensors(stem.with_name(f"{stem.name}.safetensors"), tensors, metadata, dtype=dtype)
        return
    places: dict[str, str] = {}
    for number, names in enumerate(groups, start=1):
        file = f"{stem.name}-{number:05}-of-{len(groups):05}.safetensors"
        some = Tensors(kinds={name: tensors.kinds[name] for name in names}, read=tensors.read)
        write_safetensors(stem.with_name(file), some, metadata, dtype=dtype)
        places |= dict.fromkeys(names, file)
    total = sum(_size(_kind(kind, dtype)) for kind in tensors.kinds.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    stem.with_name(f"{stem.name}.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def _groups(tensors: Tensors, dtype: torch.dtype | None, shard: int | None) -> list[list[str]]:
    """Names in groups of at most ``shard`` bytes, or of one tensor that is larger."""
    groups: list[list[str]] = [[]]
    room = shard
    for name in sorted(tensors.kinds):
        size = _size(_kind(tensors.kinds[name], dtype))
        if shard is not None and room is not None:
            if groups[-1] and size > room:
                groups.append([])
                room = shard
            room -= size
        groups[-1].append(name)
    return groups


def _kind(kind: Kind, dtype: torch.dtype | None) -> Kind:
    return kind if dtype is None or kind.dtype not in CAST else Kind(DTYPES[str(dtype)], kind.shape)


def _size(kind: Kind) -> int:
    bits = BITS[kind.dtype]
    for length in kind.shape:
        bits *= length
    return bits // 8


def _header(kinds: Mapping[str, Kind], metadata: Mapping[str, str]) -> bytes:
    fields: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    end = 0
    for name, kind in kinds.items():
        start, end = end, end + _size(kind)
        fields[name] = {"dtype": kind.dtype, "shape": list(kind.shape), "data_offsets": [start, end]}
    header = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    return header + b" " * (-len(header) % ALIGNED)


def _cast(path: Path, name: str, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    if dtype is None or DTYPES[str(tensor.dtype)] not in CAST or tensor.dtype == dtype:
        return tensor
    given = tensor.to(dtype)
    if not given.isfinite().all() and tensor.isfinite().all():
        largest = float(tensor.abs().max())
        raise CheckpointError(f"{path}: {name} reaches {largest:g}, too much for {dtype}; use bfloat16")
    return given


def _write(file: BinaryIO, name: str, told: Kind, tensor: Tensor) -> None:
    if Kind(DTYPES[str(tensor.dtype)], tuple(tensor.shape)) != told:
        raise CheckpointError(
            f"tensor {name}: {told} was announced, {tensor.dtype} {list(tensor.shape)} came"
        )
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    file.write(cast("bytes", flat))  # without a copy

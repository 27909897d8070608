"""The header of a safetensors file, read and distrusted: every fault is one line that says the way out.

A file is eight bytes of header length (little endian), a JSON header and the tensors' bytes without gap or
overlap. ``safetensors.py`` beside this file reads and writes the tensors themselves.
"""

from __future__ import annotations

import json
import math
import os
import reprlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from sfumato.errors import CheckpointError

LARGEST_HEADER = 2**24  # bytes; 3,000 tensors need 2% of it, and read as JSON it may grow thirtyfold
MOST_TENSORS = 100_000  # forty times as many as the largest of our families has
MOST_BRACKETS = 10 * MOST_TENSORS  # three for each tensor, the others in metadata
LARGEST_NUMBER, MOST_DIMENSIONS = 2**63, 64  # beyond them shapes are made to keep a reader multiplying
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16, "F16": 16,
    "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
DOWNLOAD_AGAIN = "download or copy it again"
LONGEST_SHOWN = 120  # characters
_PICTURE = "a picture; it may tell the model's name (Model hash), but has no weights"
_ARCHIVE = "a packed archive; unpack it and name the weights that it holds"
OTHERS = {
    b"GGUF": "a GGUF file: weights of four or eight bits, which cannot be drawn with; bring the safetensors",
    b"\x89PNG": _PICTURE, b"\xff\xd8\xff": _PICTURE, b"GIF8": _PICTURE, b"RIFF": _PICTURE,
    b"\x1f\x8b": _ARCHIVE, b"7z\xbc\xaf": _ARCHIVE, b"Rar!": _ARCHIVE, b"BZh": _ARCHIVE, b"\xfd7z": _ARCHIVE,
    b"\x89HDF": "an HDF5 file of another framework; convert it to safetensors with that",
}  # fmt: skip
"""What else is called weights by mistake, by its first bytes."""


class TensorInfo(NamedTuple):
    """A tensor that has not been read: ``start`` and ``end`` are byte offsets from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a safetensors file holds; ``tensors`` stand in the order of their bytes."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]
    data_start: int  # bytes from the beginning of the file

    @property
    def parameters(self) -> int:
        """How many numbers all tensors hold together."""
        return sum(math.prod(info.shape) for info in self.tensors.values())


def read_header(path: str | Path) -> Header:
    """Read the header and nothing else; CheckpointError unless it is that of a whole safetensors file."""
    path = Path(path)
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise CheckpointError(f"{path}: a pipe or device, which may never end; copy it to a file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            raw = _header_bytes(path, file, size)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    _check_weight(path, raw)
    fields = _parse(path, raw)
    metadata = _metadata(path, fields.pop("__metadata__", {}))
    found = {name: _tensor(path, name, entry) for name, entry in fields.items()}
    tensors = dict(sorted(found.items(), key=lambda item: (item[1].start, item[1].end)))
    _check_layout(path, tensors, size - 8 - len(raw))
    return Header(metadata=metadata, tensors=tensors, data_start=8 + len(raw))


def _check_weight(path: Path, raw: bytes) -> None:
    """Refuse what would take long to parse before it is parsed."""
    if (count := raw.count(b'"data_offsets"')) > MOST_TENSORS:
        raise CheckpointError(f"{path}: {count} tensors, which no model has; check what was downloaded")
    if (count := raw.count(b"[") + raw.count(b"{")) > MOST_BRACKETS:
        raise CheckpointError(f"{path}: {count} brackets in a header, unlike any model; check the source")


def _header_bytes(path: Path, file: BinaryIO, size: int) -> bytes:
    if size == 0:
        raise CheckpointError(f"{path}: the file is empty; {DOWNLOAD_AGAIN}")
    opening = file.read(64)
    length = int.from_bytes(opening[:8], "little")
    if len(opening) < 8 or length > size - 8 or length > LARGEST_HEADER:
        raise CheckpointError(f"{path}: {_what_else(opening, length, size)}")
    file.seek(8)
    return file.read(length)


def _what_else(opening: bytes, length: int, size: int) -> str:
    """Name what people really have in a file that is no safetensors file."""
    if b"git-lfs" in opening:
        return "this is a Git LFS pointer, not the weights; run: git lfs pull"
    if other := next((what for magic, what in OTHERS.items() if opening.startswith(magic)), None):
        return f"this is {other}"
    if opening.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04")):
        return "this is a pickle, which can run code when it is opened; convert it to safetensors"
    if opening[:8].isascii() and opening[:8].decode("ascii").isprintable():
        return "this is a text file, not safetensors; check what was downloaded"
    if length <= LARGEST_HEADER and opening[8:9] == b"{":
        return f"cut short: {size} bytes, and the header alone needs {8 + length}; {DOWNLOAD_AGAIN}"
    return (
        f"not a safetensors file (it claims a header of {length} bytes in a file of {size}); check the path"
    )


def _parse(path: Path, raw: bytes) -> dict[str, object]:
    try:
        found: object = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: the header is not valid JSON ({error}); {DOWNLOAD_AGAIN}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: the header is not a JSON object; {DOWNLOAD_AGAIN}")
    return cast("dict[str, object]", found)


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name occurs twice")
    return entries


def _metadata(path: Path, found: object) -> Mapping[str, str]:
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: __metadata__ is not a JSON object; {DOWNLOAD_AGAIN}")
    entries = cast("dict[str, object]", found)
    wrong = [key for key, value in entries.items() if not isinstance(value, str)]
    if wrong:
        raise CheckpointError(f"{path}: metadata {shown(', '.join(wrong))} is not text; {DOWNLOAD_AGAIN}")
    return cast("dict[str, str]", entries)


def _tensor(path: Path, name: str, entry: object) -> TensorInfo:
    """One entry of the header, with its dtype, shape and extent agreeing with each other."""
    if not isinstance(entry, dict):
        raise _broken(path, name, entry)
    fields = cast("dict[str, object]", entry)
    dtype, shape, extent = (
        fields.get("dtype"),
        _whole(fields.get("shape")),
        _whole(fields.get("data_offsets")),
    )
    if not isinstance(dtype, str) or shape is None or extent is None or len(extent) != 2:
        raise _broken(path, name, fields)
    if math.prod(max(length, 1) for length in shape) >= LARGEST_NUMBER:  # torch refuses it, even with a 0
        raise _broken(path, name, fields)
    name = shown(name)
    if dtype not in BITS:
        raise CheckpointError(
            f"{path}: tensor {name} has the unknown type {shown(dtype)}; a newer sfumato may read it"
        )
    start, end = extent
    if math.prod(shape) * BITS[dtype] != 8 * (end - start):
        what = f"{dtype} of shape {list(shape)}, cannot be {end - start} bytes"
        raise CheckpointError(f"{path}: tensor {name}, {what}; {DOWNLOAD_AGAIN}")
    return TensorInfo(dtype, shape, start, end)


def _broken(path: Path, name: str, entry: object) -> CheckpointError:
    what = f"the header's entry of tensor {shown(name)} is {shown(reprlib.repr(entry))}"
    return CheckpointError(f"{path}: {what}; {DOWNLOAD_AGAIN}")


def shown(text: str) -> str:
    """A text of a file nobody knows, fit for one line of a message."""
    short = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
    return short if short.isprintable() else ascii(short)


def _whole(found: object) -> tuple[int, ...] | None:
    """A JSON list of whole numbers of at least 0, or None."""
    if not isinstance(found, list) or len(cast("list[object]", found)) > MOST_DIMENSIONS:
        return None
    numbers = cast("list[object]", found)
    if all(type(number) is int and 0 <= number < LARGEST_NUMBER for number in numbers):
        return tuple(cast("list[int]", numbers))
    return None


def _check_layout(path: Path, tensors: Mapping[str, TensorInfo], size: int) -> None:
    """The tensors' bytes follow each other and end where the file does; ``size`` is that of the data."""
    end, before = 0, "the header"
    for name, info in tensors.items():
        if info.start != end:
            how = "overlaps" if info.start < end else "leaves a gap after"
            raise CheckpointError(f"{path}: tensor {shown(name)} {how} {before}; {DOWNLOAD_AGAIN}")
        end, before = info.end, shown(name)
    if size != end:
        what = "cut short" if size < end else "too long"
        raise CheckpointError(f"{path}: {what}: {size} bytes of tensors, not {end}; {DOWNLOAD_AGAIN}")

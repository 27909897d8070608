"""The program that reads a PyTorch pickle, run apart from everything else: ``pickle.py`` starts it.

It is handed a file and an empty one, and says on its standard output, in JSON, where the tensors lie: in
the file itself if that is a zip, as ``torch.save`` has written since 2020, or in the empty one, to which the
older format is copied. It knows nothing of sfumato, bounds its memory and time, and makes tensors only.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
import time
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

SPARE = 2**30  # bytes of memory beyond twice the file and what torch takes by itself
ROOM = 2**26  # bytes that the copy and the answer may have beyond the file
ALIGNED = 8  # bytes
LARGEST_PROGRAM = 64 * 2**20  # bytes of instructions in a zip; a checkpoint of 3,000 tensors has 1% of that
DEEPEST, MOST = 16, 200_000  # of dictionaries in each other, of things in them
LONGEST = 4096  # characters of a text beside the tensors


NAMELESS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # line breaks, and halves of characters


class Refused(Exception):  # noqa: N818 - what the answer says
    """Why the file is not read, for the person who brought it."""


class Inert:
    """Takes the place of what training left in a checkpoint; whatever it is given is dropped."""

    def __new__(cls, *_: object) -> Inert:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


class Parameters:
    """Takes the place of ParameterDict, of which textual inversions of 2022 are made."""

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.parameters = state.get("_parameters")


INERT = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.dtypes.Float32DType",
    "numpy.dtypes.Float64DType",
)
STAND_INS: list[tuple[type, str]] = [
    *((Inert, name) for name in INERT),
    (Parameters, "torch.nn.modules.container.ParameterDict"),
    (dict, "pytorch_lightning.utilities.parsing.AttributeDict"),
]


def main() -> None:
    """Arguments: the file, the empty one, and the seconds of computing that it may take."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what others print must not be taken for the answer
    path, copy, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _bound(path.stat().st_size, seconds)
    try:
        answer = _read(path, copy)
    except Refused as error:
        answer = {"refused": str(error)}
    except MemoryError:
        answer = {"refused": "it asks for more memory than its size explains"}
    except Exception as error:  # whatever a damaged file provokes is an answer too
        answer = _reason(error)
    json.dump(answer, answers)
    answers.close()


def _bound(size: int, seconds: int) -> None:
    """Set limits that this process cannot lift again. Windows has none; there its time alone is bounded."""
    with contextlib.suppress(ImportError):
        import resource

        spent = math.ceil(time.process_time())  # by importing torch
        resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, spent + seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + ROOM, size + ROOM))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # macOS tells no sizes here, and keeps no such limit
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            room = pages * resource.getpagesize() + 2 * size + SPARE
            resource.setrlimit(resource.RLIMIT_AS, (room, room))


def _reason(error: Exception) -> dict[str, object]:
    text = str(error)
    if named := re.search(r"GLOBAL (\S+) (was not|whose module)", text):
        return {"refused": f"it wants to run {named[1]}, and a file of weights has no reason to run anything"}
    if "allocate memory" in text or "bad_alloc" in text:
        return {"refused": "it asks for more memory than its size explains"}
    told = text.rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0]
    return {"damaged": told[:200] or type(error).__name__}


def _read(path: Path, copy: Path) -> dict[str, object]:
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
    records = _records(path) if zipped else {}
    with cast("Any", torch.serialization).safe_globals(STAND_INS), _noted() as origins:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    if not isinstance(found, dict):
        raise Refused(f"it holds a {type(found).__name__}, not named tensors")
    top = cast("dict[object, object]", found)
    nested = isinstance(top.get("state_dict"), dict)
    tensors = _named(top["state_dict"] if nested else top)
    with copy.open("wb") as file:
        storages = Zipped(records, origins) if zipped else Copied(file)
        entries = {name: storages.entry(name, tensor) for name, tensor in tensors.items()}
    beside = [_joined("", key) for key in top if nested and key != "state_dict" and not _plain(top[key])]
    return {"tensors": entries, "metadata": _told(top), "beside": beside}


def _named(top: object) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, tensor in _Walk().tensors(top, "", 0):
        if name in tensors:
            raise Refused(f"two tensors come to the name {name}")
        tensors[name] = tensor
    if not tensors:
        raise Refused("it holds no tensors")
    return tensors


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= LONGEST


def _told(top: Mapping[object, object]) -> dict[str, str]:
    """Texts and numbers beside the tensors; halves of characters become question marks."""
    return {
        key: str(value).encode(errors="replace").decode()
        for key, value in top.items()
        if isinstance(key, str) and key.isprintable() and _plain(value)
    }


class _Walk:
    """Through dictionaries and lists in each other, which may also hold each other."""

    def __init__(self) -> None:
        self.seen = 0

    def tensors(self, what: object, name: str, depth: int) -> Iterator[tuple[str, Tensor]]:
        self.seen += 1
        if depth > DEEPEST or self.seen > MOST:
            raise Refused(f"it nests deeper than {DEEPEST} or holds more than {MOST} things")
        if isinstance(what, Parameters):
            what = what.parameters
        if isinstance(what, Tensor):
            yield name, what
        elif isinstance(what, Mapping):
            for key, inner in cast("Mapping[object, object]", what).items():
                yield from self.tensors(inner, _joined(name, key), depth + 1)
        elif isinstance(what, list | tuple):
            for number, inner in enumerate(cast("list[object]", what)):
                yield from self.tensors(inner, _joined(name, number), depth + 1)


def _joined(name: str, key: object) -> str:
    if not isinstance(key, str | int):
        raise Refused(f"{name or 'it'} has a key that is a {type(key).__name__}, not a name")
    whole = f"{name}.{key}" if name else str(key)
    if NAMELESS.search(whole):
        raise Refused(f"it has the name {whole!r}")
    return whole


def _check(name: str, tensor: Tensor) -> None:
    """A tensor that is plain bytes in a row, or Refused."""
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        raise Refused(f"tensor {name} is a {type(tensor).__name__}")
    if tensor.is_quantized:
        raise Refused(f"tensor {name} is quantised")
    if tensor.layout is not torch.strided or tensor.is_nested:
        raise Refused(f"tensor {name} is not dense but {tensor.layout}")
    if tensor.is_meta:
        raise Refused(f"tensor {name} has a shape and no numbers")
    if tensor.is_conj() or tensor.is_neg() or not tensor.is_contiguous():
        shape, stride = list(tensor.shape), list(tensor.stride())
        raise Refused(f"tensor {name} of shape {shape} does not lie in a row but with strides {stride}")
    end = tensor.storage_offset() + tensor.numel()
    if end * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise Refused(f"tensor {name} reaches beyond its bytes")


@contextlib.contextmanager
def _noted() -> Generator[list[int]]:
    """Note at which addresses files are mapped: where torch.load maps a zip is not told anywhere else."""
    storages = cast("Any", torch.UntypedStorage)
    mapping: Callable[[str, bool, int], torch.UntypedStorage] = storages.from_file
    origins: list[int] = []

    def noting(name: str, shared: bool, size: int) -> torch.UntypedStorage:
        storage = mapping(name, shared, size)
        origins.append(storage.data_ptr())
        return storage

    storages.from_file = noting
    try:
        yield origins
    finally:
        storages.from_file = mapping


class Zipped:
    """Tensors that stay where they are; only what the zip's own directory knows counts as a place."""

    def __init__(self, records: Mapping[int, int], origins: Sequence[int]) -> None:
        self.places = records
        (self.origin,) = origins

    def entry(self, name: str, tensor: Tensor) -> list[object]:
        _check(name, tensor)
        if tensor.numel() == 0:
            return [str(tensor.dtype), list(tensor.shape), 0, 0]
        storage = tensor.untyped_storage()
        place = storage.data_ptr() - self.origin
        if self.places.get(place, -1) < storage.nbytes():
            raise Refused(f"tensor {name} does not lie in the record that it names")
        start = place + tensor.storage_offset() * tensor.element_size()
        return [str(tensor.dtype), list(tensor.shape), start, start + tensor.nbytes]


def _records(path: Path) -> dict[int, int]:
    """Where the bytes of each record of the zip begin, and how many there are."""
    places: dict[int, int] = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        names = [record.filename for record in archive.infolist()]
        programs = [name for name in names if name.partition("/")[2] == "data.pkl"]
        if any(name.partition("/")[2] == "constants.pkl" for name in names):
            raise Refused("it is a TorchScript program, not weights")
        if len(programs) != 1:
            raise Refused(f"it is a zip archive of other things ({', '.join(names[:3])}); unpack it")
        for record in archive.infolist():
            if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size:
                raise Refused(f"its record {record.filename} is compressed, which torch.save never does")
            if record.filename in programs and record.file_size > LARGEST_PROGRAM:
                raise Refused(f"its program has {record.file_size} bytes, which no checkpoint needs")
            if record.filename.endswith("/byteorder") and archive.open(record).read(8) != b"little":
                raise Refused("its numbers are stored big end first")
            file.seek(record.header_offset)
            opening = file.read(30)
            lengths = int.from_bytes(opening[26:28], "little") + int.from_bytes(opening[28:30], "little")
            places[record.header_offset + 30 + lengths] = record.file_size
    return places


class Copied:
    """Tensors of the format before zips, which cannot be mapped: each storage is written out, once."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.places: dict[int, int] = {}

    def entry(self, name: str, tensor: Tensor) -> list[object]:
        _check(name, tensor)
        if tensor.numel() == 0:
            return [str(tensor.dtype), list(tensor.shape), 0, 0]
        storage = tensor.untyped_storage()
        place = self.places.get(storage.data_ptr())
        if place is None:
            place = self.file.seek(-self.file.tell() % ALIGNED, os.SEEK_CUR)
            self.places[storage.data_ptr()] = place
            raw = torch.empty(0, dtype=torch.uint8).set_(cast("Any", storage))
            self.file.write(cast("bytes", raw.numpy()))
        start = place + tensor.storage_offset() * tensor.element_size()
        return [str(tensor.dtype), list(tensor.shape), start, start + tensor.nbytes]


if __name__ == "__main__":
    main()
    os._exit(0)  # at once: what was unpickled is not even taken apart

"""PyTorch pickles (.ckpt, .pt, .pth, .bin), opened without trust.

A pickle is a program. It is run by a process of its own (``unpickler.py``) under torch's ``weights_only``,
which makes tensors and refuses everything else, within bounds of memory and time. What comes back is where in
the file the tensors lie; they are then mapped like those of a safetensors file. There is no way to open what
is refused: torch's own advice, to trust the file, is not passed on.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, cast

from sfumato.checkpoints.header import BITS, DOWNLOAD_AGAIN, TensorInfo, shown
from sfumato.checkpoints.mapped import placed
from sfumato.checkpoints.tensors import DTYPES, Tensors
from sfumato.errors import CheckpointError

ZIP = b"PK\x03\x04"
OPENINGS = (ZIP, b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
SAFE = (2, 10)  # earlier releases of torch let a pickle corrupt memory under weights_only: CVE-2026-24747
SECONDS = 10  # of computing, for a small file
PER_SECOND = 100_000_000  # bytes of a large one that are read in a second at the least
PATIENCE = 6  # times longer than it computes, a process may take on a busy machine
LONGEST_ANSWER = 2**26  # bytes


class Pickle(NamedTuple):
    """The tensors, the texts and numbers that stood beside them, and a line for what was left out."""

    tensors: Tensors
    metadata: Mapping[str, str]
    notes: tuple[str, ...]


class _Answer(NamedTuple):
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    beside: tuple[str, ...]


def is_pickle(path: Path) -> bool:
    """Whether the first bytes are those of a pickle, zipped or bare. False for what cannot be opened."""
    opening = _opening(path)
    return opening.startswith(OPENINGS) and opening[8:] != b"{"  # "{": where a safetensors header begins


def _opening(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(9)
    except OSError:
        return b""


def unpickled(path: Path, *, seconds: int = SECONDS) -> Pickle:
    """Open a pickle; CheckpointError, which says why, for one that is damaged or more than tensors."""
    if path.suffix == ".safetensors":
        what = "a pickle under the name of a safetensors file, which is a way to smuggle programs"
        raise CheckpointError(f"{path}: this is {what}; name it .ckpt if you know where it is from")
    torch = version("torch")
    if tuple(map(int, torch.split(".")[:2])) < SAFE:
        raise CheckpointError(
            f"{path}: this is a pickle, which torch {torch} cannot read safely; "
            f"install torch {SAFE[0]}.{SAFE[1]} or newer, or convert it to safetensors"
        )
    size = path.stat().st_size
    copy = None if _opening(path).startswith(ZIP) else _place_for_copy(path, size)
    try:
        answer = _asked(path, copy or Path(os.devnull), seconds + size // PER_SECOND)
        source = copy or path
        _check_places(path, answer.tensors, source.stat().st_size)
        tensors = placed(source, answer.tensors, 0, temporary=copy is not None)
    except BaseException:
        if copy:
            copy.unlink()
        raise
    notes = (f"left out beside state_dict: {', '.join(answer.beside)}",) if answer.beside else ()
    return Pickle(tensors, answer.metadata, notes)


def _place_for_copy(path: Path, size: int) -> Path:
    """An empty file for the tensors of the format before zips, which cannot be mapped where they are."""
    try:
        handle, name = tempfile.mkstemp(prefix="sfumato-", suffix=".tensors")
        os.close(handle)
        free = shutil.disk_usage(Path(name).parent).free
        if free >= size:
            return Path(name)
        Path(name).unlink()
        why = f"{free} bytes are free"
    except OSError as error:
        why = str(error)
    where = tempfile.gettempdir()
    raise CheckpointError(
        f"{path}: {size} bytes cannot be copied to {where} ({why}); set TMPDIR to another place"
    )


def _asked(path: Path, copy: Path, seconds: int) -> _Answer:
    """Have the other process read the file. What it answers is believed no more than a header is."""
    program = Path(__file__).with_name("unpickler.py")
    # -P: the folder of the program has files that are called like modules of Python
    command = [sys.executable, "-P", str(program), str(path.absolute()), str(copy), str(seconds)]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with tempfile.TemporaryFile() as answers:
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=answers,
                stderr=subprocess.DEVNULL,
                env=surroundings,
                timeout=PATIENCE * seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise _refused(path, f"reading it took more than {PATIENCE * seconds} seconds") from error
        if ended:
            raise _refused(
                path, f"the process that read it was ended ({ended}), after {seconds} seconds at most"
            )
        answers.seek(0)
        raw = answers.read(LONGEST_ANSWER + 1)
    return _understood(path, raw)


def _refused(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path}: this pickle is refused: {why}; ask its maker for safetensors")


def _understood(path: Path, raw: bytes) -> _Answer:
    try:
        told = cast("dict[str, object]", json.loads(raw))
        if "refused" in told:
            raise _refused(path, shown(str(told["refused"])))
        if "damaged" in told:
            raise CheckpointError(
                f"{path}: a damaged pickle ({shown(str(told['damaged']))}); {DOWNLOAD_AGAIN}"
            )
        entries = cast("dict[str, tuple[str, list[int], int, int]]", told["tensors"])
        tensors = {name: TensorInfo(DTYPES[dtype], tuple(shape), start, end)
                   for name, (dtype, shape, start, end) in entries.items()}  # fmt: skip
        metadata = cast("dict[str, str]", told["metadata"])
        return _Answer(tensors, metadata, tuple(cast("list[str]", told["beside"])))
    except KeyError as error:
        raise _refused(path, f"it has tensors of the type {error.args[0]}") from error
    except (ValueError, TypeError) as error:
        raise _refused(path, f"the process that read it gave no answer ({error})") from error


def _check_places(path: Path, tensors: Mapping[str, TensorInfo], size: int) -> None:
    for name, (dtype, shape, start, end) in tensors.items():
        if not 0 <= start <= end <= size or math.prod(shape) * BITS[dtype] != 8 * (end - start):
            raise _refused(path, f"tensor {name} is said to lie at {start} to {end} of {size} bytes")

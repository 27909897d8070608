"""Tensors in and out of safetensors files: lazily read, strictly loaded, atomically written.

Strict means that every tensor is consumed exactly once or named in the error; nothing missing, unexpected or
mis-shaped is ever a warning. Faults of the file itself are found in ``header.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from sfumato.checkpoints.header import Header, TensorInfo, read_header
from sfumato.errors import CheckpointError
from sfumato.files import written_whole

__all__ = [
    "Header",
    "TensorInfo",
    "check_claimed",
    "digest",
    "fault",
    "load",
    "load_into",
    "read_header",
    "save",
]

_NAMED = 6  # of a long list of names, an error shows so many


class _OpenFile(AbstractContextManager["_OpenFile"], Protocol):
    """What we use of ``safetensors.safe_open``, which comes without types."""

    def get_tensor(self, name: str) -> Tensor: ...


def load(
    path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """Every tensor of the file by name; floating ones become ``dtype`` when it is given.

    Without a ``dtype``, tensors on the CPU are maps of the file and cost no memory until they are touched.
    """
    header = read_header(path)
    tensors: dict[str, Tensor] = {}
    try:
        with cast("_OpenFile", safetensors.safe_open(path, framework="pt", device=str(device))) as file:
            for name in header.tensors:
                tensor = file.get_tensor(name)
                tensors[name] = tensor.to(dtype) if tensor.is_floating_point() and dtype else tensor
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); download or copy it again") from error
    return tensors


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str = "") -> None:
    """Give ``module`` the tensors whose names begin with ``prefix``, all of them and no others.

    Numbers are cast to the module's own dtype and device; a module on the meta device takes the tensors as
    they are. Raises CheckpointError, and leaves the module untouched, unless names, shapes and kinds agree.
    """
    own = module.state_dict()
    given = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    shared = [name for name in own if name in given]
    faults = [
        *fault("missing", (prefix + name for name in own if name not in given)),
        *fault("unexpected", (prefix + name for name in given if name not in own)),
        *fault(
            "of another shape",
            (
                f"{prefix}{name} {list(given[name].shape)} where the network has {list(own[name].shape)}"
                for name in shared
                if given[name].shape != own[name].shape
            ),
        ),
        *fault(
            "of another kind",
            (
                f"{prefix}{name} {given[name].dtype} where the network has {own[name].dtype}"
                for name in shared
                if given[name].is_floating_point() != own[name].is_floating_point()
            ),
        ),
    ]
    if faults:
        raise CheckpointError(f"the weights do not fit {type(module).__name__}: {'; '.join(faults)}")
    module.load_state_dict(given, assign=any(tensor.is_meta for tensor in own.values()))


def check_claimed(names: Iterable[str], prefixes: tuple[str, ...]) -> None:
    """Raise CheckpointError if a name begins with none of the prefixes that ``load_into`` was given."""
    faults = fault("unexpected", (name for name in names if not name.startswith(prefixes)))
    if faults:
        raise CheckpointError(f"the weights hold tensors that belong to no network: {faults[0]}")


def fault(what: str, names: Iterable[str]) -> list[str]:
    """The line of an error that counts tensors and names the first of them; none if there are none."""
    listed = list(names)
    if not listed:
        return []
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return [f"{len(listed)} {what}: {', '.join(listed[:_NAMED])}{more}"]


def save(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a file that is there whole or not at all; the same content always gives the same bytes."""
    path = Path(path)
    plain = {
        name: tensor.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, tensor in tensors.items()
    }
    raw = _with_metadata(safetensors.torch.save(plain), metadata or {})
    try:
        with written_whole(path) as file:
            file.write(raw)
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be written ({error.strerror}); choose another place"
        ) from error


def _with_metadata(raw: bytes, metadata: Mapping[str, str]) -> bytes:
    """Put sorted metadata into a serialized file: the library's own come in any order."""
    length = int.from_bytes(raw[:8], "little")
    entries = {"__metadata__": dict(sorted(metadata.items())), **json.loads(raw[8 : 8 + length])}
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)  # tensors stay aligned
    return len(header).to_bytes(8, "little") + header + raw[8 + length :]


def digest(path: str | Path) -> str:
    """The SHA-256 of a file in hexadecimal: what a picture's recipe calls its weights.

    Of a folder it is that of the list of its files, a line "DIGEST  NAME" for each as ``sha256sum`` writes
    them, sorted by name; what begins with a dot is left out.
    """
    path = Path(path)
    if not path.is_dir():
        return _file_digest(path)
    inside = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
    names = sorted(name.as_posix() for name in inside if not any(part.startswith(".") for part in name.parts))
    listed = "".join(f"{_file_digest(path / name)}  {name}\n" for name in names)
    return hashlib.sha256(listed.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); check the path") from error

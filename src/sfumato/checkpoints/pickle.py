"""PyTorch pickles (.ckpt, .pt, .pth, .bin): read by a process that may make tensors and nothing else."""

from __future__ import annotations

from pathlib import Path

from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

OPENINGS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def is_pickle(path: Path) -> bool:
    """Whether the first bytes are those of a pickle, zipped or bare. False for what cannot be opened."""
    try:
        with path.open("rb") as file:
            opening = file.read(9)
    except OSError:
        return False
    return opening.startswith(OPENINGS) and opening[8:] != b"{"  # "{": where a safetensors header begins


def unpickled(path: Path) -> Tensors:
    """The tensors of a pickle by name."""
    raise CheckpointError(f"{path}: this is a pickle, which can run code; convert it to safetensors")

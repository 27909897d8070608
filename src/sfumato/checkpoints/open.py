"""Whatever a person brings, opened: a safetensors file, a PyTorch pickle, or a folder as diffusers writes it.

Opening reads names, shapes and settings; a tensor is read when it is asked for. Neither a file's name nor
anything that stands in it is believed: the first bytes say what it is, and code that a configuration names is
never imported. ``recognise.py`` says what was opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sfumato.checkpoints import folder, pickle
from sfumato.checkpoints.header import read_header
from sfumato.checkpoints.mapped import placed
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was found at ``path``. The mappings of a file, which has no parts, are empty.

    A folder's tensors bear the name of their part: ``unet.conv_in.weight``. Those of a folder that is one
    part alone (``config.json`` beside its weights) do not, and ``configs[""]`` is then that part's.
    """

    path: Path
    layout: Literal["file", "folder"]
    format: Literal["safetensors", "pickle"]  # a folder is a pickle if one of its parts is
    metadata: Mapping[str, str]
    tensors: Tensors
    files: tuple[Path, ...]  # those that hold the tensors
    configs: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """config.json of every part; "scheduler": scheduler_config.json; "": model_index.json."""
    tokenizers: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """The folders "tokenizer" and "tokenizer_2", where there are such."""
    notes: tuple[str, ...] = ()
    """A line for every choice that was made between files."""


def open_checkpoint(path: str | Path, *, variant: str | None = None) -> Checkpoint:
    """Open a file or a folder; ``variant`` ("fp16") chooses among the files of a folder.

    Without it the plain files are taken, else the only variant there is. Raises CheckpointError, naming the
    way out, for what is damaged, of another kind, or not safe to open.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise CheckpointError(f"{path}: cannot be read ({_reason(error)}); check the path") from error
    if stat.S_ISDIR(mode):
        return _opened_folder(path, variant)
    if variant is not None:
        raise CheckpointError(f"{path}: a file has no variant {variant!r}; variants are files of a folder")
    return _opened_file(path)


def _opened_file(path: Path) -> Checkpoint:
    if pickle.is_pickle(path):
        found = pickle.unpickled(path)
        return Checkpoint(
            path=path,
            layout="file",
            format="pickle",
            metadata=found.metadata,
            tensors=found.tensors,
            files=(path,),
            notes=found.notes,
        )
    header = read_header(path)
    return Checkpoint(
        path=path,
        layout="file",
        format="safetensors",
        metadata=header.metadata,
        tensors=placed(path, header.tensors, header.data_start),
        files=(path,),
    )


def _opened_folder(path: Path, variant: str | None) -> Checkpoint:
    found = folder.read_folder(path, variant)
    return Checkpoint(
        path=path,
        layout="folder",
        format="pickle" if found.pickled else "safetensors",
        metadata=found.metadata,
        tensors=found.tensors,
        files=found.files,
        configs=found.configs,
        tokenizers=found.tokenizers,
        notes=found.notes,
    )


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)

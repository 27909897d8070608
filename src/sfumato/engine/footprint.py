"""How many bytes a model takes: foreseen from its files' headers, and counted once it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.checkpoints.header import BITS
from sfumato.checkpoints.open import open_checkpoint
from sfumato.families.loading import Loading, opened


def foreseen_bytes(path: str | Path, how: Loading) -> int:
    """What the model in a file or folder will take, its refiner with it. Raises CheckpointError, InputError.

    Nothing but headers is read, so whatever is wrong with names, kinds and options is found here.
    """
    parts = opened(path, how)
    each = parts.place.dtype.itemsize
    own = sum(prod(kind.shape) for part in parts.tensors.values() for kind in part.kinds.values()) * each
    if how.refiner is None:
        return own
    return own + foreseen_bytes(how.refiner, Loading(device=how.device, dtype=how.dtype))


def foreseen_adapter_bytes(path: str | Path) -> int:
    """What an adapter will take beside a model, as it is stored. Raises CheckpointError."""
    kinds = open_checkpoint(path).tensors.kinds.values()
    return sum(prod(kind.shape) * BITS[kind.dtype] // 8 for kind in kinds)


def held_bytes(thing: object) -> int:
    """The bytes of all tensors that ``thing`` holds, in whatever it is made of; shared ones count once.

    It is looked through objects, their attributes, lists and mappings: a family, a painter or an adapter
    need say nothing about themselves. What a function has closed over is not seen.
    """
    storages: dict[int, int] = {}
    for tensor in tensors_in(thing):
        if tensor.device.type != "meta":
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None), type, torch.dtype, torch.device, Path)


def tensors_in(thing: object) -> Iterator[Tensor]:
    """All tensors that ``held_bytes`` counts, each once."""
    seen: set[int] = set()
    waiting: list[object] = [thing]
    while waiting:
        each = waiting.pop()
        if isinstance(each, _PLAIN) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Tensor):
            yield each
        else:
            waiting += _inside(each)


def _inside(thing: object) -> Iterator[object]:
    if isinstance(thing, Mapping):
        yield from cast("Mapping[object, object]", thing).values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from cast("tuple[object, ...]", thing)
    elif isinstance(thing, nn.Module) or type(thing).__module__.startswith("sfumato"):
        yield from vars(thing).values() if hasattr(thing, "__dict__") else ()

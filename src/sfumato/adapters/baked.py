"""An adapter added to the weights of a checkpoint for good, tensor by tensor, as they are read.

For files that are to be given away, or drawn with by programs that know no adapters: ``sfumato convert
--lora``. ``attach.py`` hangs one on a network instead, and takes it off again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sfumato.adapters.deltas import Delta
from sfumato.adapters.lora import read_lora
from sfumato.adapters.names import Names
from sfumato.checkpoints import keys
from sfumato.checkpoints.open import Checkpoint
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

Parts = Mapping[str, Tensors]


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How strongly an adapter is added, to the U-Net and to the text encoders."""

    picture: float
    words: float

    def of(self, part: str) -> float:
        return self.picture if part == "unet" else self.words


def baked(parts: Parts, adapter: Checkpoint, strength: Strength) -> tuple[Parts, tuple[str, ...]]:
    """The parts with an adapter in them, and lines that say what of it fits.

    Sums are taken in float32, then rounded to what is stored. Raises CheckpointError for an adapter of which
    nothing fits, or that brings what weights cannot hold; to read raises it for sums that are too large.
    """
    networks = {part: _names(part, tensors) for part, tensors in parts.items() if part != "vae"}
    found = read_lora(adapter.tensors, networks, adapter.metadata)
    if found.embeddings:
        words = ", ".join(found.embeddings)
        raise CheckpointError(
            f"{adapter.path}: brings learned words ({words}), which weights cannot hold: name it to draw"
        )
    added = {
        part: _with(parts[part], deltas, strength.of(part)) if strength.of(part) else parts[part]
        for part, deltas in found.deltas.items()
    }
    return {**parts, **added}, found.report


def _names(part: str, tensors: Tensors) -> Names:
    """The leaves of a network by the shapes of its weights; what tokens mean is looked up, not multiplied."""
    leaves = {
        name.removesuffix(".weight"): kind.shape
        for name, kind in tensors.kinds.items()
        if name.endswith(".weight") and not name.endswith("embedding.weight")
    }
    originals: Mapping[str, str] = keys.unet(tuple(tensors.kinds)).names if part == "unet" else {}
    called = {leaf: originals.get(f"{leaf}.weight", "").removesuffix(".weight") for leaf in leaves}
    return Names(leaves=leaves, originals={leaf: name for leaf, name in called.items() if name})


def _with(tensors: Tensors, deltas: Mapping[str, Delta], strength: float) -> Tensors:
    for leaf, delta in deltas.items():
        if delta.bias is not None:
            _check_bias(f"{leaf}.bias", tensors, tuple(delta.bias.shape))

    def read(name: str) -> Tensor:
        leaf, _, kind = name.rpartition(".")
        stored = tensors.read(name)
        delta = deltas.get(leaf)
        change = None
        if delta is not None and kind == "weight" and delta.change is not None:
            change = delta.change.delta(stored)
        if delta is not None and kind == "bias":
            change = delta.bias
        if change is None:
            return stored
        return _sum(name, stored, strength * change.to(torch.float32))

    return replace(tensors, read=read)


def _check_bias(name: str, tensors: Tensors, change: tuple[int, ...]) -> None:
    """Raise CheckpointError unless the model has this bias, in the shape of the change."""
    if name not in tensors.kinds:
        raise CheckpointError(f"the adapter changes {name}, which this model does not have")
    if change != (shape := tensors.kinds[name].shape):
        raise CheckpointError(
            f"a change of {list(change)} does not fit {name}, which is {list(shape)}: "
            "take an adapter of the model's own family"
        )


def _sum(name: str, stored: Tensor, change: Tensor) -> Tensor:
    """Both together, as the first is stored. Raises CheckpointError for what then is no finite number."""
    exact = stored.to(torch.float32)
    total = exact + change
    made = total.to(stored.dtype)
    if bool(exact.isfinite().all()) and not bool(made.to(torch.float32).isfinite().all()):
        largest = float(total.abs().max())
        raise CheckpointError(
            f"with the adapter {name} reaches {largest:g}, too much for {stored.dtype}: add it at a lower "
            "strength, or to a copy of the model in float32"
        )
    return made

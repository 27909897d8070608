"""Reads what an adapter's file says of each leaf: LoRA, LoCon, LoHa, LoKr, DoRA and plain differences.

A file names modules in its trainer's way (``names.py``) and holds several tensors for each, told apart by
how their names end (``ENDINGS``). Every tensor is used, or belongs to a module that the model does not have,
which is told, or is an error. Read next ``module.py``, which says what the tensors of one module mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from sfumato.adapters.deltas import Delta, trimmed
from sfumato.adapters.module import HADAMARD, KRONECKER, Module, made
from sfumato.adapters.names import Names, Place, found, written_by
from sfumato.adapters.scales import Scale, scale_by
from sfumato.adapters.triggers import triggers
from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

BUNDLED = "bundle_emb."  # what an embedding's tensors are called that comes with a LoRA

_SOME = r"(?:\.[^.]+)?"  # PEFT may put the adapter's own name in between: lora_A.default.weight

ENDINGS = {
    "down": rf"\.lora_(?:down|A{_SOME}|linear_layer\.down)\.weight|[._]lora\.down\.weight",
    "up": rf"\.lora_(?:up|B{_SOME}|linear_layer\.up)\.weight|[._]lora\.up\.weight",
    "up_bias": rf"\.lora_B{_SOME}\.bias",
    "mid": r"\.lora_mid\.weight",
    "alpha": r"\.alpha",
    "magnitude": r"\.dora_scale",
    "vector": r"\.lora_magnitude_vector(?:\.[^.]+){0,2}",
    "diff": r"\.diff|\.w_norm",
    "diff_b": r"\.diff_b|\.b_norm",
    **{name: rf"\.hada_{name}{_SOME}" for name in HADAMARD},
    **{name: rf"\.{name}{_SOME}" for name in KRONECKER},
}
"""What a tensor is to its module, by how its name ends."""

REFUSED = {
    r"\.oft_(?:blocks|diag)|\.oft_[RS](?:\.\w+)*|\.boft_\w+(?:\.\w+)*": "OFT, which only turns weights",
    r"\.[ab][12]\.weight|\.bm\.weight": "GLoRA",
    rf"\.on_input|\.ia3_l{_SOME}": "IA3",
    r"\.set_weight|\.set_bias|\.reshape_weight": "weights that take the place of the model's",
    rf"\.vera_lambda_[bd]{_SOME}": "VeRA",
    r"\.bias_(?:indices|values|size)": "LyCORIS' sparse biases",
}
"""What can be told and not be worn."""

_ENDING = re.compile("(?:" + "|".join(f"(?P<{role}>{ending})" for role, ending in ENDINGS.items()) + ")$")
_REFUSED = [(re.compile(f"(?:{ending})$"), what) for ending, what in REFUSED.items()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapter:
    """What a file does to the networks of a model, and what it says of itself."""

    kinds: tuple[str, ...]  # LoRA, LoHa, ...
    writers: tuple[str, ...]  # in whose manner its modules are named
    deltas: Mapping[str, Mapping[str, Delta]]  # of each part, by the names of its leaves
    unmatched: tuple[str, ...]  # modules that the model does not have
    triggers: tuple[str, ...]
    metadata: Mapping[str, str]
    embeddings: Mapping[str, Tensors] = field(default_factory=dict[str, Tensors])  # bundled, by their names
    notes: tuple[str, ...] = ()

    @property
    def report(self) -> tuple[str, ...]:
        """Lines for the person who brought it: what it is, what of it is used and what is not."""
        matched = sum(map(len, self.deltas.values()))
        parts = ", ".join(f"{len(deltas)} of the {part}" for part, deltas in self.deltas.items())
        lines = [
            f"{' and '.join(self.kinds)} in the names of {' and '.join(self.writers)}: "
            f"{matched} of its {matched + len(self.unmatched)} modules matched, {parts}"
        ]
        if self.unmatched:
            lines.append(f"not used, because this model has no such layer: {shortened(self.unmatched)}")
        if self.embeddings:
            lines.append(f"it brings the embeddings {', '.join(self.embeddings)}")
        return (*lines, *self.notes)


def read_lora(
    tensors: Tensors, networks: Mapping[str, Names], metadata: Mapping[str, str] | None = None
) -> Adapter:
    """What the tensors of a file do to a model of these networks.

    Raises CheckpointError for a file that matches nothing, does not fit, holds what cannot be worn or lacks
    a piece; each message names the modules.
    """
    metadata = metadata or {}
    sorted_names = _sorted(tensors.kinds)
    modules = [Module(name=name, held=held, read=tensors.read) for name, held in sorted_names.modules.items()]
    worn = _Worn(networks, scale_by(metadata))
    for module in modules:
        worn.add(module)
    if not any(worn.deltas.values()):
        raise CheckpointError(_nothing(worn.unmatched, networks, metadata))
    if worn.misfits:
        raise CheckpointError(
            f"{len(worn.misfits)} of its {len(modules)} modules do not fit this model{_made_for(metadata)}: "
            + shortened(worn.misfits)
        )
    return Adapter(
        kinds=tuple(worn.kinds),
        writers=tuple(dict.fromkeys(written_by(module.name).writer for module in modules)),
        deltas={part: deltas for part, deltas in worn.deltas.items() if deltas},
        unmatched=tuple(worn.unmatched),
        triggers=triggers(metadata),
        metadata=metadata,
        embeddings={name: tensors.under(f"{BUNDLED}{name}.") for name in sorted_names.bundled},
        notes=tuple(worn.notes),
    )


class _Sorted(NamedTuple):
    """The names in a file: those of every module by their roles, and those of the embeddings it brings."""

    modules: Mapping[str, Mapping[str, str]]
    bundled: tuple[str, ...]


def _sorted(names: Iterable[str]) -> _Sorted:
    """Raises CheckpointError, naming them, for tensors of which nothing is known or that cannot be worn."""
    modules: dict[str, dict[str, str]] = {}
    bundled: dict[str, None] = {}
    strange: list[str] = []
    for name in names:
        ending = _ENDING.search(name)
        if name.startswith(BUNDLED):
            bundled[name.split(".")[1]] = None
        elif ending is None:
            strange.append(name)
        else:
            modules.setdefault(name[: ending.start()], {})[str(ending.lastgroup)] = name
    refused = [what for name in strange for pattern, what in _REFUSED if pattern.search(name)]
    if refused:
        raise CheckpointError(f"this adapter is of a kind that cannot be worn: {refused[0]}")
    if strange:
        raise CheckpointError(f"{len(strange)} tensors are none that an adapter has: {shortened(strange)}")
    return _Sorted(modules, tuple(bundled))


@dataclass
class _Worn:
    """What was found so far of a file's modules."""

    networks: Mapping[str, Names]
    scale: Scale
    deltas: dict[str, dict[str, Delta]] = field(init=False)
    spelt: dict[Place, Module] = field(default_factory=dict[Place, Module])
    kinds: dict[str, None] = field(default_factory=dict[str, None])
    unmatched: list[str] = field(default_factory=list[str])
    misfits: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.deltas = {part: {} for part in self.networks}

    def add(self, module: Module) -> None:
        """Put one module of the file where it belongs."""
        place = found(module.name, self.networks)
        if place is None:
            self.unmatched.append(module.name)
            return
        if place in self.spelt:
            self._twice(self.spelt[place], module)
            return
        self.spelt[place] = module
        shape = self.networks[place.part].leaves[place.module]
        delta, kind = made(module, shape, self.scale)
        change = shape if delta.change is None else delta.change.shape
        if trimmed(change) != trimmed(shape):
            self.misfits.append(f"{module.name} changes {list(change)} where the model has {list(shape)}")
        self.kinds[kind] = None
        self.deltas[place.part][place.module] = delta

    def _twice(self, first: Module, second: Module) -> None:
        """Some files name every module in two manners. Raises CheckpointError unless they say the same."""
        same = first.held.keys() == second.held.keys() and all(
            torch.equal(first.take(role), second.take(role)) for role in first.held
        )
        if not same:
            raise CheckpointError(
                f"{first.name} and {second.name} are one layer and differ; remove one of them"
            )
        self.notes.append(f"{second.name} says again what {first.name} says")


def _nothing(names: Sequence[str], networks: Mapping[str, Names], metadata: Mapping[str, str]) -> str:
    of = f"{len(names)} modules, such as {shortened(names)}" if names else "no modules"
    return (
        f"this adapter{_made_for(metadata)} has {of}, and none is a layer of this model's "
        f"{' or '.join(networks)}: take an adapter of the model's own family"
    )


def _made_for(metadata: Mapping[str, str]) -> str:
    """For which models it was trained, if the file says so."""
    told = metadata.get("ss_base_model_version") or metadata.get("modelspec.architecture")
    return f" (made for {told})" if told else ""

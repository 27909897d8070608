"""The tensors that a file holds for one module, made into a delta: a function for each way to spell a change.

Which it is, the tensors' roles tell (``ALGORITHMS``). A role that is missing or left over is an error. By
what a product is multiplied is said by ``scales.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from sfumato.adapters.deltas import Decomposed, Delta, Full, Hadamard, Kronecker, LowRank, trimmed, tucker
from sfumato.adapters.scales import Scale
from sfumato.errors import CheckpointError

HADAMARD = ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")
KRONECKER = tuple(f"lokr_{name}" for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2"))
KEPT = (torch.float32, torch.float16, torch.bfloat16)


class Made(NamedTuple):
    """A delta and what it is called: LoRA, LoCon, LoHa, LoKr, a difference; DoRA around one of them."""

    delta: Delta
    kind: str


@dataclass(frozen=True, kw_only=True)
class Module:
    """What a file holds for the module that it calls ``name``: the names of its tensors, by their roles."""

    name: str
    held: Mapping[str, str]
    read: Callable[[str], Tensor]

    def take(self, role: str) -> Tensor:
        """The tensor of a role, copied: the file may change while it is worn."""
        try:
            name = self.held[role]
        except KeyError:
            there = ", ".join(self.held.values())
            raise CheckpointError(
                f"{self.name} has no {role} beside {there}; download the adapter again"
            ) from None
        tensor = self.read(name)
        if not tensor.is_floating_point():
            raise CheckpointError(f"{name} holds {tensor.dtype}, not fractions; nothing can be added by it")
        tensor = tensor.to(tensor.dtype if tensor.dtype in KEPT else torch.float32, copy=True)
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{name} holds numbers that are not finite; the adapter is broken")
        return tensor

    @property
    def alpha(self) -> float | None:
        """The number beside the tensors: a fraction or, as kohya's trainer may leave it, a whole one."""
        if "alpha" not in self.held:
            return None
        tensor = self.read(self.held["alpha"])
        if tensor.numel() != 1 or not math.isfinite(tensor.item()):
            raise CheckpointError(f"{self.held['alpha']} is not one finite number, {list(tensor.shape)}")
        return float(tensor.item())

    def perhaps(self, role: str) -> Tensor | None:
        return self.take(role) if role in self.held else None


def made(module: Module, shape: tuple[int, ...], scale: Scale) -> Made:
    """What a module's tensors do to a leaf whose weight is of ``shape``.

    Raises CheckpointError, naming the module, for tensors that do not go together.
    """
    algorithm = next((each for each in ALGORITHMS if each.roles & module.held.keys()), None)
    if algorithm is None:
        raise CheckpointError(
            f"{module.name} has {', '.join(module.held.values())} and nothing to scale by it"
        )
    if strange := module.held.keys() - algorithm.roles - COMMON:
        names = ", ".join(module.held[role] for role in sorted(strange))
        raise CheckpointError(f"{module.name} is a {algorithm.kind}, which has no use for {names}")
    by = partial(scale, module.name, module.alpha)
    try:
        return _decomposed(module, algorithm.make(module, shape, by), shape)
    except (ValueError, RuntimeError, IndexError, ArithmeticError) as error:
        raise CheckpointError(f"the tensors of {module.name} do not go together: {error}") from error


By: TypeAlias = Callable[[int | None], float]
"""The scale of a product of some rank."""


def _low_rank(module: Module, shape: tuple[int, ...], by: By) -> Made:
    down, up, bias = module.take("down"), module.take("up"), module.perhaps("up_bias")
    change = LowRank(down=down, up=up, mid=module.perhaps("mid"), scale=by(down.shape[0]))
    delta = Delta(change=change, bias=None if bias is None else change.scale * bias)
    return Made(delta, "LoRA" if len(trimmed(shape)) == 2 else "LoCon")


def _hadamard(module: Module, shape: tuple[int, ...], by: By) -> Made:
    first, second = module.take("w1_b"), module.take("w2_b")
    change = Hadamard(
        w1_a=module.take("w1_a"),
        w1_b=first,
        w2_a=module.take("w2_a"),
        w2_b=second,
        t1=module.perhaps("t1"),
        t2=module.perhaps("t2"),
        scale=by(first.shape[0]),
        kernel=shape[2:],
    )
    return Made(Delta(change=change), "LoHa")


def _kronecker(module: Module, shape: tuple[int, ...], by: By) -> Made:
    """LyCORIS writes either factor in full or as a product; alpha / rank counts if one of them has a rank."""
    ranks = [len(x) for x in (module.perhaps("lokr_w1_b"), module.perhaps("lokr_w2_b")) if x is not None]
    first, second = _factor(module, "lokr_w1", shape), _factor(module, "lokr_w2", shape)
    scale = by(ranks[0] if ranks else None)
    return Made(Delta(change=Kronecker(first=first, second=second, scale=scale)), "LoKr")


def _factor(module: Module, role: str, shape: tuple[int, ...]) -> Tensor:
    """A factor of a Kronecker product; ``shape`` is that of the whole, which no factor is larger than."""
    if role in module.held:
        return module.take(role)
    kernel = shape[2:] if role == "lokr_w2" else ()
    a, b, core = (
        module.take(f"{role}_a"),
        module.take(f"{role}_b"),
        module.perhaps("lokr_t2") if kernel else None,
    )
    size = a.numel() * b.numel() // len(b) ** 2 * (1 if core is None else core[0, 0].numel())
    if size > math.prod(shape):
        raise ValueError(f"a factor of {size} numbers in a weight of {list(shape)}")
    product = tucker(core, a, b, a.device)
    return product if core is not None else product.reshape(len(product), -1, *kernel)


def _full(module: Module, shape: tuple[int, ...], by: By) -> Made:
    weight, bias = module.perhaps("diff"), module.perhaps("diff_b")
    return Made(Delta(change=None if weight is None else Full(difference=weight), bias=bias), "difference")


def _decomposed(module: Module, inside: Made, shape: tuple[int, ...]) -> Made:
    """The same with lengths, if the module has them. PEFT's are of outputs, whatever their shape."""
    vector, magnitude = module.perhaps("vector"), module.perhaps("magnitude")
    magnitude = magnitude if vector is None else vector.flatten()
    change = inside.delta.change
    if magnitude is None:
        return inside
    if not isinstance(change, LowRank | Hadamard | Kronecker | Full):
        raise CheckpointError(f"{module.name} has lengths for a change, and no change")
    outwards = (shape[0], *(1,) * (magnitude.ndim - 1))
    inwards = (1, shape[1], *(1,) * (magnitude.ndim - 2))
    if magnitude.shape not in {outwards, inwards}:
        raise CheckpointError(
            f"{module.name} has {list(magnitude.shape)} lengths for a weight of {list(shape)}"
        )
    delta = Delta(change=Decomposed(inside=change, magnitude=magnitude), bias=inside.delta.bias)
    return Made(delta, f"DoRA over {inside.kind}")


class Algorithm(NamedTuple):
    """A way to spell a change: what it is called, which tensors are its own, how it is made of them."""

    kind: str
    roles: frozenset[str]
    make: Callable[[Module, tuple[int, ...], By], Made]


COMMON = frozenset({"alpha", "vector", "magnitude"})
ALGORITHMS = (
    Algorithm("LoRA", frozenset({"down", "up", "mid", "up_bias"}), _low_rank),
    Algorithm("LoHa", frozenset(HADAMARD), _hadamard),
    Algorithm("LoKr", frozenset(KRONECKER), _kronecker),
    Algorithm("difference", frozenset({"diff", "diff_b"}), _full),
)

"""What an adapter does to one leaf of a network: LoRA, LoCon, LoHa, LoKr, DoRA and plain differences.

All of them are a change that is added to the leaf's weight, and perhaps one to its bias. What differs is how
the file spells the change, so that it is small: as a product of thin matrices (``LowRank``), the elementwise
product of two of those (``Hadamard``), a Kronecker product (``Kronecker``), a new length for every row of
what the weight then is (``Decomposed``), or in full (``Full``). The change of a matrix serves a convolution
of 1x1, and the other way round. Hung on a leaf by ``attach.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

Leaf: TypeAlias = nn.Linear | nn.Conv2d | nn.LayerNorm | nn.GroupNorm
LEAVES = (nn.Linear, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Part = TypeVar("Part", bound=DataclassInstance)


class Change(Protocol):
    """How a weight changes, at strength 1."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the change, in the file's own spelling: 1x1 at the end may be there or not."""
        ...

    def delta(self, weight: Tensor) -> Tensor:
        """What is added to ``weight``: float32, on its device, in its shape."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Delta:
    """What one adapter does to one leaf. All is added in proportion to the strength at which it is worn."""

    change: Change | None
    bias: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LowRank:
    """LoRA: ``scale * up @ down``; Hu et al. 2021, arXiv:2106.09685.

    For convolutions LoCon: ``down`` has the leaf's kernel and ``up`` is 1x1; or both are 1x1 with ``mid``
    (rank, rank, h, w) between them (LyCORIS, arXiv:2309.14859).
    """

    down: Tensor  # (rank, inputs) or (rank, inputs, h, w)
    up: Tensor  # (outputs, rank) or (outputs, rank, 1, 1)
    mid: Tensor | None = None
    scale: float = 1.0  # alpha / rank

    def __post_init__(self) -> None:
        ranks = (self.up.shape[1], self.down.shape[0], *(() if self.mid is None else self.mid.shape[:2]))
        if len(set(ranks)) > 1:
            raise ValueError(f"up, down and mid of ranks {ranks} do not go together")

    @property
    def shape(self) -> tuple[int, ...]:
        kernel = self.down if self.mid is None else self.mid
        return (self.up.shape[0], self.down.shape[1], *kernel.shape[2:])

    def delta(self, weight: Tensor) -> Tensor:
        up, down = (x.to(weight.device, torch.float32).flatten(1) for x in (self.up, self.down))
        if self.mid is None:
            product = up @ down
        else:
            product = torch.einsum("or,rs...,si->oi...", up, self.mid.to(up), down)
        return self.scale * product.reshape(weight.shape)

    def apply(self, leaf: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
        """What ``delta`` would add to the leaf's output, without ever making it."""
        down, up = self.down.to(x.dtype), self.up.to(x.dtype)
        if isinstance(leaf, nn.Linear):
            return self.scale * linear(linear(x, down.flatten(1)), up.flatten(1))
        down, up = (tensor.reshape(*tensor.shape, *(1,) * (4 - tensor.ndim)) for tensor in (down, up))
        if self.mid is None:
            x = _convolved(x, down, like=leaf)
        else:
            x = _convolved(conv2d(x, down), self.mid.to(x.dtype), like=leaf)
        return self.scale * conv2d(x, up)


@dataclass(frozen=True, kw_only=True, eq=False)
class Hadamard:
    """LoHa: ``scale * (w1_a @ w1_b) * (w2_a @ w2_b)``; Hyeon-Woo et al. 2021, arXiv:2108.06098.

    With cores ``t1`` and ``t2`` (rank, rank, h, w), each factor is a Tucker product: then w_a is (rank,
    outputs) and w_b (rank, inputs).
    """

    w1_a: Tensor
    w1_b: Tensor
    w2_a: Tensor
    w2_b: Tensor
    t1: Tensor | None = None
    t2: Tensor | None = None
    scale: float = 1.0  # alpha / rank
    kernel: tuple[int, ...] = ()  # of the leaf, where there is no core to tell it

    @property
    def shape(self) -> tuple[int, ...]:
        if self.t1 is not None:
            return (self.w1_a.shape[1], self.w1_b.shape[1], *self.t1.shape[2:])
        taken = 1
        for side in self.kernel:
            taken *= side
        return (self.w1_a.shape[0], self.w1_b.shape[1] // taken, *self.kernel)

    def delta(self, weight: Tensor) -> Tensor:
        first = tucker(self.t1, self.w1_a, self.w1_b, weight.device)
        second = tucker(self.t2, self.w2_a, self.w2_b, weight.device)
        return (self.scale * first * second).reshape(weight.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kronecker:
    """LoKr: ``scale * kron(first, second)``; Edalati et al. 2022, arXiv:2212.10650, as LyCORIS has it."""

    first: Tensor  # (o1, i1)
    second: Tensor  # (o2, i2) or (o2, i2, h, w)
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        outputs, inputs = (a * b for a, b in zip(self.first.shape, self.second.shape[:2], strict=True))
        return (outputs, inputs, *self.second.shape[2:])

    def delta(self, weight: Tensor) -> Tensor:
        first, second = (x.to(weight.device, torch.float32) for x in (self.first, self.second))
        first, second = first.contiguous(), second.contiguous()  # else torch.kron fails for some strides
        first = first.reshape(*first.shape, *(1,) * (second.ndim - 2))
        return (self.scale * torch.kron(first, second)).reshape(weight.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Full:
    """The difference itself, tensor by tensor: ``diff`` of a full fine-tune, ``w_norm`` of a norm."""

    difference: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.difference.shape)

    def delta(self, weight: Tensor) -> Tensor:
        return self.difference.to(weight.device, torch.float32).reshape(weight.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decomposed:
    """DoRA: the changed weight, with its length along one axis set to ``magnitude``; arXiv:2402.09353, eq. 5.

    A ``magnitude`` of (outputs,) or (outputs, 1, ...) gives a length to what makes each output, one of
    (1, inputs, ...) to what reads each input. At a strength w, w times the change at strength 1 is added, as
    LyCORIS and A1111 do; PEFT weighs ``inside`` before the length is set, which at strength 0 is not the
    network alone.
    """

    inside: LowRank | Hadamard | Kronecker | Full
    magnitude: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.inside.shape

    def delta(self, weight: Tensor) -> Tensor:
        bare = weight.float()
        changed = bare + self.inside.delta(weight)
        axis = 0 if self.magnitude.numel() == self.magnitude.shape[0] == weight.shape[0] else 1
        others = tuple(place for place in range(weight.ndim) if place != axis)
        length = changed.square().sum(dim=others, keepdim=True).sqrt()
        magnitude = self.magnitude.to(length).reshape(length.shape)
        return changed * (magnitude / length.clamp_min(torch.finfo(torch.float32).tiny)) - bare


def trimmed(shape: Sequence[int]) -> tuple[int, ...]:
    """A weight's shape without the 1x1 of a convolution that is a matrix."""
    return tuple(shape[:2]) if tuple(shape[2:]) in {(), (1, 1)} else tuple(shape)


def tucker(core: Tensor | None, a: Tensor, b: Tensor, device: torch.device) -> Tensor:
    """``a @ b`` in float32; with a core (rank, rank, h, w) that ties their ranks, (a's, b's, h, w)."""
    a, b = (x.to(device, torch.float32) for x in (a, b))
    if core is None:
        return a @ b
    return torch.einsum("ij...,ip,jr->pr...", core.to(a), a, b)


def placed(part: Part, device: torch.device) -> Part:
    """The same delta or change with its tensors on ``device``."""
    moved: dict[str, object] = {}
    for field in fields(part):
        value: object = getattr(part, field.name)
        if isinstance(value, Tensor):
            moved[field.name] = value.to(device)
        elif is_dataclass(value) and not isinstance(value, type):
            moved[field.name] = placed(value, device)
    return replace(part, **moved)


def _convolved(x: Tensor, weight: Tensor, *, like: nn.Conv2d) -> Tensor:
    return conv2d(x, weight, None, like.stride, like.padding, like.dilation)

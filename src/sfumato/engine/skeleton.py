"""What networks would need for a picture, found out by running them on nothing: tensors of shapes alone.

A model is copied without its weights (``skeleton``), onto torch's device "meta", where every operation yields
a shape and no numbers. That takes a tenth of a second, and what is alive at a time is counted as it would be
in earnest: of any network, with all that hangs beside it, without a formula of anybody's.

Measured on a CPU against what processes grew by (torch 2.13; the embedded model, and Stable Diffusion 1 with
random weights): what is alive is counted to the byte. Beside it oneDNN keeps some 1.5 times the largest
weight while it convolves, and in half precision what goes in and out once more, as if in float32.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from sfumato.engine.footprint import tensors_in

Thing = TypeVar("Thing")

WEIGHTS, SLACK, SPARE = 1.5, 1.4, 48 * 2**20
"""Of the largest weight, of all that is alive, and bytes: what is needed in earnest for what is counted."""

ASKING = frozenset({"aten.item", "aten._local_scalar_dense", "aten.is_nonzero"})
CONVOLVING = frozenset({"aten.conv2d", "aten.convolution", "aten._convolution"})
"""How torch's dispatcher calls these operations: by the first name in inference mode, by others outside."""


class Run(NamedTuple):
    """What a run of networks keeps alive at most, and the bytes of the largest weight in it."""

    alive: int
    weight: int

    def bytes(self, times: float = 1.0) -> int:
        """What it needs in earnest, for as many ``times`` as many places and rows."""
        return int(SLACK * self.alive * times + WEIGHTS * self.weight) + SPARE


def skeleton(thing: Thing) -> Thing:
    """A copy of networks, or of what holds them, whose tensors have shapes and no numbers."""
    memo: dict[int, object] = {id(tensor): _empty(tensor) for tensor in tensors_in(thing)}
    return deepcopy(thing, memo)


def _empty(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return torch.nn.Parameter(empty, requires_grad=False) if isinstance(tensor, torch.nn.Parameter) else empty


def counted(run: Callable[[], object]) -> Run:
    """What ``run``, which asks a skeleton, would keep alive at most."""
    counter = _Counter()
    with torch.inference_mode(), _Fused(), counter:
        run()
    return Run(counter.most, counter.weight)


class _Fused(TorchFunctionMode):
    """Attention as it is computed in earnest, by kernels that never write out its N x M scores."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        if func is scaled_dot_product_attention:
            query, value = args[0], args[2]
            return query.new_empty((*query.shape[:-1], value.shape[-1]))
        return func(*args, **(kwargs or {}))


class _Counter(TorchDispatchMode):
    """Adds up the bytes of all tensors that are made, as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] - torch's own has no types
        self.alive, self.most, self.weight = 0, 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        name = str(func).rpartition(".")[0]  # aten.conv2d of aten.conv2d.default
        if name in ASKING:
            return True  # "is it finite?": there are no numbers to look at
        made: object = func(*args, **(kwargs or {}))
        tensors = [each for each in _all(made) if isinstance(each, Tensor)]
        for tensor in tensors:
            self._count(tensor)
        extra = 0
        if name in CONVOLVING:
            seen, weight = cast("Tensor", args[0]), cast("Tensor", args[1])
            self.weight = max(self.weight, 4 * weight.numel())
            extra = 0 if seen.dtype == torch.float32 else 4 * (seen.numel() + tensors[0].numel())
        self.most = max(self.most, self.alive + extra)
        return made

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)  # the same object for all views, as long as one of them lives
        if key not in self._known:
            self._known.add(key)
            size = storage.nbytes()
            self.alive += size
            weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


def _all(made: object) -> Sequence[object]:
    return cast("Sequence[object]", made) if isinstance(made, tuple | list) else (made,)

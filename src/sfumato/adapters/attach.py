"""Adapters on a network, from outside: hung and taken off again, or merged and undone, bit for bit.

While anything hangs in a ``Wardrobe``, the leaves that it changes are swapped for a ``Dressed`` stand-in.
The weights are never touched. Each row of a batch wears what it likes: the leaf computes all rows as if bare,
then what a row wears is added to that row alone. So a row that wears nothing gets the bits of the bare
network, and no row can tell what its neighbours wear.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, group_norm, layer_norm, linear

from sfumato.adapters.deltas import LEAVES, Delta, Leaf, LowRank, placed, trimmed
from sfumato.errors import InputError

Row: TypeAlias = Sequence[tuple[str, float]]
"""What one row of a batch wears: adapters by name, each with its strength. Empty: nothing."""


@dataclass(eq=False)
class _Wearing:
    """What the rows of the forward under way wear; None outside of one. Shared by all leaves of a network."""

    rows: tuple[Row, ...] | None = None


class Dressed(nn.Module):
    """Stands in for a leaf, whose very parameters it has under their names: the state dict is as ever."""

    def __init__(self, leaf: Leaf, wearing: _Wearing) -> None:
        super().__init__()
        for name, parameter in leaf.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        if leaf.bias is None:
            self.register_parameter("bias", None)
        self.train(leaf.training)
        self.bare = (leaf,)  # in a tuple, out of torch's sight: else its names would change
        self.wearing = wearing
        self.deltas: dict[str, Delta] = {}

    @property
    def leaf(self) -> Leaf:
        return self.bare[0]

    def forward(self, x: Tensor) -> Tensor:
        """The leaf's output, and on each row that wears something what that adds."""
        out = self.leaf(x)
        rows = self.wearing.rows
        if rows is None:
            return out
        if len(rows) != len(x):
            raise ValueError(f"a forward of {len(x)} rows where {len(rows)} were said to wear something")
        names = dict.fromkeys(
            name for row in rows for name, strength in row if strength and name in self.deltas
        )
        adds = {name: adding(self.leaf, self.deltas[name]) for name in names}
        for place, row in enumerate(rows):
            for name, strength in row:
                if strength and name in adds:
                    # one row at a time: a batch's sums would depend on how many wear the same
                    out[place] += strength * adds[name](x[place : place + 1])[0]
        return out


@dataclass(eq=False)
class Wardrobe:
    """Adapters by name that a network can wear, row by row. Nothing hangs: the network is as it was."""

    network: nn.Module
    _dressed: dict[str, Dressed] = field(default_factory=dict[str, Dressed], init=False)
    _names: dict[str, None] = field(default_factory=dict[str, None], init=False)
    _wearing: _Wearing = field(default_factory=_Wearing, init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What hangs here, in the order in which it was hung."""
        return tuple(self._names)

    def hang(self, name: str, deltas: Mapping[str, Delta]) -> None:
        """Make an adapter wearable: what it does to each of the network's leaves, by the leaf's name.

        Raises InputError, and changes nothing, if the name is taken or a delta does not fit its leaf.
        """
        if name in self._names:
            raise InputError(
                f"an adapter {name!r} hangs already: remove it first, or give this one another name"
            )
        leaves = {place: self._leaf(place) for place in deltas}
        for place, leaf in leaves.items():
            check_fits(place, leaf, deltas[place])
        there = {place: placed(deltas[place], leaf.weight.device) for place, leaf in leaves.items()}
        self._names[name] = None
        for place, leaf in leaves.items():
            if place not in self._dressed:
                self._dressed[place] = Dressed(leaf, self._wearing)
                put(self.network, place, self._dressed[place])
            self._dressed[place].deltas[name] = there[place]

    def remove(self, name: str) -> None:
        """Take an adapter off. A leaf that nothing else changes stands in its old place again, itself."""
        if name not in self._names:
            raise InputError(f"no adapter {name!r} hangs here; there are: {', '.join(self._names) or 'none'}")
        del self._names[name]
        for place, dressed in list(self._dressed.items()):
            dressed.deltas.pop(name, None)
            if not dressed.deltas:
                put(self.network, place, dressed.leaf)
                del self._dressed[place]

    @contextmanager
    def worn(self, rows: Sequence[Row]) -> Generator[None]:
        """Row k of every forward inside wears ``rows[k]``. Raises InputError for what does not hang here."""
        unknown = {name for row in rows for name, _ in row} - self._names.keys()
        if unknown:
            there_are = ", ".join(self._names) or "none"
            raise InputError(f"no adapter {sorted(unknown)[0]!r} hangs here; there are: {there_are}")
        before, self._wearing.rows = self._wearing.rows, tuple(tuple(row) for row in rows)
        try:
            yield
        finally:
            self._wearing.rows = before

    def _leaf(self, place: str) -> Leaf:
        dressed = self._dressed.get(place)
        return leaf_at(self.network, place) if dressed is None else dressed.leaf


def adding(leaf: Leaf, delta: Delta) -> Callable[[Tensor], Tensor]:
    """What a delta at strength 1 adds to the leaf's output: every leaf is linear in its weights."""
    change = delta.change
    if isinstance(change, LowRank) and isinstance(leaf, nn.Linear | nn.Conv2d):
        return lambda x: _shifted(change.apply(leaf, x), delta.bias, leaf)
    weight = torch.zeros_like(leaf.weight) if change is None else change.delta(leaf.weight)
    return partial(_through, leaf, weight, delta.bias)


def _shifted(product: Tensor, bias: Tensor | None, leaf: Leaf) -> Tensor:
    if bias is None:
        return product
    return product + (bias[:, None, None] if isinstance(leaf, nn.Conv2d) else bias).to(product.dtype)


def _through(leaf: Leaf, weight: Tensor, bias: Tensor | None, x: Tensor) -> Tensor:
    """The output of a leaf that had this weight and this bias."""
    weight, bias = weight.to(x.dtype), None if bias is None else bias.to(x.dtype)
    match leaf:
        case nn.Linear():
            return linear(x, weight, bias)
        case nn.Conv2d():
            return conv2d(x, weight, bias, leaf.stride, leaf.padding, leaf.dilation)
        case nn.LayerNorm():
            return layer_norm(x, list(leaf.normalized_shape), weight, bias, leaf.eps)
        case nn.GroupNorm():
            return group_norm(x, leaf.num_groups, weight, bias, leaf.eps)


def leaf_at(network: nn.Module, place: str) -> Leaf:
    """The leaf of that name. Raises InputError unless it is one that a delta can change."""
    try:
        leaf = network.get_submodule(place)
    except AttributeError:
        raise InputError(
            f"{type(network).__name__} has no layer {place}: the adapter is another network's"
        ) from None
    plain = not isinstance(leaf, nn.Conv2d) or (leaf.groups == 1 and leaf.padding_mode == "zeros")
    if not isinstance(leaf, LEAVES) or not plain:
        raise InputError(f"{place} is a {type(leaf).__name__}, which no adapter can change")
    return leaf


def check_fits(place: str, leaf: Leaf, delta: Delta) -> None:
    """Raise InputError unless the shapes of a delta are those of the leaf, but for 1x1 at the end."""
    weight = tuple(leaf.weight.shape)
    change = weight if delta.change is None else delta.change.shape
    if trimmed(change) != trimmed(weight):
        raise InputError(f"a change of {list(change)} does not fit {place}, whose weight is {list(weight)}")
    if delta.bias is not None and (leaf.bias is None or delta.bias.shape != leaf.bias.shape):
        has = "no bias" if leaf.bias is None else f"a bias of {list(leaf.bias.shape)}"
        raise InputError(f"a change of {list(delta.bias.shape)} does not fit {place}, which has {has}")


def put(network: nn.Module, place: str, module: nn.Module) -> None:
    """Set the module of that name."""
    parent, _, child = place.rpartition(".")
    setattr(network.get_submodule(parent), child, module)


@dataclass(eq=False)
class Merged:
    """An adapter that became part of a network's weights. Holds the old ones until ``undo``, or for ever."""

    _kept: list[tuple[Leaf, str, nn.Parameter, nn.Parameter]]  # leaf, name, before, after

    def undo(self) -> None:
        """Put every old weight back, itself. Raises InputError if something else was merged since."""
        if any(getattr(leaf, name) is not after for leaf, name, _, after in self._kept):
            raise InputError("weights were changed after this was merged: undo what was merged last first")
        for leaf, name, before, _ in self._kept:
            setattr(leaf, name, before)
        self._kept = []


def merge(network: nn.Module, deltas: Mapping[str, Delta], strength: float) -> Merged:
    """Add the deltas, times ``strength``, to the network's own weights: drawing then costs nothing extra.

    Sums are taken in float32, then rounded to what the weight is. Raises InputError, and changes nothing, if
    a delta does not fit or something hangs on the network.
    """
    if any(isinstance(module, Dressed) for module in network.modules()):
        raise InputError("adapters hang on this network: remove them before you merge")
    leaves = {place: leaf_at(network, place) for place in deltas}
    for place, leaf in leaves.items():
        check_fits(place, leaf, deltas[place])
    kept: list[tuple[Leaf, str, nn.Parameter, nn.Parameter]] = []
    for place, leaf in leaves.items():
        delta = deltas[place]
        if delta.change is not None:
            kept.append(_raised(leaf, "weight", strength * delta.change.delta(leaf.weight)))
        if delta.bias is not None:
            kept.append(_raised(leaf, "bias", strength * delta.bias))
    return Merged(kept)


def _raised(leaf: Leaf, name: str, by: Tensor) -> tuple[Leaf, str, nn.Parameter, nn.Parameter]:
    """Give a leaf another parameter, ``by`` more than its old one."""
    before = cast("nn.Parameter", getattr(leaf, name))
    raised = (before.detach().float() + by.to(before.device, torch.float32)).to(before.dtype)
    after = nn.Parameter(raised, requires_grad=before.requires_grad)
    setattr(leaf, name, after)
    return leaf, name, before, after

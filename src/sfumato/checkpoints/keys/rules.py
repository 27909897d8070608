"""Key maps: what a tensor is called in an original file, and what in ours, as one table for both directions.

A `Rule` names a module (or one tensor) on both sides and holds for all that lies beneath it. `KeyMap` is what
the rules say of the tensors that a file really has: a list of pairs in which every name occurs once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

NAMED = 6  # of a long list of names, an error shows so many


Shape: TypeAlias = tuple[int, ...]


class Change(NamedTuple):
    """How one tensor of ours lies in theirs: `ours` makes ours of theirs, `theirs` the reverse.

    The shapes follow without a tensor; ValueError for a shape that cannot be changed so.
    """

    ours: Callable[[Tensor], Tensor]
    theirs: Callable[[Tensor], Tensor]
    our_shape: Callable[[Shape], Shape]
    their_shape: Callable[[Shape], Shape]


def _unchanged(tensor: Tensor) -> Tensor:
    return tensor


def _same_shape(shape: Shape) -> Shape:
    return shape


def _linear(tensor: Tensor) -> Tensor:
    return tensor.flatten(1)


def _linear_shape(shape: Shape) -> Shape:
    if len(shape) < 2 or set(shape[2:]) - {1}:
        raise ValueError("not a convolution of 1x1")
    return shape[:2]


def _convolution(tensor: Tensor) -> Tensor:
    return tensor[:, :, None, None]


def _convolution_shape(shape: Shape) -> Shape:
    if len(shape) != 2:
        raise ValueError("not a matrix")
    return (*shape, 1, 1)


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.t()


def _transposed_shape(shape: Shape) -> Shape:
    if len(shape) != 2:
        raise ValueError("not a matrix")
    return shape[::-1]


SAME = Change(_unchanged, _unchanged, _same_shape, _same_shape)
POINTWISE = Change(_linear, _convolution, _linear_shape, _convolution_shape)  # ours linear, theirs 1x1
TRANSPOSED = Change(_transposed, _transposed, _transposed_shape, _transposed_shape)


class Rule(NamedTuple):
    """Modules or tensors that hold the same numbers. Several of `ours` lie stacked in one of `theirs`."""

    ours: str | tuple[str, ...]
    theirs: str
    change: Change = SAME


class Pair(NamedTuple):
    """One tensor of theirs and what it is among ours: one tensor, or several that it stacks along axis 0."""

    ours: tuple[str, ...]
    theirs: str
    change: Change


@dataclass(frozen=True)
class KeyMap:
    """A bijection between the names, and the forms, of the tensors of two layouts."""

    pairs: tuple[Pair, ...]

    def __post_init__(self) -> None:
        for side in (
            Counter(name for pair in self.pairs for name in pair.ours),
            Counter(pair.theirs for pair in self.pairs),
        ):
            if twice := [name for name, count in side.items() if count > 1]:
                raise CheckpointError(f"two tensors would both be called {shortened(twice)}")

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name in the original layout of every tensor of ours."""
        return {name: pair.theirs for pair in self.pairs for name in pair.ours}

    def ours(self, tensors: Tensors) -> Tensors:
        """The same numbers as our networks call and shape them. Nothing is read before it is asked for.

        CheckpointError for tensors that the map does not know, and for stacks that do not split.
        """
        _check_known(tensors, {pair.theirs for pair in self.pairs})
        present = [pair for pair in self.pairs if pair.theirs in tensors.kinds]
        kinds: dict[str, Kind] = {}
        source: dict[str, tuple[Pair, int]] = {}
        for pair in present:
            kind = tensors.kinds[pair.theirs]
            for place, shape in enumerate(_split_shapes(pair, kind)):
                kinds[pair.ours[place]] = Kind(kind.dtype, shape)
                source[pair.ours[place]] = (pair, place)

        def read(name: str) -> Tensor:
            pair, place = source[name]
            whole = tensors.read(pair.theirs)
            part = whole.chunk(len(pair.ours))[place] if len(pair.ours) > 1 else whole
            return pair.change.ours(part).contiguous()

        return Tensors(kinds=kinds, read=read)

    def theirs(self, tensors: Tensors) -> Tensors:
        """The same numbers as the original layout calls and shapes them, as lazily.

        CheckpointError for tensors that the map does not know, and for stacks of which a part is missing.
        """
        _check_known(tensors, set(self.names))
        present = {
            pair.theirs: pair for pair in self.pairs if any(name in tensors.kinds for name in pair.ours)
        }
        kinds = {name: _stacked_kind(pair, tensors.kinds) for name, pair in present.items()}

        def read(name: str) -> Tensor:
            from torch import cat  # where numbers are read: a file is inspected without torch

            pair = present[name]
            parts = [tensors.read(part) for part in pair.ours]
            return pair.change.theirs(cat(parts) if len(parts) > 1 else parts[0]).contiguous()

        return Tensors(kinds=kinds, read=read)


def fitted(rules: Iterable[Rule], names: Iterable[str], *, original: bool) -> KeyMap:
    """What the rules say of `names`, which are those of the original layout or ours.

    The rule of the longest name holds. Names without a rule are left out of the map, which then refuses them.
    """
    listed = [_plain(rule) for rule in rules]
    by_name = {name: rule for rule in listed for name in ([rule.theirs] if original else rule.ours)}
    pairs: dict[str, Pair] = {}
    for name in names:
        if found := _beneath(by_name, name):
            rule, rest = found
            ours = tuple(module + rest for module in rule.ours)
            pairs.setdefault(rule.theirs + rest, Pair(ours, rule.theirs + rest, rule.change))
    return KeyMap(tuple(pairs.values()))


def shortened(names: Iterable[str]) -> str:
    """A list for an error message: the first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


class _Plain(NamedTuple):
    ours: tuple[str, ...]
    theirs: str
    change: Change


def _plain(rule: Rule) -> _Plain:
    return _Plain((rule.ours,) if isinstance(rule.ours, str) else rule.ours, rule.theirs, rule.change)


def _beneath(rules: Mapping[str, _Plain], name: str) -> tuple[_Plain, str] | None:
    """The rule for `name` or for the nearest module above it, and what follows that module's name."""
    module = name
    while module not in rules:
        module, dot, _ = module.rpartition(".")
        if not dot:
            return None
    return rules[module], name[len(module) :]


def _check_known(tensors: Tensors, known: set[str]) -> None:
    if strangers := [name for name in tensors.kinds if name not in known]:
        raise CheckpointError(
            f"{len(strangers)} tensors have no place in this layout: {shortened(strangers)}"
        )


def _changed(change: Callable[[Shape], Shape], shape: Shape, name: str) -> Shape:
    try:
        return change(shape)
    except ValueError as error:
        raise CheckpointError(f"tensor {name} has shape {list(shape)}: {error}") from error


def _split_shapes(pair: Pair, kind: Kind) -> list[Shape]:
    count = len(pair.ours)
    if count == 1:
        return [_changed(pair.change.our_shape, kind.shape, pair.theirs)]
    if not kind.shape or kind.shape[0] % count:
        raise CheckpointError(
            f"tensor {pair.theirs} has shape {list(kind.shape)}, which does not split into {count}"
        )
    part = (kind.shape[0] // count, *kind.shape[1:])
    return [_changed(pair.change.our_shape, part, pair.theirs)] * count


def _stacked_kind(pair: Pair, kinds: Mapping[str, Kind]) -> Kind:
    if missing := [name for name in pair.ours if name not in kinds]:
        raise CheckpointError(f"tensor {pair.theirs} cannot be made: {shortened(missing)} missing")
    parts = {kinds[name] for name in pair.ours}
    if len(parts) > 1:
        raise CheckpointError(f"tensors {shortened(pair.ours)} differ in kind and cannot be stacked")
    kind = parts.pop()
    shape = kind.shape
    if len(pair.ours) > 1:
        shape = (sum(shape[:1]) * len(pair.ours), *shape[1:])
    return Kind(kind.dtype, _changed(pair.change.their_shape, shape, pair.theirs))

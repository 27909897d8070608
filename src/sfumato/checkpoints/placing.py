"""Weights into a network, one tensor after the other: strictly, and with little more memory than they fill.

All names and shapes are compared before anything is read, and every number is looked at on its way in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from sfumato.checkpoints.safetensors import fault
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where networks are put, and as what kind of numbers."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float32


PLACE = Place()


def placed(part: str, make: Callable[[], Network], tensors: Tensors, place: Place) -> Network:
    """The network of ``make``, ready to be asked, with all of ``tensors`` and no others.

    Raises CheckpointError where names or shapes differ, and for numbers that are not finite.
    """
    try:
        with torch.device("meta"):
            network = make()
    except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError) as error:
        why = str(error).partition("\n")[0]  # torch goes on with a trace of its own
        raise CheckpointError(f"{part}: no network has these shapes: {why}") from error
    check_fits(part, network, tensors)
    # in the order of the file, so that no part of it is mapped twice
    weights = {name: _own(part, name, tensors.read(name), place) for name in tensors.kinds}
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)  # noqa: FBT003 - torch's own signature


def check_fits(part: str, network: nn.Module, tensors: Tensors) -> None:
    """Raise CheckpointError, naming them, unless names and shapes of ``tensors`` are those of the network."""
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: kind.shape for name, kind in tensors.kinds.items()}
    faults = [
        *fault("missing", (name for name in own if name not in given)),
        *fault("unexpected", (name for name in given if name not in own)),
        *fault(
            "of another shape",
            (
                f"{name} {list(given[name])} where the network has {list(own[name])}"
                for name in own
                if name in given and given[name] != own[name]
            ),
        ),
    ]
    if faults:
        raise CheckpointError(f"{part}: the weights do not fit {type(network).__name__}: {'; '.join(faults)}")


def _own(part: str, name: str, tensor: Tensor, place: Place) -> Tensor:
    """A copy in its place: the stretch of the file that it came from can be let go."""
    if not tensor.is_floating_point():
        raise CheckpointError(f"{part}: tensor {name} holds {tensor.dtype}, which are no weights of ours")
    # a third faster on a CPU than channels-first
    layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
    own = tensor.to(place.device, place.dtype, copy=True, memory_format=layout)
    if not bool(own.sum(dtype=torch.float32).isfinite()):  # one number that is not finite makes the sum so
        _refuse_numbers(part, name, tensor, place)
    return own


def _refuse_numbers(part: str, name: str, tensor: Tensor, place: Place) -> None:
    """Say why numbers are not finite where they are put. Sums of great numbers alone are no reason."""
    if not bool(tensor.float().isfinite().all()):
        raise CheckpointError(f"{part}: tensor {name} holds numbers that are not finite; download it again")
    if not bool(tensor.to(place.dtype).isfinite().all()):
        kind = str(place.dtype).removeprefix("torch.")
        raise CheckpointError(f"{part}: tensor {name} has numbers too great for {kind}; load it as float32")

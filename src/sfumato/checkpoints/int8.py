"""Weights in a quarter of their size: eight bits each, with one scale for every output channel.

Rounding moves a weight by at most 1/254 of the largest in its channel. What has fewer than two dimensions
(norms, biases) stays as it is, or becomes ``rest``. The scale of ``name`` is stored as ``name`` + ``SCALE``.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sfumato.errors import CheckpointError

SCALE = ".int8_scale"
LARGEST = 127


def packed(tensors: Mapping[str, Tensor], *, rest: torch.dtype | None = None) -> dict[str, Tensor]:
    """Replace every floating-point tensor of two or more dimensions by its bytes and scales.

    The other floating-point tensors become ``rest``, if that is given.
    """
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or not tensor.is_floating_point():
            result[name] = tensor.to(rest) if rest and tensor.is_floating_point() else tensor
            continue
        rows = tensor.float().flatten(1)
        scale = (rows.abs().amax(dim=1) / LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
        rounded = (rows / scale[:, None]).round().to(torch.int8)
        result[name] = rounded.view(tensor.shape)
        result[name + SCALE] = scale
    return result


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo `packed`, to float32. Raises CheckpointError for bytes without scales and scales without bytes."""
    scales = {name.removesuffix(SCALE): tensor for name, tensor in tensors.items() if name.endswith(SCALE)}
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE):
            continue
        if tensor.dtype != torch.int8:
            result[name] = tensor.float() if tensor.is_floating_point() else tensor
            continue
        scale = scales.pop(name, None)
        if scale is None or scale.shape != tensor.shape[:1]:
            raise CheckpointError(f"{name} is stored in int8 but its scales, {name}{SCALE}, are not there")
        result[name] = tensor.float() * scale.view(-1, *[1] * (tensor.ndim - 1))
    if scales:
        raise CheckpointError(f"scales without the int8 weights they belong to: {', '.join(sorted(scales))}")
    return result

"""First weights: normal numbers, where there are numbers.

A network that is about to be loaded is built on "meta", without numbers. Asking for normal ones there, or for
a multiple of some, makes torch import its compiler: 1.2 s of a processor, measured, for nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def drawn(weight: Tensor, std: float = 1.0) -> Tensor:
    """The weight, filled with normal numbers of this deviation in its place."""
    return weight if weight.is_meta else nn.init.normal_(weight, std=std)


def parameter(*shape: int, std: float) -> nn.Parameter:
    """Normal numbers as a parameter of its own."""
    weight = drawn(torch.empty(shape))
    return nn.Parameter(weight if weight.is_meta else weight * std)


def embedding(count: int, width: int) -> nn.Embedding:
    """A table of ``count`` vectors."""
    return nn.Embedding(count, width, _weight=drawn(torch.empty(count, width)))

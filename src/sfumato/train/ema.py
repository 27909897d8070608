"""The running average of weights, which draws better than the weights themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn


class Ema:
    """Exponential moving average of modules, with the short memory that early steps need.

    The decay of step n is min(decay, (1 + n) / (10 + n)), as in Polyak-style averaging for diffusion models.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.modules = {
            name: copy.deepcopy(module).eval().requires_grad_(False) for name, module in modules.items()
        }

    @torch.no_grad()
    def update(self, modules: Mapping[str, nn.Module], step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, module in modules.items():
            mine = list(self.modules[name].parameters())
            torch._foreach_lerp_(mine, list(module.parameters()), 1 - decay)  # pyright: ignore[reportPrivateUsage]

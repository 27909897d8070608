"""The running average of weights, which draws better than the weights themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import cast

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

_Move = Callable[[list[Tensor], list[Tensor], int], None]


class Ema:
    """Exponential moving average of modules, with the short memory that early steps need.

    The decay of step n is min(decay, (1 + n) / (10 + n)), as in Polyak-style averaging for diffusion models.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.modules = {
            name: copy.deepcopy(module).eval().requires_grad_(requires_grad=False)
            for name, module in modules.items()
        }

    def update(self, modules: Mapping[str, nn.Module], step: int) -> None:
        """Move towards what the modules are after ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        move = cast("_Move", get_ema_multi_avg_fn(decay))
        for name, module in modules.items():
            move(list(self.modules[name].parameters()), list(module.parameters()), 0)

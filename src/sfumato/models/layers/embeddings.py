"""How a number or a vector becomes what the residual blocks are told."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


def sinusoids(time: Tensor, width: int) -> Tensor:
    """Cosines, then sines, of `time` (B,) at `width // 2` frequencies from 1 down to almost 1/10000.

    Vaswani et al. 2017, arXiv:1706.03762, section 3.5, with the halves in Stable Diffusion's order.
    """
    half = width // 2
    places = torch.arange(half, dtype=torch.float32, device=time.device)
    angles = time.float()[:, None] * torch.exp(places * (-math.log(10000.0) / half))
    return torch.cat([angles.cos(), angles.sin()], dim=1)  # (B, width)


class Embedding(nn.Module):
    """Two linear layers with a SiLU between them, over a vector (B, inputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(inputs, outputs)
        self.linear_2 = nn.Linear(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(silu(self.linear_1(x)))

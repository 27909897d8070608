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


class GuidedEmbedding(nn.Module):
    """An `Embedding` that is also told a scale of guidance, for networks distilled as in arXiv:2310.04378."""

    def __init__(self, inputs: int, outputs: int, *, guidance_width: int) -> None:
        super().__init__()
        self.cond_proj = nn.Linear(guidance_width, inputs, bias=False)
        self.linear_1 = nn.Linear(inputs, outputs)
        self.linear_2 = nn.Linear(outputs, outputs)

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """`guidance` is a scale for each row (B,), 1 for none."""
        waves = guidance_waves(guidance, self.cond_proj.in_features).to(x.dtype)
        return self.linear_2(silu(self.linear_1(x + self.cond_proj(waves))))


def guidance_waves(scale: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of 1000 times what a scale (B,) is above 1, at frequencies from 1 to 1/10000.

    As LCM's own code and diffusers have it: the halves in the other order than for times, and the last
    frequency included.
    """
    half = width // 2
    places = torch.arange(half, dtype=torch.float32, device=scale.device)
    frequencies = torch.exp(places * (-math.log(10000.0) / max(half - 1, 1)))
    angles = 1000.0 * (scale.float() - 1.0)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)  # (B, width)

"""Residual convolution blocks, with and without a time embedding, and the resampling between levels.

The last convolution of each block starts at zero, so that a deep network begins as a shallow one and learns
from its first step: Goyal et al. 2017, arXiv:1706.02677, section 5.1.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, silu

Layer = TypeVar("Layer", bound=nn.Module)


def shortcut(inputs: int, outputs: int) -> nn.Module:
    """The way round a block: a 1x1 convolution where the width changes, else nothing (and no parameters)."""
    return nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)


def zeroed(layer: Layer) -> Layer:
    """`layer` with every weight set to zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added back."""

    def __init__(self, inputs: int, outputs: int, *, groups: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=epsilon)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=epsilon)
        self.conv2 = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.conv_shortcut = shortcut(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(silu(self.norm1(x)))
        hidden = self.conv2(silu(self.norm2(hidden)))
        return self.conv_shortcut(x) + hidden


class TimedResidualBlock(nn.Module):
    """Two 3x3 convolutions, the time embedding added between them, around which the input is added back."""

    def __init__(
        self, inputs: int, outputs: int, *, time_width: int, groups: int, epsilon: float = 1e-5
    ) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=epsilon)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, outputs)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=epsilon)
        self.conv2 = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.conv_shortcut = shortcut(inputs, outputs)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """`time` (B, time_width) comes with its SiLU already applied: all blocks of a network share it."""
        hidden = self.conv1(silu(self.norm1(x)))
        hidden = hidden + self.time_emb_proj(time)[:, :, None, None]
        hidden = self.conv2(silu(self.norm2(hidden)))
        return self.conv_shortcut(x) + hidden


class Downsample(nn.Module):
    """Half the height and width by a strided convolution that looks one pixel out on every side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class CornerDownsample(nn.Module):
    """Half the height and width by a strided convolution padded only below and at the right.

    The autoencoder of latent diffusion is trained this way; centred padding would shift its pictures.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the height and width, or a given size: every pixel four times, then a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        height, width = size or (2 * x.shape[2], 2 * x.shape[3])
        return self.conv(interpolate(x, size=(height, width), mode="nearest"))

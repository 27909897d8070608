"""T2I-Adapter: a small network that reads a picture once, and says what to add at each level of a U-Net.

Mou et al. 2023, arXiv:2302.08453. It knows neither noise nor words: what it says is the same at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pixel_unshuffle, relu

from sfumato.models.layers.sizes import check_sizes


@dataclass(frozen=True, kw_only=True)
class T2IConfig:
    """The shape of a T2I-Adapter. One entry of each tuple per level, the finest first."""

    hint_channels: int
    unshuffle: int  # so many pixels, each way, become channels of one place
    widths: tuple[int, ...]
    halved: tuple[bool, ...]  # whether a level begins by halving the picture
    layers: int  # residual blocks of a level

    def __post_init__(self) -> None:
        check_sizes(self)
        if len(self.widths) != len(self.halved):
            raise ValueError(f"{len(self.widths)} widths for {len(self.halved)} levels")

    @property
    def shrinks(self) -> tuple[int, ...]:
        """How many pixels, each way, become one place at each level."""
        return tuple(self.unshuffle * 2 ** sum(self.halved[: level + 1]) for level in range(len(self.widths)))

    @property
    def entry(self) -> int:
        """The channels of the unshuffled picture."""
        return self.hint_channels * self.unshuffle**2


class Residual(nn.Module):
    """Two convolutions with a ReLU between them, around which the input is added back."""

    def __init__(self, width: int, *, second: int) -> None:
        super().__init__()
        self.block1 = nn.Conv2d(width, width, 3, padding=1)
        self.block2 = nn.Conv2d(width, width, second, padding=second // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.block2(relu(self.block1(x))) + x


def halving(x: Tensor, halved: bool) -> Tensor:
    """The means of squares of four; of odd sizes, what is left at the edge too, as a U-Net keeps it."""
    return avg_pool2d(x, 2, ceil_mode=True) if halved else x


class FullLevel(nn.Module):
    """One level: halved or not, brought to its width where that changes, then its residual blocks."""

    def __init__(self, inputs: int, outputs: int, *, layers: int, halved: bool) -> None:
        super().__init__()
        self.halved = halved
        self.in_conv = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.resnets = nn.Sequential(*(Residual(outputs, second=1) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets(self.in_conv(halving(x, self.halved)))


class LightLevel(nn.Module):
    """One level whose residual blocks are a quarter as wide as what it gives."""

    def __init__(self, inputs: int, outputs: int, *, layers: int, halved: bool) -> None:
        super().__init__()
        self.halved, middle = halved, outputs // 4
        self.in_conv = nn.Conv2d(inputs, middle, 1)
        self.resnets = nn.Sequential(*(Residual(middle, second=3) for _ in range(layers)))
        self.out_conv = nn.Conv2d(middle, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out_conv(self.resnets(self.in_conv(halving(x, self.halved))))


class FullAdapter(nn.Module):
    """Of 77 million weights for Stable Diffusion 1 and XL: `forward(hint)` gives a feature for each level."""

    def __init__(self, config: T2IConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.conv_in = nn.Conv2d(config.entry, widths[0], 3, padding=1)
        self.body = nn.ModuleList(
            FullLevel(inputs, outputs, layers=config.layers, halved=halved)
            for inputs, outputs, halved in zip((widths[0], *widths), widths, config.halved, strict=False)
        )

    def forward(self, hint: Tensor) -> tuple[Tensor, ...]:
        """Features (B, width, h, w) of a hint (B, hint_channels, H, W) in 0..1."""
        return along(self.body, self.conv_in(pixel_unshuffle(hint, self.config.unshuffle)))


class LightAdapter(nn.Module):
    """A small one, without a first convolution."""

    def __init__(self, config: T2IConfig) -> None:
        super().__init__()
        self.config = config
        self.body = nn.ModuleList(
            LightLevel(inputs, outputs, layers=config.layers, halved=halved)
            for inputs, outputs, halved in zip(
                (config.entry, *config.widths), config.widths, config.halved, strict=False
            )
        )

    def forward(self, hint: Tensor) -> tuple[Tensor, ...]:
        """As `FullAdapter`."""
        return along(self.body, pixel_unshuffle(hint, self.config.unshuffle))


def along(levels: nn.ModuleList, x: Tensor) -> tuple[Tensor, ...]:
    """What each level makes of what the one before it made."""
    features: list[Tensor] = []
    for level in levels:
        x = level(x)
        features.append(x)
    return tuple(features)

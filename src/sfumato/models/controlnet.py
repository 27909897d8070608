"""ControlNet: a copy of the U-Net's way down that looks at a picture too, and says what to add to each skip.

Zhang, Rao and Agrawala 2023, arXiv:2302.05543. It is joined to the U-Net by convolutions that start at zero,
so that a ControlNet at birth changes nothing. It is made of the U-Net's own parts: read `unet.py` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from sfumato.diffusion.protocol import NO_EXTRAS, Extras
from sfumato.models.layers.embeddings import Embedding, sinusoids
from sfumato.models.layers.residual import zeroed
from sfumato.models.layers.sizes import check_sizes
from sfumato.models.layers.transformer import LinearTransformer, numbered
from sfumato.models.unet import DownLevel, Middle, UNet, UNetConfig

HINT_WIDTHS = (16, 32, 96, 256)  # of every published hint embedder


@dataclass(frozen=True, kw_only=True)
class ControlNetConfig:
    """The shape of a ControlNet: that of the U-Net whose way down it copies, and of what reads the hint."""

    unet: UNetConfig  # `in_channels` are those of the latent alone, also where the U-Net sees more beside it
    hint_channels: int
    hint_widths: tuple[int, ...]  # the picture is halved between each two: 4 widths make it 8 times smaller
    bare_middle: bool = False  # a transformer without blocks at the bottom, as the small ones for SDXL have

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.unet.guidance_width:
            raise ValueError(f"a ControlNet reads no scale of guidance, and {self.unet.guidance_width} waves")

    @property
    def shrink(self) -> int:
        """How many pixels of the hint, each way, become one place of the latent."""
        return 2 ** (len(self.hint_widths) - 1)

    @property
    def skip_widths(self) -> tuple[int, ...]:
        """The channels of each skip of the U-Net, in the order in which they are made."""
        widths, layers = self.unet.block_out_channels, self.unet.layers_per_block
        levels = [width for width in widths for _ in range(layers + 1)]  # each level's blocks, and its half
        return (widths[0], *levels[:-1])  # the last level is not halved


class HintEmbedding(nn.Module):
    """A picture (B, C, H, W) as the latent is shaped: convolutions, of which every second halves it."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        widths = config.hint_widths
        self.conv_in = nn.Conv2d(config.hint_channels, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList()
        for here, there in pairwise(widths):
            self.blocks.append(nn.Conv2d(here, here, 3, padding=1))
            self.blocks.append(nn.Conv2d(here, there, 3, padding=1, stride=2))
        first = config.unet.block_out_channels[0]
        self.conv_out = zeroed(nn.Conv2d(widths[-1], first, 3, padding=1))

    def forward(self, hint: Tensor) -> Tensor:
        x = silu(self.conv_in(hint))
        for block in self.blocks:
            x = silu(block(x))
        return self.conv_out(x)


def joints(widths: Sequence[int]) -> nn.ModuleList:
    """The zero convolutions by which a ControlNet's skips are joined to a U-Net's."""
    return nn.ModuleList(zeroed(nn.Conv2d(width, width, 1)) for width in widths)


def middle(config: ControlNetConfig) -> Middle:
    """The bottom of the copied way down."""
    shape = config.unet
    made = Middle(shape)
    if config.bare_middle:
        width, heads = shape.block_out_channels[-1], shape.heads[-1]
        made.attentions[0] = LinearTransformer(
            width, shape.context_width, heads=heads, depth=0, groups=shape.norm_groups
        )
    return made


class Joined(Protocol):
    """A copied way down, and what joins it to a U-Net's."""

    down_blocks: nn.ModuleList
    mid_block: Middle
    controlnet_down_blocks: nn.ModuleList
    controlnet_mid_block: nn.Conv2d


def joined(network: Joined, x: Tensor, time: Tensor, context: Tensor, extras: Extras) -> tuple[Tensor, ...]:
    """What a network says is to be added to each skip and, last, to the middle, on the way down of `x`."""
    skips = [x]
    for level in network.down_blocks:
        x, made = level(x, time, context, extras)
        skips += made
    x = network.mid_block(x, time, context, extras)
    joints = zip(network.controlnet_down_blocks, skips, strict=True)
    return (*(joint(skip) for joint, skip in joints), network.controlnet_mid_block(x))


def check_told(config: ControlNetConfig, x: Tensor, hint: Tensor, vector: Tensor | None) -> None:
    """Raise ValueError for a vector or an embedded hint that does not go with the latent `x`."""
    given, taken = 0 if vector is None else vector.shape[1], config.unet.vector_width
    if given != taken:
        raise ValueError(f"a vector of {given} was given to a ControlNet that takes {taken}")
    if hint.shape[2:] != x.shape[2:]:
        raise ValueError(
            f"a hint of {tuple(hint.shape[2:])} places for a latent of {tuple(x.shape[2:])}: a hint is drawn "
            f"{config.shrink} times as large, each way"
        )


class ControlNet(nn.Module):
    """`embed(hint)` once for a picture, then `forward(...)` at every step gives what to add to the skips."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.unet
        first, last = shape.block_out_channels[0], shape.block_out_channels[-1]
        levels = range(len(shape.block_out_channels))
        self.conv_in = nn.Conv2d(shape.in_channels, first, 3, padding=1)
        self.time_embedding = Embedding(first, shape.time_width)
        if shape.vector_width:
            self.add_embedding = Embedding(shape.vector_width, shape.time_width)
        self.controlnet_cond_embedding = HintEmbedding(config)
        self.down_blocks = nn.ModuleList(DownLevel(shape, level) for level in levels)
        self.mid_block = middle(config)
        self.controlnet_down_blocks = joints(config.skip_widths)
        self.controlnet_mid_block = zeroed(nn.Conv2d(last, last, 1))
        self.layers = numbered(self)

    def embed(self, hint: Tensor) -> Tensor:
        """The hint (B, hint_channels, H, W) in 0..1 as (B, C0, h, w): the same at every step of a walk."""
        return self.controlnet_cond_embedding(hint)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: Tensor,
        hint_embedding: Tensor,
        extras: Extras = NO_EXTRAS,
        *,
        vector: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """What to add to each skip of the U-Net, in the order they are made, and last to its middle.

        `x`, `time`, `context` and `vector` are what the U-Net is told; `extras` speaks of this network's own
        layers. Raises ValueError for what it cannot take.
        """
        check_told(self.config, x, hint_embedding, vector)
        time = silu(self._embed_time(time, vector))
        x = self.conv_in(x) + hint_embedding
        return joined(self, x, time, context, extras)

    def _embed_time(self, time: Tensor, vector: Tensor | None) -> Tensor:
        waves = sinusoids(time, self.config.unet.block_out_channels[0]).to(self.conv_in.weight.dtype)
        embedded = self.time_embedding(waves)
        return embedded if vector is None else embedded + self.add_embedding(vector)


def newborn(unet: UNet, *, hint_widths: tuple[int, ...] = HINT_WIDTHS, hint_channels: int = 3) -> ControlNet:
    """A ControlNet that starts as `unet` does on its way down, and changes nothing until it is trained.

    Of a U-Net that sees channels beside the latent, the first convolution is copied for the latent's alone.
    """
    shape = replace(unet.config, in_channels=unet.config.out_channels, guidance_width=0)
    config = ControlNetConfig(unet=shape, hint_channels=hint_channels, hint_widths=hint_widths)
    network = ControlNet(config).to(unet.conv_in.weight)
    wanted = network.state_dict()
    given = {name: tensor for name, tensor in unet.state_dict().items() if name in wanted}
    given["conv_in.weight"] = given["conv_in.weight"][:, : shape.in_channels]
    own = {name: tensor for name, tensor in wanted.items() if name.startswith("controlnet_")}
    with torch.no_grad():
        network.load_state_dict({**own, **given})
    return network

"""One ControlNet for conditioning pictures of many kinds: it is told which kind it sees.

As xinsir6's ControlNetPlus has it for SDXL, and diffusers its ControlNetUnionModel: the kind is added to the
time embedding, and shifts the channels of the hint. Read `controlnet.py` first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from sfumato.diffusion.protocol import NO_EXTRAS, Extras
from sfumato.models.controlnet import (
    ControlNetConfig,
    HintEmbedding,
    check_told,
    joined,
    joints,
    middle,
)
from sfumato.models.layers.embeddings import Embedding, sinusoids
from sfumato.models.layers.initial import parameter
from sfumato.models.layers.residual import zeroed
from sfumato.models.layers.sizes import check_sizes
from sfumato.models.layers.transformer import numbered
from sfumato.models.unet import DownLevel


@dataclass(frozen=True, kw_only=True)
class UnionConfig:
    """The shape of a ControlNet of many kinds. The transformer is as wide as the first level."""

    net: ControlNetConfig
    kinds: int
    kind_waves: int  # in which each kind's yes or no is told
    layers: int

    def __post_init__(self) -> None:
        check_sizes(self)


class LoneAttention(nn.Module):
    """Self-attention of tokens that see themselves alone: their values. Queries and keys decide nothing.

    The authors' code hands (B, N, D) to an attention that takes (N, B, D), so that the rows of a batch are
    mixed. In a picture's own batch all rows have one hint, and equal tokens are mixed to what they were.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = parameter(3 * width, width, std=width**-0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.in_proj_weight.chunk(3)[2], self.in_proj_bias.chunk(3)[2]
        return self.out_proj(linear(x, weight, bias))


class Mlp(nn.Module):
    """Two linear layers and, between them, x times the sigmoid of 1.702 x: CLIP's stand-in for GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.c_fc(x)
        return self.c_proj(hidden * torch.sigmoid(1.702 * hidden))


class LoneBlock(nn.Module):
    """Attention of a token to itself and a feed-forward layer, each added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = LoneAttention(width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Mlp(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class ControlNetUnion(nn.Module):
    """As `ControlNet`, but told in `kinds` what its hint is: ones and zeros (B, number of kinds)."""

    def __init__(self, config: UnionConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.net.unet
        first, last = shape.block_out_channels[0], shape.block_out_channels[-1]
        levels = range(len(shape.block_out_channels))
        self.conv_in = nn.Conv2d(shape.in_channels, first, 3, padding=1)
        self.time_embedding = Embedding(first, shape.time_width)
        if shape.vector_width:
            self.add_embedding = Embedding(shape.vector_width, shape.time_width)
        self.control_add_embedding = Embedding(config.kinds * config.kind_waves, shape.time_width)
        self.controlnet_cond_embedding = HintEmbedding(config.net)
        self.task_embedding = parameter(config.kinds, first, std=first**0.5)
        self.transformer_layes = nn.ModuleList(  # so spelt in the published files
            LoneBlock(first) for _ in range(config.layers)
        )
        self.spatial_ch_projs = zeroed(nn.Linear(first, first))
        self.down_blocks = nn.ModuleList(DownLevel(shape, level) for level in levels)
        self.mid_block = middle(config.net)
        self.controlnet_down_blocks = joints(config.net.skip_widths)
        self.controlnet_mid_block = zeroed(nn.Conv2d(last, last, 1))
        self.layers = numbered(self)

    def embed(self, hint: Tensor, kinds: Tensor) -> Tensor:
        """The hint (B, hint_channels, H, W) in 0..1 as (B, C0, h, w): the same at every step of a walk.

        Its channels are shifted by what the transformer makes of its mean and its kinds (B, kinds).
        """
        embedded = self.controlnet_cond_embedding(hint)
        token = embedded.mean(dim=(2, 3)) + kinds.to(self.task_embedding) @ self.task_embedding  # (B, C0)
        for layer in self.transformer_layes:
            token = layer(token)
        return embedded + self.spatial_ch_projs(token)[:, :, None, None]

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: Tensor,
        hint: tuple[Tensor, Tensor],
        extras: Extras = NO_EXTRAS,
        *,
        vector: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """What to add to each skip of the U-Net, in the order they are made, and last to its middle.

        `hint` is what `embed` made of it, and its kinds (B, kinds). All else as for `ControlNet`.
        """
        embedded, kinds = hint
        check_told(self.config.net, x, embedded, vector)
        time = silu(self._embed_time(time, kinds, vector))
        return joined(self, self.conv_in(x) + embedded, time, context, extras)

    def _embed_time(self, time: Tensor, kinds: Tensor, vector: Tensor | None) -> Tensor:
        dtype = self.conv_in.weight.dtype
        embedded = self.time_embedding(sinusoids(time, self.config.net.unet.block_out_channels[0]).to(dtype))
        waves = sinusoids(kinds.flatten(), self.config.kind_waves).to(dtype)  # (B * kinds, waves)
        embedded = embedded + self.control_add_embedding(waves.view(len(kinds), -1))
        return embedded if vector is None else embedded + self.add_embedding(vector)

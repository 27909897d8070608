"""A reference picture for the embedded model: how it looks, and what stands where.

Both are read off what CLIP's image tower makes of the picture's patches before its last layer. The look is
an IP-Adapter as `image_prompt.py` has it (Ye et al. 2023, arXiv:2308.06721): a few tokens that every place
attends to. The composition is a token for every patch, and every place is told what its own patch says: it
need not learn to find it among all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sfumato.diffusion.protocol import Look
from sfumato.models.clip import ImageTower
from sfumato.models.image_prompt import ImageLayer, IPAdapter, ResamplerConfig
from sfumato.models.layers.attention import to_tokens
from sfumato.models.layers.residual import zeroed
from sfumato.models.layers.sizes import check_sizes
from sfumato.models.unet import UNet

STYLE, COMPOSITION, BOTH = "style", "composition", "both"
ROLES = (STYLE, COMPOSITION, BOTH)
"""What a reference may say: how things look, where they stand, or all of it."""
HEAD = 64  # the width of a head of the resampler


@dataclass(frozen=True, kw_only=True)
class ArrangementConfig:
    """The shape of what reads a composition."""

    features: int  # width of the image tower
    inner: int
    width: int  # of a token

    def __post_init__(self) -> None:
        check_sizes(self)


@dataclass(frozen=True, kw_only=True)
class ReferenceConfig:
    """The shape of both."""

    style: ResamplerConfig
    composition: ArrangementConfig


def reference_config(
    unet: UNet, tower: ImageTower, *, tokens: int, inner: int, layers: int
) -> ReferenceConfig:
    """The shape for a U-Net and the tower beside it: ``tokens`` of style, ``inner`` in multiples of 64."""
    width, features = unet.config.context_width, tower.config.width
    style = ResamplerConfig(
        features=features,
        tokens=tokens,
        width=width,
        inner=inner,
        layers=layers,
        heads=inner // HEAD,
        head=HEAD,
        hidden=2 * inner,
    )
    return ReferenceConfig(
        style=style, composition=ArrangementConfig(features=features, inner=inner, width=width)
    )


class Arrangement(nn.Module):
    """A token (B, M, D) for every patch of a square picture, and what each layer of a U-Net takes from it."""

    def __init__(self, unet: UNet, config: ArrangementConfig) -> None:
        super().__init__()
        self.config = config
        self.read = nn.Sequential(
            nn.Conv2d(config.features, config.inner, 1),
            nn.GELU(),
            nn.Conv2d(config.inner, config.inner, 3, padding=1),  # where a thing ends, its neighbour tells
            nn.GELU(),
            nn.Conv2d(config.inner, config.width, 1),
        )
        queries = [unet.get_submodule(f"{name}.attn2.to_q") for name in unet.layers]
        self.told = nn.ModuleList(
            zeroed(nn.Linear(config.width, cast("nn.Linear", each).out_features, bias=False))
            for each in queries
        )

    def forward(self, patches: Tensor) -> Tensor:
        return to_tokens(self.read(_square(patches)))

    def mixed(self, layer: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """What each of a layer's places, a picture of ``size`` (height, width), is told: (B, N, D)."""
        patches = _square(tokens).float()  # torch shrinks no other numbers on the CPU
        here = interpolate(patches, size=size, mode="bilinear", antialias=True, align_corners=False)
        return self.told[layer](to_tokens(here).to(tokens))


class Reference(nn.Module):
    """What one U-Net is told of reference pictures. Begins as no reference at all: its values are zero."""

    def __init__(self, unet: UNet, config: ReferenceConfig) -> None:
        super().__init__()
        self.config = config
        self.style = IPAdapter(unet, config.style)
        self.composition = Arrangement(unet, config.composition)
        for layer in self.style.ip_adapter.values():
            nn.init.zeros_(cast("ImageLayer", layer).to_v_ip.weight)

    def tokens(self, patches: Tensor, role: str) -> Tensor:
        """What the tower saw of pictures, (B, 1 + M, F), as tokens (B, N, D) of that role.

        The first of what it saw is of the whole picture, the others are of its patches.
        """
        if role == STYLE:
            return self.style(patches)
        arrangement = self.composition(patches[:, 1:])
        return arrangement if role == COMPOSITION else torch.cat([self.style(patches), arrangement], dim=1)

    def mixed(self, what: Look, tokens: Tensor, role: str) -> Tensor:
        """What a layer's places (B, N, D) get of tokens of that role, as (B, N, D)."""
        if role == STYLE:
            return self.style.ip_adapter.mixed(what.layer, what.query, tokens)
        if role == COMPOSITION:
            return self.composition.mixed(what.layer, tokens, what.size)
        look = self.config.style.tokens
        seen = self.style.ip_adapter.mixed(what.layer, what.query, tokens[:, :look])
        return seen + self.composition.mixed(what.layer, tokens[:, look:], what.size)


def _square(tokens: Tensor) -> Tensor:
    """Tokens (B, M, D) of a square picture as that (B, D, h, h)."""
    batch, count, width = tokens.shape
    side = math.isqrt(count)
    return tokens.transpose(1, 2).reshape(batch, width, side, side)

"""IP-Adapter: a picture as a prompt, attended to beside the words by keys and values of its own.

Ye et al. 2023, arXiv:2308.06721. What CLIP's image tower saw becomes a few tokens as wide as the words'
(`Projection`, `Resampler`, `PatchProjection`); every transformer block of the U-Net gets a matrix for their
keys and one for their values (`ImageAttention`). Names are those of the published files, whose tensors load
as they are. The U-Net stays as it is: what is mixed here is added, from outside, to what its cross-attention
mixed of the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from sfumato.models.layers.attention import attend, check_heads
from sfumato.models.layers.initial import parameter
from sfumato.models.layers.sizes import check_sizes
from sfumato.models.layers.transformer import TransformerBlock
from sfumato.models.unet import UNet


@dataclass(frozen=True, kw_only=True)
class ProjectionConfig:
    """The shape of a projection of whole pictures, as the plain adapters have it."""

    embedding: int  # width of what stands for the whole picture: the image tower's projection
    tokens: int
    width: int  # of a token: the width of the U-Net's context

    def __post_init__(self) -> None:
        check_sizes(self)


@dataclass(frozen=True, kw_only=True)
class PatchProjectionConfig:
    """The shape of a projection of patches, one token each, as the adapter for whole faces has it."""

    features: int  # width of the image tower
    width: int

    def __post_init__(self) -> None:
        check_sizes(self)


@dataclass(frozen=True, kw_only=True)
class ResamplerConfig:
    """The shape of a resampler of patches, as the Plus adapters have it."""

    features: int  # width of the image tower
    tokens: int
    width: int
    inner: int  # width of a token within the resampler
    layers: int
    heads: int
    head: int  # the width of one, 64 in all published files
    hidden: int  # width inside the feed-forward layers

    def __post_init__(self) -> None:
        check_sizes(self)


AdapterConfig: TypeAlias = ProjectionConfig | PatchProjectionConfig | ResamplerConfig


class Projection(nn.Module):
    """Tokens (B, N, D) of what stands for the whole picture (B, P)."""

    def __init__(self, config: ProjectionConfig) -> None:
        super().__init__()
        self.config = config
        self.proj = nn.Linear(config.embedding, config.tokens * config.width)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.norm(self.proj(embedding).unflatten(1, (self.config.tokens, -1)))


class PatchProjection(nn.Module):
    """Tokens (B, N, D), one for each of an image tower's (B, N, F)."""

    def __init__(self, config: PatchProjectionConfig) -> None:
        super().__init__()
        self.config = config
        features, width = config.features, config.width
        self.proj = nn.Sequential(
            nn.Linear(features, features), nn.GELU(), nn.Linear(features, width), nn.LayerNorm(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.proj(features)


class PerceiverAttention(nn.Module):
    """What the tokens to be pick from the patches and from each other: arXiv:2204.14198, after 2103.03206."""

    def __init__(self, config: ResamplerConfig) -> None:
        super().__init__()
        self.heads, attended = config.heads, config.heads * config.head
        self.norm1 = nn.LayerNorm(config.inner)
        self.norm2 = nn.LayerNorm(config.inner)
        self.to_q = nn.Linear(config.inner, attended, bias=False)
        self.to_kv = nn.Linear(config.inner, 2 * attended, bias=False)
        self.to_out = nn.Linear(attended, config.inner, bias=False)

    def forward(self, patches: Tensor, latents: Tensor) -> Tensor:
        latents = self.norm2(latents)
        key, value = self.to_kv(torch.cat([self.norm1(patches), latents], dim=1)).chunk(2, dim=-1)
        query = self.to_q(latents)
        return self.to_out(attend(query, key.contiguous(), value.contiguous(), heads=self.heads))


def feed_forward(config: ResamplerConfig) -> nn.Sequential:
    """Of a layer of the resampler: normed first, without biases."""
    return nn.Sequential(
        nn.LayerNorm(config.inner),
        nn.Linear(config.inner, config.hidden, bias=False),
        nn.GELU(),
        nn.Linear(config.hidden, config.inner, bias=False),
    )


class Resampler(nn.Module):
    """Tokens (B, N, D) of the patches that an image tower saw (B, M, F), however many these are."""

    def __init__(self, config: ResamplerConfig) -> None:
        super().__init__()
        self.config = config
        self.latents = parameter(1, config.tokens, config.inner, std=config.inner**-0.5)
        self.proj_in = nn.Linear(config.features, config.inner)
        self.layers = nn.ModuleList(
            nn.ModuleList([PerceiverAttention(config), feed_forward(config)]) for _ in range(config.layers)
        )
        self.proj_out = nn.Linear(config.inner, config.width)
        self.norm_out = nn.LayerNorm(config.width)

    def forward(self, patches: Tensor) -> Tensor:
        patches = self.proj_in(patches)
        latents = self.latents.expand(len(patches), -1, -1)
        for layer in self.layers:
            attention, forward = cast("nn.ModuleList", layer)
            latents = latents + attention(patches, latents)
            latents = latents + forward(latents)
        return self.norm_out(self.proj_out(latents))


class ImageLayer(nn.Module):
    """One layer's keys and values of image tokens (B, N, D), as wide as its queries."""

    def __init__(self, tokens_width: int, width: int, *, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.to_k_ip = nn.Linear(tokens_width, width, bias=False)
        self.to_v_ip = nn.Linear(tokens_width, width, bias=False)

    def forward(self, query: Tensor, tokens: Tensor) -> Tensor:
        return attend(query, self.to_k_ip(tokens), self.to_v_ip(tokens), heads=self.heads)


class ImageAttention(nn.ModuleDict):
    """The image layers of a whole U-Net by the numbers that published files give them: see `numbers`."""

    def __init__(self, unet: UNet) -> None:
        found = numbers(unet.layers)
        width, attentions = unet.config.context_width, [block.attn2 for block in _blocks(unet)]
        layers = [ImageLayer(width, each.to_q.out_features, heads=each.heads) for each in attentions]
        super().__init__(dict(zip(found, layers, strict=True)))
        self.numbers = found

    def mixed(self, layer: int, query: Tensor, tokens: Tensor) -> Tensor:
        """What the places of `query` (B, N, D) see in image tokens (B, M, D'), unweighted: (B, N, D).

        `layer` is its place in `UNet.layers`: the number that a `Look` tells.
        """
        return self[self.numbers[layer]](query, tokens)

    def begin_as_words(self, unet: UNet) -> None:
        """Take the keys and values of the words, from which published adapters began their training."""
        for key, block in zip(self.numbers, _blocks(unet), strict=True):
            layer = cast("ImageLayer", self[key])
            layer.to_k_ip.load_state_dict(block.attn2.to_k.state_dict())
            layer.to_v_ip.load_state_dict(block.attn2.to_v.state_dict())


def numbers(layers: Sequence[str]) -> tuple[str, ...]:
    """What published files call the U-Net's layers, which `layers` names in the order of its forward.

    They count attention layers as diffusers lists them: those of the way down, of the way up, of the middle;
    self-attention has the even numbers, cross-attention the odd ones.
    """
    ways = ("down_blocks", "up_blocks", "mid_block")
    listed = sorted(layers, key=lambda name: ways.index(name.partition(".")[0]))
    return tuple(str(2 * listed.index(name) + 1) for name in layers)


class IPAdapter(nn.Module):
    """Both halves of an adapter, under the names of its file: `image_proj.*`, `ip_adapter.*`."""

    def __init__(self, unet: UNet, config: AdapterConfig) -> None:
        """For a U-Net whose layers it fits. Raises ValueError for tokens of another width than its words."""
        super().__init__()
        self.config = config
        if config.width != unet.config.context_width:
            raise ValueError(
                f"image tokens of width {config.width} for words of width {unet.config.context_width}"
            )
        self.image_proj = projection(config)
        self.ip_adapter = ImageAttention(unet)

    def forward(self, seen: Tensor) -> Tensor:
        """Tokens (B, N, D) of what the image tower saw: (B, P), or (B, M, F) where patches are read."""
        return self.image_proj(seen)


def projection(config: AdapterConfig) -> nn.Module:
    """The network of that configuration."""
    if isinstance(config, ProjectionConfig):
        return Projection(config)
    return Resampler(config) if isinstance(config, ResamplerConfig) else PatchProjection(config)


def _blocks(unet: UNet) -> list[TransformerBlock]:
    return [cast("TransformerBlock", unet.get_submodule(name)) for name in unet.layers]

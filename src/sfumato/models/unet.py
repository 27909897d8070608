"""The U-Net of Stable Diffusion: it looks at a noisy latent, the time and the words, and says what it sees.

Ronneberger et al. 2015, arXiv:1505.04597, as diffusion has it since Ho et al. 2020, arXiv:2006.11239, with
the cross-attention of Rombach et al. 2022, arXiv:2112.10752. On the way down every block leaves a copy of
what it made, a skip; on the way up it is taken back. Read next `layers/residual.py`, `layers/transformer.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from sfumato.diffusion.protocol import NO_EXTRAS, Extras
from sfumato.errors import InputError
from sfumato.models.layers.embeddings import Embedding, GuidedEmbedding, sinusoids
from sfumato.models.layers.residual import Downsample, TimedResidualBlock, Upsample, zeroed
from sfumato.models.layers.sizes import check_sizes
from sfumato.models.layers.transformer import ConvTransformer, LinearTransformer, NoTransformer, numbered


@dataclass(frozen=True, kw_only=True)
class UNetConfig:
    """The shape of a U-Net. One entry of each tuple per level, the finest first."""

    in_channels: int
    out_channels: int
    block_out_channels: tuple[int, ...]
    layers_per_block: int
    transformer_depth: tuple[int, ...]  # transformer blocks behind each residual block; 0: no attention there
    mid_transformer_depth: int
    heads: tuple[int, ...]
    context_width: int
    norm_groups: int
    linear_projection: bool  # into and out of the transformers; False: 1x1 convolutions, as SD 1.x has them
    vector_width: int  # of a vector that is added to the time embedding, as in SDXL; 0: it takes none
    guidance_width: int = 0  # of the waves by which a distilled network is told its scale; 0: it reads none

    def __post_init__(self) -> None:
        check_sizes(
            self,
            perhaps_zero=(
                "transformer_depth",
                "mid_transformer_depth",
                "heads",
                "vector_width",
                "guidance_width",
            ),
        )
        levels = (len(self.block_out_channels), len(self.transformer_depth), len(self.heads))
        if len(set(levels)) > 1:
            raise ValueError(
                "block_out_channels, transformer_depth and heads have {}, {} and {} levels".format(*levels)
            )

    @property
    def time_width(self) -> int:
        """The width of the time embedding."""
        return 4 * self.block_out_channels[0]

    @property
    def shrink(self) -> int:
        """How many places of a latent, each way, become one at the bottom."""
        return 2 ** (len(self.block_out_channels) - 1)


def residual(config: UNetConfig, inputs: int, outputs: int) -> TimedResidualBlock:
    """A residual block from `inputs` to `outputs` channels."""
    return TimedResidualBlock(inputs, outputs, time_width=config.time_width, groups=config.norm_groups)


def transformer(config: UNetConfig, level: int, depth: int) -> nn.Module:
    """The transformer of `depth` blocks that follows a residual block at `level`."""
    if depth == 0:
        return NoTransformer()
    kind = LinearTransformer if config.linear_projection else ConvTransformer
    width, heads = config.block_out_channels[level], config.heads[level]
    return kind(width, config.context_width, heads=heads, depth=depth, groups=config.norm_groups)


def added(made: list[Tensor], residuals: tuple[Tensor, ...]) -> list[Tensor]:
    """The skips and, last, the middle, each with its residual added. ValueError unless each has one."""
    if len(made) != len(residuals):
        raise ValueError(f"{len(residuals)} residuals for a U-Net of {len(made) - 1} skips and a middle")
    return [tensor + residual for tensor, residual in zip(made, residuals, strict=True)]


def flowing(x: Tensor, extras: Extras, place: int) -> Tensor:
    """What goes on from the place of one skip, or of the middle, -1: `x`, and what is added to it there."""
    inner = None if extras.inner is None else extras.inner[place]
    return x if inner is None else x + inner


class DownLevel(nn.Module):
    """One resolution on the way down. Its skips are what every block made, and the halved picture."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        super().__init__()
        width, count = config.block_out_channels[level], config.layers_per_block
        entry = config.block_out_channels[max(level - 1, 0)]
        depth, last = config.transformer_depth[level], level == len(config.block_out_channels) - 1
        self.place = 1 + level * (count + 1)  # of its first skip among all
        self.resnets = nn.ModuleList(residual(config, w, width) for w in [entry] + [width] * (count - 1))
        self.attentions = nn.ModuleList(transformer(config, level, depth) for _ in range(count))
        self.downsamplers = nn.ModuleList([] if last else [Downsample(width)])

    def forward(
        self, x: Tensor, time: Tensor, context: Tensor, extras: Extras
    ) -> tuple[Tensor, list[Tensor]]:
        skips: list[Tensor] = []
        for resnet, attention in zip(self.resnets, self.attentions, strict=True):
            x = flowing(attention(resnet(x, time), context, extras), extras, self.place + len(skips))
            skips.append(x)
        for downsample in self.downsamplers:
            x = flowing(downsample(x), extras, self.place + len(skips))
            skips.append(x)
        return x, skips


class Middle(nn.Module):
    """The bottom of the U: two residual blocks and a transformer between them."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width, level = config.block_out_channels[-1], len(config.block_out_channels) - 1
        self.resnets = nn.ModuleList(residual(config, width, width) for _ in range(2))
        self.attentions = nn.ModuleList([transformer(config, level, config.mid_transformer_depth)])

    def forward(self, x: Tensor, time: Tensor, context: Tensor, extras: Extras) -> Tensor:
        x = self.resnets[0](x, time)
        x = self.attentions[0](x, context, extras)
        return self.resnets[1](x, time)


class UpLevel(nn.Module):
    """One resolution on the way up: each residual block first takes back one skip."""

    def __init__(self, config: UNetConfig, level: int) -> None:
        super().__init__()
        widths, count = config.block_out_channels, config.layers_per_block + 1
        width, above = widths[level], widths[max(level - 1, 0)]
        entries = [widths[min(level + 1, len(widths) - 1)]] + [width] * (count - 1)
        skips = [width] * (count - 1) + [above]  # the last was made before this level, on the way down
        depth = config.transformer_depth[level]
        self.resnets = nn.ModuleList(
            residual(config, entry + skip, width) for entry, skip in zip(entries, skips, strict=True)
        )
        self.attentions = nn.ModuleList(transformer(config, level, depth) for _ in range(count))
        self.upsamplers = nn.ModuleList([Upsample(width)] if level > 0 else [])

    def forward(
        self, x: Tensor, skips: list[Tensor], time: Tensor, context: Tensor, extras: Extras
    ) -> Tensor:
        """Consumes `skips` from its end."""
        for resnet, attention in zip(self.resnets, self.attentions, strict=True):
            x = resnet(torch.cat([x, skips.pop()], dim=1), time)
            x = attention(x, context, extras)
        for upsample in self.upsamplers:
            x = upsample(x, (skips[-1].shape[2], skips[-1].shape[3]))  # halves of odd sizes were rounded up
        return x


class UNet(nn.Module):
    """The conditional U-Net: `forward(x, time, context)` gives the raw prediction, shaped like `x`."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        first, levels = config.block_out_channels[0], range(len(config.block_out_channels))
        self.conv_in = nn.Conv2d(config.in_channels, first, 3, padding=1)
        self.time_embedding: nn.Module = Embedding(first, config.time_width)
        if config.guidance_width:
            self.time_embedding = GuidedEmbedding(
                first, config.time_width, guidance_width=config.guidance_width
            )
        if config.vector_width:
            self.add_embedding = Embedding(config.vector_width, config.time_width)
        self.down_blocks = nn.ModuleList(DownLevel(config, level) for level in levels)
        self.mid_block = Middle(config)
        self.up_blocks = nn.ModuleList(UpLevel(config, level) for level in reversed(levels))
        self.conv_norm_out = nn.GroupNorm(config.norm_groups, first, eps=1e-5)
        self.conv_out = zeroed(nn.Conv2d(first, config.out_channels, 3, padding=1))
        self.layers = numbered(self)  # names of the layers that `Extras` tell by their numbers

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: Tensor,
        extras: Extras = NO_EXTRAS,
        *,
        vector: Tensor | None = None,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """The prediction (B, out_channels, H, W) for `x` (B, C, H, W) at `time` (B,), which is 0 to 1000.

        `context` is (B, T, D); `vector` (B, vector_width) goes to networks that were trained with one, and
        `guidance` (B,) to those that were distilled to read their scale.
        `extras.residuals` are added to the skips in the order they were made, and the last to the middle;
        `extras.inner` at the same places, but where a skip is made, so that all that follows sees it. Its
        layers are the transformer blocks, `layers`: one that is skipped gives back what it got.
        Raises ValueError for what it cannot take.
        """
        self._check(extras, vector, guidance)
        time = silu(self._embed(time, vector, guidance))
        x = flowing(self.conv_in(x), extras, 0)
        skips = [x]
        for level in self.down_blocks:
            x, made = level(x, time, context, extras)
            skips += made
        x = flowing(self.mid_block(x, time, context, extras), extras, -1)
        if extras.residuals is not None:
            *skips, x = added([*skips, x], extras.residuals)
        for level in self.up_blocks:
            x = level(x, skips, time, context, extras)
        return self.conv_out(silu(self.conv_norm_out(x)))

    def _embed(self, time: Tensor, vector: Tensor | None, guidance: Tensor | None) -> Tensor:
        waves = sinusoids(time, self.config.block_out_channels[0]).to(self.conv_in.weight.dtype)
        embedded = self.time_embedding(waves) if guidance is None else self.time_embedding(waves, guidance)
        return embedded if vector is None else embedded + self.add_embedding(vector)

    def _check(self, extras: Extras, vector: Tensor | None, guidance: Tensor | None) -> None:
        if (guidance is None) != (self.config.guidance_width == 0):
            reads = "reads no scale" if guidance is not None else "reads its scale and was told none"
            raise ValueError(f"this U-Net {reads} of guidance")
        given, taken = 0 if vector is None else vector.shape[1], self.config.vector_width
        if given != taken:
            raise ValueError(f"a vector of {given} was given to a U-Net that takes {taken}")
        skips = len(self.config.block_out_channels) * (self.config.layers_per_block + 1)
        if extras.inner is not None and len(extras.inner) != skips + 1:
            raise ValueError(f"{len(extras.inner)} inner residuals for {skips} skips and a middle")
        self._check_layers(extras)

    def _check_layers(self, extras: Extras) -> None:
        """Raise InputError, naming the layers that there are, for one that there is not."""
        perturbed = [part for part in (extras.self_attention, extras.cross_attention) if part is not None]
        told = [*(extras.skip or ()), *(number for part in perturbed for number in part.layers or ())]
        absent = sorted(number for number in told if not 0 <= number < len(self.layers))
        if absent or (perturbed and not self.layers):
            there_are = ", ".join(f"{number} {name}" for number, name in enumerate(self.layers))
            raise InputError(
                f"layers {absent or 'all'} were to be skipped or perturbed; there are {there_are or 'none'}"
            )

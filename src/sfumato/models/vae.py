"""The autoencoder between pictures and latents: AutoencoderKL of latent diffusion.

Rombach et al. 2022, arXiv:2112.10752, section 3.1. Pictures are (B, 3, H, W) in -1..1; a latent is smaller,
each way, by `2 ** (levels - 1) * patch_size`. The scale of latents belongs to the family, not to the network.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from sfumato.models.layers.attention import PictureAttention
from sfumato.models.layers.residual import CornerDownsample, ResidualBlock, Upsample
from sfumato.models.layers.sizes import check_sizes


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """The shape of an autoencoder. One entry of `block_out_channels` per level, the finest first."""

    in_channels: int
    latent_channels: int
    block_out_channels: tuple[int, ...]
    layers_per_block: int
    norm_groups: int
    patch_size: int  # pixels, each way, folded into channels before the first convolution; 1 folds none
    mid_attention: bool
    quant_conv: bool  # 1x1 convolutions on either side of the latent, as Stable Diffusion 1.x to SDXL have

    def __post_init__(self) -> None:
        check_sizes(self)

    @property
    def shrink(self) -> int:
        """How many pixels, each way, become one place of the latent."""
        return self.patch_size * 2 ** (len(self.block_out_channels) - 1)


def residual_blocks(inputs: int, outputs: int, *, layers: int, groups: int) -> nn.ModuleList:
    """`layers` residual blocks, the first of which changes the width."""
    widths = [inputs] + [outputs] * (layers - 1)
    return nn.ModuleList(ResidualBlock(width, outputs, groups=groups) for width in widths)


class DownLevel(nn.Module):
    """The blocks of one resolution of the encoder, then half the size unless it is the `last`."""

    def __init__(self, inputs: int, outputs: int, *, layers: int, groups: int, last: bool) -> None:
        super().__init__()
        self.resnets = residual_blocks(inputs, outputs, layers=layers, groups=groups)
        self.downsamplers = nn.ModuleList([] if last else [CornerDownsample(outputs)])

    def forward(self, x: Tensor) -> Tensor:
        for block in (*self.resnets, *self.downsamplers):
            x = block(x)
        return x


class UpLevel(nn.Module):
    """The blocks of one resolution of the decoder, then twice the size unless it is the `last`."""

    def __init__(self, inputs: int, outputs: int, *, layers: int, groups: int, last: bool) -> None:
        super().__init__()
        self.resnets = residual_blocks(inputs, outputs, layers=layers, groups=groups)
        self.upsamplers = nn.ModuleList([] if last else [Upsample(outputs)])

    def forward(self, x: Tensor) -> Tensor:
        for block in (*self.resnets, *self.upsamplers):
            x = block(x)
        return x


class Middle(nn.Module):
    """Two residual blocks at the lowest resolution and, if asked for, attention between them."""

    def __init__(self, width: int, *, groups: int, attention: bool) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([PictureAttention(width, groups=groups)] if attention else [])
        self.resnets = residual_blocks(width, width, layers=2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        for block in (self.resnets[0], *self.attentions, self.resnets[1]):
            x = block(x)
        return x


class Encoder(nn.Module):
    """From a picture, folded into patches, to the mean and log-variance of its latent in one tensor."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels, config.norm_groups
        layers, last = config.layers_per_block, len(widths) - 1
        self.conv_in = nn.Conv2d(config.in_channels * config.patch_size**2, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            DownLevel(widths[max(i - 1, 0)], width, layers=layers, groups=groups, last=i == last)
            for i, width in enumerate(widths)
        )
        self.mid_block = Middle(widths[-1], groups=groups, attention=config.mid_attention)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        x = self.mid_block(x)
        return self.conv_out(silu(self.conv_norm_out(x)))


class Decoder(nn.Module):
    """From a latent to a picture that is still folded into patches."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        widths, groups = config.block_out_channels[::-1], config.norm_groups
        layers, last = config.layers_per_block + 1, len(widths) - 1
        self.conv_in = nn.Conv2d(config.latent_channels, widths[0], 3, padding=1)
        self.mid_block = Middle(widths[0], groups=groups, attention=config.mid_attention)
        self.up_blocks = nn.ModuleList(
            UpLevel(widths[max(i - 1, 0)], width, layers=layers, groups=groups, last=i == last)
            for i, width in enumerate(widths)
        )
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], config.in_channels * config.patch_size**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(silu(self.conv_norm_out(x)))


class AutoencoderKL(nn.Module):
    """Pictures to the distribution of their latents, and latents back to pictures."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        latent = config.latent_channels
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1) if config.quant_conv else nn.Identity()
        self.post_quant_conv = nn.Conv2d(latent, latent, 1) if config.quant_conv else nn.Identity()

    def encode(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and log-variance, each (B, latent_channels, h, w), of the latent behind `picture`.

        The log-variance is kept within -30..20. ValueError for a size that does not divide by `shrink`.
        """
        height, width = picture.shape[2:]
        shrink = self.config.shrink
        if height % shrink or width % shrink:
            raise ValueError(
                f"a picture of {width}x{height} does not divide by {shrink}, the shrink of its latent"
            )
        folded = pixel_unshuffle(picture, self.config.patch_size)
        mean, logvar = self.quant_conv(self.encoder(folded)).chunk(2, dim=1)
        return mean, logvar.clamp(-30.0, 20.0)

    def decode(self, latent: Tensor) -> Tensor:
        """The picture (B, 3, H, W), about -1..1 but not clipped, that `latent` (B, C, h, w) stands for."""
        return pixel_shuffle(self.decoder(self.post_quant_conv(latent)), self.config.patch_size)

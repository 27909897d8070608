"""Between pictures and latents: the autoencoder with its family's scale, in tiles where a picture is large.

A tile sees less than the whole, so its colours may differ by a little; tiles overlap, and the overlap fades
from one to the next. In half precision some decoders overflow (SDXL's does): what is not finite is decoded
again by a copy in float32, and is an error if it still is not. The network itself stays as it is, so that no
picture depends on which were decoded before it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.errors import InputError
from sfumato.models.vae import AutoencoderKL


class Tiles(NamedTuple):
    """How large latents are cut, in places of the latent."""

    side: int = 128  # of a tile
    overlap: int = 32
    above: int = 192  # longer sides than this are cut


TILES = Tiles()


@dataclass(frozen=True, kw_only=True, eq=False)
class Latents:
    """The autoencoder, and the factor that brings its latents to a deviation of about 1."""

    autoencoder: AutoencoderKL
    scale: float
    shift: float = 0.0  # subtracted before scaling
    tiles: Tiles | None = TILES  # None: always in one piece

    @property
    def channels(self) -> int:
        return self.autoencoder.config.latent_channels

    @property
    def shrink(self) -> int:
        return self.autoencoder.config.shrink

    def decode(self, latent: Tensor) -> Tensor:
        """The picture (1, 3, H, W) in 0..1 of a latent (1, C, h, w)."""
        latent = latent / self.scale + self.shift
        height, width = latent.shape[2:]
        if self.tiles is None or max(height, width) <= self.tiles.above:
            picture = self._decoded(latent)
        else:
            picture = self._joined(latent, self.tiles)
        return (picture / 2 + 0.5).clamp(0, 1)

    def look(self, picture: Tensor) -> Tensor:
        """The latent (1, C, h, w), scaled, that stands for a picture (1, 3, H, W) in 0..1: its mean."""
        return (self.unscaled(picture) - self.shift) * self.scale

    def unscaled(self, picture: Tensor) -> Tensor:
        """The same as the autoencoder has it: instruct-pix2pix is shown latents so."""
        return self._finite("encoder", lambda network: network.encode(_fit(picture * 2 - 1, network))[0])

    def with_hole(self, picture: Tensor, mask: Tensor) -> Tensor:
        """What an inpainting network sees: the mask (1 in the hole), then the picture, grey in the hole."""
        hole = (mask > 0.5).to(picture)
        shown = self.look(torch.where(hole > 0, torch.full_like(picture, 0.5), picture))
        return torch.cat([interpolate(hole.to(shown), size=shown.shape[2:]), shown], dim=1)

    def _decoded(self, latent: Tensor) -> Tensor:
        """The picture, about -1..1, in float32."""
        return self._finite("decoder", lambda network: network.decode(_fit(latent, network)))

    def _finite(self, what: str, run: Callable[[AutoencoderKL], Tensor]) -> Tensor:
        """What the autoencoder gives, or its copy in float32 if that overflows. Raises InputError."""
        made = run(self.autoencoder)
        if not bool(made.isfinite().all()) and made.dtype != torch.float32:
            made = run(deepcopy(self.autoencoder).float())
        if not bool(made.isfinite().all()):
            raise InputError(
                f"the autoencoder's {what} gave numbers that are not finite: another autoencoder may serve, "
                "or load the model as float32"
            )
        return made.float()

    def _joined(self, latent: Tensor, tiles: Tiles) -> Tensor:
        """The picture of a latent, tile by tile; at every pixel the shares of its tiles sum to one."""
        whole = latent.new_zeros(1, 3, *(side * self.shrink for side in latent.shape[2:]))
        across, down = (spans(side, tiles, self.shrink) for side in (latent.shape[3], latent.shape[2]))
        for top, bottom, below in down:
            for left, right, beside in across:
                tile = self._decoded(latent[:, :, top:bottom, left:right])
                share = below.to(tile)[:, None] * beside.to(tile)
                rows = slice(top * self.shrink, bottom * self.shrink)
                whole[:, :, rows, left * self.shrink : right * self.shrink] += tile * share
        return whole


def spans(length: int, tiles: Tiles, shrink: int) -> list[tuple[int, int, Tensor]]:
    """The tiles along one side: first place, the one behind the last, and the share in each pixel.

    As few of one size as overlap by ``tiles.overlap`` or more. Shares rise and fall as a cosine.
    """
    side = min(tiles.side, length)
    count = 1 + -(-(length - side) // max(side - tiles.overlap, 1))
    starts = [round(index * (length - side) / max(count - 1, 1)) for index in range(count)]
    total = torch.zeros(length * shrink)
    shares: list[Tensor] = []
    for index, first in enumerate(starts):
        share = torch.ones(side * shrink)
        if index:
            share *= _ramp(starts[index - 1] + side - first, side, shrink)
        if index + 1 < count:
            share *= _ramp(first + side - starts[index + 1], side, shrink).flip(0)
        total[first * shrink : (first + side) * shrink] += share
        shares.append(share)
    return [
        (first, first + side, share / total[first * shrink : (first + side) * shrink])
        for first, share in zip(starts, shares, strict=True)
    ]


def _ramp(shared: int, side: int, shrink: int) -> Tensor:
    """Over a tile's side, from 0 to 1 along its first ``shared`` places, without an edge at either end."""
    length = min(shared, side // 2) * shrink
    places = (torch.arange(side * shrink) + 0.5) / length
    return (1 - torch.cos(places.clamp(max=1) * torch.pi)) / 2


def _fit(numbers: Tensor, network: AutoencoderKL) -> Tensor:
    """The same where the network is, in its precision."""
    weight = network.decoder.conv_in.weight
    return numbers.to(weight.device, weight.dtype)

"""The autoencoder's task: give the picture back through a small, smooth, noise-proof latent, edges crisp.

Trained on crops around things (it is convolutional: what it learns on crops holds for whole pictures), cut on
the raster of the latent. Rombach et al. 2022, arXiv:2112.10752, section 3.1, without the adversarial term.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.models.vae import AutoencoderKL
from sfumato.train.data import Pool, as_signed
from sfumato.train.pictures import sheet


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The loss: mean absolute error, plus ``edges`` times that of differences between neighbours, plus KL."""

    edges: float
    kl: float


class AutoencoderTask:
    """Reconstruction of crops of ``side`` pixels."""

    name = "autoencoder"

    def __init__(
        self, network: AutoencoderKL, pictures: Pool, *, batch: int, side: int, weights: Weights
    ) -> None:
        self.network, self.pictures = network, pictures
        self.batch, self.side, self.weights = batch, side, weights
        self.modules: Mapping[str, nn.Module] = {"autoencoder": network}
        self._places = [
            [place for thing in scene.things for place in thing.places] for scene in pictures.scenes
        ]

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of one batch of crops, and its parts."""
        crops = self._crops(generator)
        mean, logvar = self.network.encode(crops)
        mean, logvar = mean.float(), logvar.float().clamp(-20, 10)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        back = self.network.decode(mean + (logvar / 2).exp() * noise).float()
        error = (back - crops).abs().mean()
        edges = _differences(back, crops)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        loss = error + self.weights.edges * edges + self.weights.kl * kl
        return {"loss": loss, "error": error, "edges": edges, "kl": kl, "spread": (logvar / 2).exp().mean()}

    @torch.inference_mode()
    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor:
        """Pictures, each with what came back of it on its right."""
        network = cast("AutoencoderKL", averaged["autoencoder"])
        device = next(network.parameters()).device
        some = as_signed(self.pictures.pictures[:24].to(device))
        back = network.decode(network.encode(some)[0])
        return sheet((torch.stack([some, back], 1).flatten(0, 1).float() + 1) / 2, 12)

    def _crops(self, generator: torch.Generator) -> Tensor:
        """Crops (B, 3, side, side), -1..1, each around one thing of one picture."""
        device = next(self.network.parameters()).device
        chance = torch.rand(self.batch, 4, generator=generator, device=device)
        rows = cast("list[list[float]]", chance.tolist())  # pyright: ignore[reportUnknownMemberType]
        crops: list[Tensor] = []
        for which, thing, dx, dy in rows:
            index = int(which * len(self.pictures))
            places = self._places[index]
            place = places[int(thing * len(places))]
            top, left = self._corner(place.y, dy), self._corner(place.x, dx)
            crops.append(self.pictures.pictures[index, :, top : top + self.side, left : left + self.side])
        return as_signed(torch.stack(crops).to(device)).contiguous(memory_format=torch.channels_last)

    def _corner(self, centre: float, shift: float) -> int:
        """Where a crop begins, in pixels, that has ``centre`` inside, ``shift`` of the way through it."""
        whole, raster = self.pictures.pictures.shape[-1], self.network.config.shrink
        corner = round((centre * whole - self.side * shift) / raster) * raster
        return min(max(corner, 0), whole - self.side)


def _differences(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute error between the horizontal and vertical differences of two pictures."""
    rest = one - other
    return rest.diff(dim=2).abs().mean() + rest.diff(dim=3).abs().mean()

"""The diffusion task: from a noisy latent, its level and its caption, say which way the noise lies.

Flow matching (Lipman et al. 2022, arXiv:2210.02747) with logit-normal levels (Esser et al. 2024,
arXiv:2403.03206, section 3.1): the network sees ``(1 - sigma) clean + sigma noise`` and learns
``noise - clean``. Latents are computed once; the text tower goes on learning with the U-Net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sfumato.diffusion.prediction import FLOW, noised
from sfumato.diffusion.protocol import Extras
from sfumato.families.world import TIMES
from sfumato.models.clip import TextTower
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL
from sfumato.train.data import as_bytes, as_signed
from sfumato.train.words import Words


@dataclass(frozen=True)
class Latents:
    """Latents (N, C, H, W) of mean 0 and deviation 1: ``mean`` and ``std``, per channel, were taken out."""

    values: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]


@torch.inference_mode()
def encoded(autoencoder: AutoencoderKL, pictures: Iterable[Tensor]) -> Latents:
    """Encode chunks of pictures (B, 3, S, S), 0 to 1, to the means of their latents."""
    device = next(autoencoder.parameters()).device
    means: list[Tensor] = []
    for chunk in pictures:
        signed = as_signed(as_bytes(chunk)).to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            mean, _ = autoencoder.encode(signed)
        means.append(mean.to("cpu", torch.bfloat16))
    values = torch.cat(means)
    some = values[:4096].float()
    mean, std = some.mean(dim=(0, 2, 3)), some.std(dim=(0, 2, 3))
    for start in range(0, len(values), 4096):
        chunk = values[start : start + 4096]
        chunk.copy_((chunk.float() - mean[:, None, None]) / std[:, None, None])
    return Latents(values, floats(mean), floats(std))


def floats(values: Tensor) -> tuple[float, ...]:
    """A vector as Python floats."""
    return tuple(float(value) for value in values)


class DiffusionTask:
    """Flow matching of cached latents, given their captions. ``draw`` makes the sheet that shows progress."""

    name = "diffusion"

    def __init__(
        self,
        unet: UNet,
        text: TextTower,
        latents: Tensor,
        words: Words,
        *,
        batch: int,
        draw: Callable[[Mapping[str, nn.Module]], Tensor],
    ) -> None:
        self.unet, self.text, self.latents, self.words = unet, text, latents, words
        self.batch, self.draw = batch, draw
        self.modules: Mapping[str, nn.Module] = {"unet": unet, "text": text}

    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor:
        """Pictures of sentences that training does not see."""
        return self.draw(averaged)

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        device = generator.device
        rows = torch.randint(len(self.latents), (self.batch,), generator=generator, device=device)
        clean = self.latents[rows.to(self.latents.device)].to(device).float()
        clean = clean.contiguous(memory_format=torch.channels_last)
        noise = torch.empty_like(clean).normal_(generator=generator)
        sigma = torch.randn(self.batch, generator=generator, device=device).sigmoid()
        ids, mask = self.words.batch(rows.cpu(), generator)
        context, _ = self.text(ids)
        here = sigma[:, None, None, None]
        x = noised(clean, noise, 1 - here, here)
        output = self.unet(x, TIMES * sigma, context, Extras(attention_mask=mask)).float()
        errors = (output - FLOW.target(clean, noise, 1 - here, here)).square().mean(dim=(1, 2, 3))
        late = sigma < 0.5
        return {
            "loss": errors.mean(),
            "noisy": errors[~late].mean() if (~late).any() else errors.new_zeros(()),
            "clear": errors[late].mean() if late.any() else errors.new_zeros(()),
        }

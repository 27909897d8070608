"""CLIP's task: of all the captions in a batch, find the one that belongs to each picture, and the reverse.

Radford et al. 2021, arXiv:2103.00020, figure 3. The text tower then conditions the U-Net and goes on learning
with it; the image tower scores pictures and reads reference images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from sfumato.models.clip import ImageTower, TextTower
from sfumato.train.data import Pool, as_signed
from sfumato.train.words import Words


class Temperature(nn.Module):
    """The learnt sharpness of the comparison, at most 100, as the log that CLIP stores."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self) -> Tensor:
        return self.logit_scale.exp().clamp(max=100)


class ClipTask:
    """Contrast between the pictures of a pool and their captions."""

    def __init__(
        self,
        name: str,
        towers: tuple[TextTower, ImageTower, Temperature],
        pictures: Pool,
        words: Words,
        *,
        batch: int,
    ) -> None:
        self.name = name
        self.text, self.image, self.temperature = towers
        self.pictures, self.words, self.batch = pictures, words, batch
        self.modules: Mapping[str, nn.Module] = {
            "text": self.text,
            "image": self.image,
            "temperature": self.temperature,
        }

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        device = generator.device
        rows = torch.randint(len(self.pictures), (self.batch,), generator=generator, device=device).cpu()
        ids, _ = self.words.batch(rows, generator)
        pictures = as_signed(self.pictures.pictures[rows].to(device))
        saw = normalize(self.image(pictures).float(), dim=1)
        read = normalize(self.text(ids)[1].float(), dim=1)
        logits = self.temperature() * saw @ read.T  # (B, B)
        truth = torch.arange(self.batch, device=device)
        loss = (cross_entropy(logits, truth) + cross_entropy(logits.T, truth)) / 2
        return {"loss": loss, "accuracy": (logits.argmax(1) == truth).float().mean()}

    def sample(self, averaged: Mapping[str, nn.Module]) -> None:
        """CLIP draws nothing."""

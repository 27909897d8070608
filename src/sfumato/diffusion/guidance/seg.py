"""Smoothed energy guidance, Hong 2024, arXiv:2408.00760: away from pictures seen by a blurred attention."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from sfumato.diffusion.guidance.beside import away_from, numbered
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Conditioning, Extras, Guide, Look, Looking, Perturbed

LEAST = 0.25  # the next place then weighs 0.03%; to 1/6, three deviations reach no next place at all


def seg(
    guide: Guide, conditioning: Conditioning, scale: float, *, layers: Iterable[int], blur: float = math.inf
) -> Guide:
    """One call beside those of ``guide``.

    In ``layers`` the attention weights, before their softmax, are blurred over the places that look: a
    Gaussian of deviation ``blur`` in places. Without end, all places look as their mean does.
    """
    if not blur >= LEAST:
        raise ValueError(f"blur {blur} of a place reaches no other place: it must be at least {LEAST}")
    return away_from(guide, conditioning, smoothed(numbered(layers), blur), scale)


@dataclass(frozen=True)
class Blurred:
    """Attention with blurred weights. They are linear in the query, so it is enough to blur that."""

    blur: float

    def __call__(self, looking: Looking, what: Look) -> Tensor:
        batch, _, width = what.query.shape
        places = what.query.view(batch, *what.size, width)  # (B, H, W, D)
        if self.blur == math.inf:
            places = places.mean((1, 2), keepdim=True).expand_as(places)
        else:
            across = _gaussian(what.size[1], self.blur, places)
            down = _gaussian(what.size[0], self.blur, places)
            places = torch.einsum("ij,kl,bjld->bikd", down, across, places)
        return looking(what._replace(query=places.flatten(1, 2)))


def _gaussian(length: int, blur: float, like: Tensor) -> Tensor:
    """The matrix (length, length) that blurs a row, reflected at its ends, within three deviations."""
    reach = min(math.ceil(6 * min(blur, length)) // 2, length // 2)
    offsets = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-0.5 * (offsets / blur).square())
    one = torch.eye(length, dtype=like.dtype, device=like.device)
    padded = pad(one[None], (reach, reach), mode="reflect")[0]  # row j: place j, seen from beyond the ends
    return (padded.unfold(1, 2 * reach + 1, 1) @ (kernel / kernel.sum())).T


@lru_cache(maxsize=32)
def smoothed(layers: frozenset[int], blur: float) -> Extras:
    """One object for the same layers and blur, so that rows of different pictures can share a forward."""
    return Extras(self_attention=Perturbed(Blurred(blur), layers))


SEG = Listing(
    maker=seg,
    rows=1,
    contrasts=False,
    wraps=True,
    perturbs=True,
    scale=(1.0, 5.0),
    aliases=("SEG", "Smoothed energy guidance", "SmoothedEnergyGuidance"),
    paper="arXiv:2408.00760",
)

"""Perturbed attention guidance, Ahn et al. 2024, arXiv:2403.17377: away from pictures without composition."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from torch import Tensor

from sfumato.diffusion.guidance.beside import away_from, numbered
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Conditioning, Extras, Guide, Look, Looking, Perturbed


def pag(guide: Guide, conditioning: Conditioning, scale: float, *, layers: Iterable[int]) -> Guide:
    """One call beside those of ``guide``.

    In ``layers``, numbers of the network's own, every place of the picture sees only itself: the attention
    map is the identity. The paper takes the middle of a U-Net, and a scale of 3.
    """
    return away_from(guide, conditioning, blinded(numbered(layers)), scale)


def itself(looking: Looking, what: Look) -> Tensor:
    """An attention map that is the identity: each place picks its own value."""
    return what.value


@lru_cache(maxsize=32)
def blinded(layers: frozenset[int]) -> Extras:
    """One object for the same layers, so that rows of different pictures can share a forward."""
    return Extras(self_attention=Perturbed(itself, layers))


PAG = Listing(
    maker=pag,
    rows=1,
    contrasts=False,
    wraps=True,
    perturbs=True,
    scale=(1.0, 5.0),
    aliases=("PAG", "Perturbed-attention guidance", "PerturbedAttentionGuidance"),
    paper="arXiv:2403.17377",
)

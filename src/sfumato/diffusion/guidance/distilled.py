"""Distilled guidance, Meng et al. 2022, arXiv:2210.03142: the scale is told to a network that learned it."""

from __future__ import annotations

from dataclasses import replace

from sfumato.diffusion.guidance.cfg import cfg
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.none import plain
from sfumato.diffusion.guidance.scale import Scale
from sfumato.diffusion.protocol import Conditioning, Guide


def told(conditioning: Conditioning, guidance: float) -> Conditioning:
    """The same words for a network that reads its own scale of guidance, as FLUX.1 dev does.

    Raises ValueError for a scale outside 0 to 1000.
    """
    if not 0 <= guidance <= 1000:
        raise ValueError(f"guidance {guidance} told to the network is outside 0 to 1000")
    return replace(conditioning, guidance=guidance)


def distilled(conditioning: Conditioning, guidance: float) -> Guide:
    """One call per evaluation. A family whose network reads no scale raises ValueError."""
    return plain(told(conditioning, guidance))


def true_cfg(conditioning: Conditioning, negative: Conditioning, scale: Scale, *, guidance: float) -> Guide:
    """Two calls per evaluation: a distilled network's negative prompts, by ``cfg`` over its own guidance."""
    return cfg(told(conditioning, guidance), told(negative, guidance), scale)


DISTILLED = Listing(
    maker=distilled,
    tells=False,
    mixes=False,
    contrasts=False,
    rows=1,
    scale=(1.5, 5.0),
    aliases=("Distilled CFG", "FluxGuidance", "Embedded guidance"),
    paper="arXiv:2210.03142",
)
TRUE_CFG = Listing(
    maker=true_cfg,
    tells=False,
    rows=2,
    scale=(1.0, 6.0),
    aliases=("True CFG", "true_cfg_scale"),
    paper="arXiv:2210.03142",
)

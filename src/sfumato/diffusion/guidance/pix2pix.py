"""Two scales, Brooks et al. 2022, arXiv:2211.09800: how near to keep to a picture, how near to the words."""

from __future__ import annotations

from dataclasses import replace

import torch

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.scale import Scale, at
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding

MOST = 1000.0  # as of any scale


def pix2pix(
    conditioning: Conditioning, negative: Conditioning, scale: Scale, *, picture: float = 1.5
) -> Guide:
    """Three calls per evaluation: with words and picture, with the picture, with neither; eq. 3.

    ``scale`` is the words' (7.5 in the paper), ``picture`` that of the picture which both conditionings have
    beside them: higher keeps more of it. Raises ValueError where there is none, and for a scale below 0.
    """
    if not 0 <= picture <= MOST:
        raise ValueError(f"picture {picture} of pix2pix: give 0 to {MOST:g}; 1 to 2 is usual")
    if negative.beside is None or conditioning.beside is None:
        raise ValueError("guide pix2pix edits a picture and was given none: give one, or use cfg")
    nothing = replace(negative, beside=torch.zeros_like(negative.beside))

    def guide(question: Eval) -> Guiding:
        x, level = question
        asked = [Call(x, level, told) for told in (conditioning, negative, nothing)]
        wanted, kept, free = yield asked
        clean = free + picture * (kept - free) + at(scale, level) * (wanted - kept)
        return Denoised(clean, unconditional=free, conditional=wanted)

    return guide


PIX2PIX = Listing(
    maker=pix2pix,
    rows=3,
    scale=(3.0, 10.0),
    aliases=("InstructPix2Pix", "image_guidance_scale"),
    paper="arXiv:2211.09800",
)

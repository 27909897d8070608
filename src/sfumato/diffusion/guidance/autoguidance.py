"""Autoguidance, Karras et al. 2024, arXiv:2406.02507: away from a bad version of the network itself."""

from __future__ import annotations

from collections.abc import Iterable

from sfumato.diffusion.guidance.beside import numbered
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.scale import Scale, at
from sfumato.diffusion.guidance.slg import skipping
from sfumato.diffusion.protocol import NO_EXTRAS, Call, Conditioning, Denoised, Eval, Guide, Guiding


def autoguidance(conditioning: Conditioning, scale: Scale, *, layers: Iterable[int] | None = None) -> Guide:
    """Two calls per evaluation, both with the words: on from what a weaker network of the same kind sees.

    The weaker is the one that the family holds beside the other: smaller, or less trained, as the paper has
    it. With ``layers`` it is the network itself without them, which costs no second set of weights.
    """
    poor = NO_EXTRAS if layers is None else skipping(numbered(layers))

    def guide(question: Eval) -> Guiding:
        x, level = question
        weak = Call(x, level, conditioning, poor, weaker=layers is None)
        strong, weaker = yield [Call(x, level, conditioning), weak]
        return Denoised(weaker + at(scale, level) * (strong - weaker), conditional=strong)

    return guide


AUTOGUIDANCE = Listing(
    maker=autoguidance,
    rows=2,
    contrasts=False,
    scale=(1.2, 3.0),
    aliases=("AutoGuidance",),
    paper="arXiv:2406.02507",
)

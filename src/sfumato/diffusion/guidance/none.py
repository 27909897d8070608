"""No guidance: the model's own guess, given the words."""

from __future__ import annotations

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding


def plain(conditioning: Conditioning) -> Guide:
    """One call per evaluation."""

    def guide(question: Eval) -> Guiding:
        (clean,) = yield [Call(question.x, question.level, conditioning)]
        return Denoised(clean, conditional=clean)

    return guide


NONE = Listing(
    maker=plain,
    rows=1,
    mixes=False,
    contrasts=False,
    scale=None,
    aliases=("plain", "unguided"),
    paper="arXiv:2006.11239",
)

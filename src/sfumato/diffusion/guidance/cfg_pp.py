"""CFG++, Chung et al. 2024, arXiv:2406.08070: guidance that stays on the manifold of clean pictures."""

from __future__ import annotations

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.scale import Scale, at
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding

MOST = 2.0  # a share of the way to the words: 1 is all of it


def cfg_pp(conditioning: Conditioning, negative: Conditioning, scale: Scale) -> Guide:
    """Two calls per evaluation: go part of the way to the words, and renoise as if there were none.

    ``scale``, the paper's lambda, 0 to 1, is between the two guesses; the noise left in ``x`` is
    read from the unconditional one. The sampler must heed that (``renoises`` in its listing), else ``guided``
    raises. It is no discretised equation: with more steps a given lambda pulls harder. Raises ValueError for
    a constant scale below 0 or above 2.
    """
    if not callable(scale) and not 0 <= scale <= MOST:
        raise ValueError(f"scale {scale} of CFG++ is a share of the way to the words: take 0 to 1, at most 2")

    def guide(question: Eval) -> Guiding:
        x, level = question
        wanted, unwanted = yield [Call(x, level, conditioning), Call(x, level, negative)]
        clean = unwanted + at(scale, level) * (wanted - unwanted)
        return Denoised(clean, unconditional=unwanted, conditional=wanted, noise_from=unwanted)

    return guide


CFG_PP = Listing(
    maker=cfg_pp,
    rows=2,
    renoises=True,
    scale=(0.2, 1.0),
    limit=MOST,
    aliases=("CFG++", "cfg_pp", "cfgpp"),
    paper="arXiv:2406.08070",
)

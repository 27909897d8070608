"""Classifier-free guidance, Ho & Salimans 2022, arXiv:2207.12598: follow the words closer."""

from __future__ import annotations

from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding


def cfg(conditioning: Conditioning, negative: Conditioning, scale: float) -> Guide:
    """Two calls per evaluation: away from ``negative`` (the empty prompt, or what is not wanted), eq. 6.

    ``scale`` is the factor on the difference, the paper's w + 1: at 1 the negative has no effect, and the
    caller should say so. Mixing clean latents is mixing epsilons: at a given ``x`` one is an affine map of
    the other.
    """

    def guide(question: Eval) -> Guiding:
        x, level = question
        wanted, unwanted = yield [Call(x, level, conditioning), Call(x, level, negative)]
        return Denoised(unwanted + scale * (wanted - unwanted), unconditional=unwanted)

    return guide

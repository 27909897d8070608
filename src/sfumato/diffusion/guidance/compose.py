"""Composable diffusion, Liu et al. 2022, arXiv:2206.01714: several sentences, all of which are to hold."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Guide, Guiding


def compose(sentences: Sequence[tuple[Conditioning, float]], negative: Conditioning) -> Guide:
    """AND: the sum of the ways to all ``sentences``, each times its weight. NOT is a weight below 0.

    One call per evaluation for each sentence and one for ``negative``, which is the empty text in the paper:
    the ways begin there. A weight is a guidance scale: the sum of them is how far the picture goes. Raises
    ValueError without sentences.
    """
    if not sentences:
        raise ValueError("no sentences to compose: give at least one, with its weight")
    total = sum(weight for _, weight in sentences)

    def guide(question: Eval) -> Guiding:
        x, level = question
        told = (negative, *(sentence for sentence, _ in sentences))
        nothing, *seen = yield [Call(x, level, each) for each in told]
        way = torch.zeros_like(nothing)
        for wanted, (_, weight) in zip(seen, sentences, strict=True):
            way = way + weight * (wanted - nothing)
        plainly = nothing + way / total if total else None  # as far as one sentence goes unguided
        return Denoised(nothing + way, unconditional=nothing, conditional=plainly)

    return guide


COMPOSE = Listing(
    maker=compose,
    tells=False,
    rows=2,
    each=1,
    scale=(2.0, 8.0),
    aliases=("AND", "Composable diffusion"),
    paper="arXiv:2206.01714",
)

"""Guidance rescale, Lin et al. 2023, arXiv:2305.08891, section 3.4: strong guidance without overexposure."""

from __future__ import annotations

import torch
from torch import Tensor

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.projection import LATENT
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Eval, Guide, Guiding


def rescale(guide: Guide, prediction: Prediction, *, phi: float = 0.7) -> Guide:
    """``guide`` with its answer as spread out as the network's own, by the share ``phi``, 0 to 1.

    The paper compares standard deviations of the network's outputs, so it matters what they mean: hand over
    the model's ``prediction``. No rows of its own.
    """
    if not 0 <= phi <= 1:
        raise ValueError(f"phi {phi} is a share of the rescaled answer: it must be from 0 to 1")

    def rescaled(question: Eval) -> Guiding:
        x, (alpha, sigma) = question
        answer = yield from guide(question)
        if answer.conditional is None or answer.conditional is answer.clean:
            return answer  # nothing was mixed

        def output(clean: Tensor) -> Tensor:
            return prediction.target(clean, (x - alpha * clean) / sigma, alpha, sigma)

        guided = output(answer.clean)
        ratio = _spread(output(answer.conditional)) / _spread(guided)
        guided = guided * (phi * ratio + (1 - phi))
        return answer._replace(clean=prediction.clean(guided, x, alpha, sigma))

    return rescaled


def _spread(output: Tensor) -> Tensor:
    """Its standard deviation; of a constant output, a number too small to matter."""
    return output.std(LATENT, keepdim=True).clamp_min(torch.finfo(output.dtype).tiny)


RESCALE = Listing(
    maker=rescale,
    rows=0,
    mixes=False,
    contrasts=False,
    wraps=True,
    scale=(0.5, 0.75),
    aliases=("CFG rescale", "RescaleCFG"),
    paper="arXiv:2305.08891",
)

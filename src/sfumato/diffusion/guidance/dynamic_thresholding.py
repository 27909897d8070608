"""Dynamic thresholding, Saharia et al. 2022, arXiv:2205.11487: strong, and not burnt."""

from __future__ import annotations

import torch
from torch import Tensor

from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Eval, Guide, Guiding


def dynamic_thresholding(
    guide: Guide, *, percentile: float = 0.995, mimic: float | None = 7.0, bound: float | None = None
) -> Guide:
    """``guide`` with the outliers of its answer clipped and all of it drawn in. No rows of its own.

    The paper's is for pixels, which live within ``bound``: with ``mimic`` None the answer is clipped at the
    percentile of its absolute values and divided until that is ``bound``, 1 by default. Latents have none:
    ``mimic`` is the guidance scale whose range is to be kept, channel by channel, round the channel's mean,
    as the web interfaces have it (sd-dynamic-thresholding). It needs a guide that says what it mixed:
    elsewhere, as outside of an interval, the answer stays as it is. Raises ValueError for values out of their
    ranges, and for a ``bound`` beside ``mimic``.
    """
    if not 0 < percentile <= 1:
        raise ValueError(f"percentile {percentile} is a share of the values: above 0, at most 1")
    if mimic is not None and not 0 <= mimic <= 1000:
        raise ValueError(f"mimic {mimic} is a scale of guidance: from 0 to 1000, or none for pixels")
    if mimic is not None and bound is not None:
        raise ValueError(f"bound {bound:g} has no effect beside mimic {mimic:g}: leave it out, or mimic=none")
    limit = 1.0 if bound is None else bound
    if not 0.001 <= limit <= 1000:
        raise ValueError(f"bound {limit} is outside 0.001 to 1000: pixels live within 1")

    def thresholded(question: Eval) -> Guiding:
        answer = yield from guide(question)
        if mimic is None:
            return answer._replace(clean=_within(answer.clean, percentile, limit))
        wanted, unwanted = answer.conditional, answer.unconditional
        if wanted is None or unwanted is None:
            return answer
        like = unwanted + mimic * (wanted - unwanted)
        return answer._replace(clean=_ranged(answer.clean, like, percentile))

    return thresholded


def _within(clean: Tensor, percentile: float, bound: float) -> Tensor:
    reach = clean.abs().flatten(1).quantile(percentile, dim=1).clamp_min(bound)[:, None, None, None]
    return clean.clamp(-reach, reach) / (reach / bound)


def _ranged(clean: Tensor, like: Tensor, percentile: float) -> Tensor:
    """``clean`` in the range of ``like``: of each channel the mean stays, and what is around it shrinks."""
    middle, around = _centred(clean)
    reach = around.abs().flatten(2).quantile(percentile, dim=2)[..., None, None]
    wanted = _centred(like)[1].abs().amax((2, 3), keepdim=True)
    limit = torch.maximum(reach, wanted).clamp_min(torch.finfo(clean.dtype).tiny)
    return middle + around.clamp(-limit, limit) / limit * wanted


def _centred(clean: Tensor) -> tuple[Tensor, Tensor]:
    middle = clean.mean((2, 3), keepdim=True)
    return middle, clean - middle


DYNAMIC_THRESHOLDING = Listing(
    maker=dynamic_thresholding,
    rows=0,
    mixes=False,
    contrasts=False,
    wraps=True,
    scale=(4.0, 10.0),
    aliases=("Dynamic thresholding", "DynamicThresholding", "CFG Scale Fix"),
    paper="arXiv:2205.11487",
)

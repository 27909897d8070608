"""How a family makes one conditioning of what its text towers read."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sfumato.diffusion.protocol import Conditioning
from sfumato.errors import CheckpointError, InputError
from sfumato.families.stable import Told
from sfumato.models.layers.embeddings import sinusoids

AESTHETIC, UNAESTHETIC = 6.0, 2.5
"""Scores that diffusers' pipelines tell the refiner: of what is wanted, and of what is not."""


def last_words(told: Told) -> Conditioning:
    """The vectors of one tower, one for each token: Stable Diffusion 1 and 2."""
    if told.wording.framing is not None:
        raise InputError(
            "framing is told to SDXL alone, and would have no effect on this model: leave it out"
        )
    (read,) = told.reads
    return Conditioning(read.hidden)


def sized(told: Told) -> Conditioning:
    """SDXL's: the towers' vectors side by side; the sentence, the size, the crop and the size again.

    arXiv:2307.01952, section 2.2. Unless the request says otherwise, the picture is told to be uncropped and
    of the size that it will have. An empty text is nothing but zeros, as in training, unless a folder's
    model_index.json says that it is read.
    """
    width, height = told.size
    silent = told.zeros_for_nothing is not False and not told.wording.text.strip()
    return _with_numbers(told, (*_framed(told), height, width), silent=silent)


def sized_and_judged(told: Told) -> Conditioning:
    """The refiner's: the size, the crop and how good the picture looks, by LAION's aesthetic scores."""
    score = UNAESTHETIC if told.wording.unwanted else AESTHETIC
    silent = told.zeros_for_nothing is True and not told.wording.text.strip()
    return _with_numbers(told, (*_framed(told), score), silent=silent)


def _framed(told: Told) -> tuple[int, int, int, int]:
    """Height and width of the original, top and left of the crop, in the order in which SDXL is told them."""
    width, height, left, top = told.wording.framing or (*told.size, 0, 0)
    return height, width, top, left


def _with_numbers(told: Told, numbers: Sequence[float], *, silent: bool) -> Conditioning:
    """Words side by side, and the last tower's sentence with the numbers, each as sinusoids."""
    context = torch.cat([read.hidden for read in told.reads], dim=2)
    sentence = told.reads[-1].sentence
    waves, rest = divmod(told.vector_width - sentence.shape[1], len(numbers))
    if waves < 2 or rest or waves % 2:
        raise CheckpointError(
            f"a U-Net that takes a vector of {told.vector_width} has no room for a sentence of "
            f"{sentence.shape[1]} and {len(numbers)} numbers beside it"
        )
    if silent:
        context, sentence = torch.zeros_like(context), torch.zeros_like(sentence)
    told_numbers = sinusoids(torch.tensor(numbers, device=sentence.device), waves).flatten()[None]
    return Conditioning(context, vector=torch.cat([sentence, told_numbers], dim=1))

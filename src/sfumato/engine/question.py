"""What a job asks beside rows of the network: to read a text, and to see a latent as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from torch import Tensor

from sfumato.diffusion.protocol import Call
from sfumato.families.model import Wording


class Encode(NamedTuple):
    """A job asks: how does the model read this text? Answered with ``Encoded``."""

    wording: Wording


class Decode(NamedTuple):
    """A job asks: which picture is this latent (1, C, h, w)? Answered with (1, 3, H, W) in 0..1."""

    latent: Tensor


Question: TypeAlias = Sequence[Encode] | Sequence[Call] | Sequence[Decode]
"""Rows of one kind, answered with a list of as many."""

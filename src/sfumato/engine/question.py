"""What a job asks beside rows of the network: to read a text or a picture, to see a latent as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from torch import Tensor

from sfumato.diffusion.protocol import Call
from sfumato.families.model import Wording


class Encode(NamedTuple):
    """A job asks: how does the model read this text? Answered with ``Encoded``."""

    wording: Wording


class Look(NamedTuple):
    """A job asks: what does the network see beside the latent? Answered with (1, C', h, w).

    Of a ``picture`` (1, 3, H, W) in 0..1 and, where it has a hole, a ``mask`` (1, 1, H, W), 1 in the hole.
    """

    picture: Tensor
    mask: Tensor | None


class Decode(NamedTuple):
    """A job asks: which picture is this latent (1, C, h, w)? Answered with (1, 3, H, W) in 0..1."""

    latent: Tensor


Question: TypeAlias = Sequence[Encode] | Sequence[Look] | Sequence[Call] | Sequence[Decode]
"""Rows of one kind, answered with a list of as many."""

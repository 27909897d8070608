"""What a job asks beside rows of the network: to read a text, to look at pictures, to see a latent as one."""

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


class Embed(NamedTuple):
    """A job asks: which latent stands for this picture (1, 3, H, W) in 0..1? Answered with (1, C, h, w)."""

    picture: Tensor


class Prepare(NamedTuple):
    """A job asks: what does a control make of its conditioning picture? Answered with a tuple of tensors."""

    name: str
    kind: str
    picture: Tensor  # (1, 3, H, W) in 0..1, at the size that is drawn


class Refer(NamedTuple):
    """A job asks: what is to be seen in a reference picture? Answered with (wanted, unwanted) tokens."""

    name: str
    role: str
    picture: Tensor  # (1, 3, H, W) in 0..1, of any size


class Decode(NamedTuple):
    """A job asks: which picture is this latent (1, C, h, w)? Answered with (1, 3, H, W) in 0..1."""

    latent: Tensor


Asked: TypeAlias = Encode | Look | Embed | Prepare | Refer | Call | Decode

Question: TypeAlias = (
    Sequence[Encode]
    | Sequence[Look]
    | Sequence[Embed]
    | Sequence[Prepare]
    | Sequence[Refer]
    | Sequence[Call]
    | Sequence[Decode]
)
"""Rows of one kind, answered with a list of as many."""

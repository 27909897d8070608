"""What a weight does to the text that a tower has read: one convention each, all in ``WEIGHTINGS``.

Each is applied to one tower's hidden states of one chunk; the pooled text is never weighted. A family does::

    asked = convention.asks(chunk)               # further chunks that this convention compares with
    hidden, *others = [tower(each) for each in (chunk, *asked)]
    context = convention.weigh(hidden, chunk, others)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import InputError
from sfumato.text.chunks import Chunk


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """A convention.

    ``asks`` names the further chunks that ``weigh`` needs read beside the chunk itself, often none. ``weigh``
    takes the hidden states (L, D) of the chunk, the chunk, and those of the further chunks; returns (L, D);
    where every weight is 1 it returns what it was given, bit for bit.
    """

    asks: Callable[[Chunk], tuple[Chunk, ...]]
    weigh: Callable[[Tensor, Chunk, Sequence[Tensor]], Tensor]
    does: str
    paper: str


def weighting(name: str) -> Weighting:
    """The convention of that name; raises InputError, listing them, if there is none."""
    if name not in WEIGHTINGS:
        raise InputError(f"no convention for weights is called {name!r}; there are: {', '.join(WEIGHTINGS)}")
    return WEIGHTINGS[name]


def _nothing(chunk: Chunk) -> tuple[Chunk, ...]:
    return ()


def _plain(hidden: Tensor, chunk: Chunk, others: Sequence[Tensor]) -> Tensor:
    return hidden


def _multiplied(hidden: Tensor, chunk: Chunk, others: Sequence[Tensor]) -> Tensor:
    return hidden if _is_even(chunk) else hidden * _column(chunk, hidden)


def _mean_kept(hidden: Tensor, chunk: Chunk, others: Sequence[Tensor]) -> Tensor:
    """Multiplied, then scaled so that the mean over all places and channels is what it was.

    That mean is small, and where weights turn its sign the whole text turns with it: so it is in A1111's.
    """
    if _is_even(chunk):
        return hidden
    weighed = hidden * _column(chunk, hidden)
    before, after = hidden.float().mean(), weighed.float().mean()
    ratio = torch.where(after == 0, torch.ones_like(after), before / after)
    return weighed * ratio.to(hidden.dtype)


def _blank(chunk: Chunk) -> Chunk:
    """What the tower reads for an empty text."""
    return chunk.without(1, chunk.end)


def _blank_if_weighted(chunk: Chunk) -> tuple[Chunk, ...]:
    return () if _is_even(chunk) else (_blank(chunk),)


def _from_blank(hidden: Tensor, chunk: Chunk, others: Sequence[Tensor]) -> Tensor:
    """Each place goes on the line from where it is in an empty text, by its weight."""
    if _is_even(chunk):
        return hidden
    (blank,) = others
    weighed = blank + (hidden - blank) * _column(chunk, hidden)
    return torch.where(_column(chunk, hidden) == 1, hidden, weighed)


def _blank_and_lacking(chunk: Chunk) -> tuple[Chunk, ...]:
    if _is_even(chunk):
        return ()
    return (_blank(chunk), *(chunk.without(first, last) for first, last, _ in _weakened(chunk)))


def _towards_lacking(hidden: Tensor, chunk: Chunk, others: Sequence[Tensor]) -> Tensor:
    """From the blank text by weight, then mixed with the text that lacks each stretch of weight under 1.

    The share of a lacking text is tan((1 - weight) pi / 2): none at 1, the text's own at 0.5, all at 0.
    """
    if _is_even(chunk):
        return hidden
    blank, *lacking = others
    weakened = list(_weakened(chunk))
    shares = [math.tan((1 - max(weight, 1e-5)) * math.pi / 2) for _, _, weight in weakened]
    whole = 1 + sum(shares)  # divided by at once: half precision ends at 65504
    mixed = _from_blank(hidden, chunk, [blank]) / whole
    for (first, last, _), text, share in zip(weakened, lacking, shares, strict=True):
        mixed = mixed + share / whole * _from_blank(text, chunk.without(first, last), [blank])
    return mixed


def _weakened(chunk: Chunk) -> Iterator[tuple[int, int, float]]:
    """Stretches of one weight under 1: first place, the place behind the last, and the weight."""
    first = 1
    while first < chunk.end:
        last, weight = first + 1, chunk.weights[first]
        while last < chunk.end and chunk.weights[last] == weight:
            last += 1
        if weight < 1:
            yield first, last, weight
        first = last


def _is_even(chunk: Chunk) -> bool:
    return all(weight == 1 for weight in chunk.weights)


def _column(chunk: Chunk, hidden: Tensor) -> Tensor:
    return torch.tensor(chunk.weights, dtype=hidden.dtype, device=hidden.device)[:, None]


WEIGHTINGS: dict[str, Weighting] = {
    "a1111": Weighting(
        asks=_nothing,
        weigh=_mean_kept,
        does="multiplies a token's vector, then scales the whole chunk so that its mean stays",
        paper="A1111's web UI, emphasis Original",
    ),
    "no_norm": Weighting(
        asks=_nothing,
        weigh=_multiplied,
        does="multiplies a token's vector",
        paper="A1111's web UI, emphasis No norm",
    ),
    "comfy": Weighting(
        asks=_blank_if_weighted,
        weigh=_from_blank,
        does="moves a token's vector away from, or towards, what stands in its place in an empty text",
        paper="ComfyUI",
    ),
    "compel": Weighting(
        asks=_blank_and_lacking,
        weigh=_towards_lacking,
        does="as `comfy`, and mixes in what the text is without the words of a weight under 1",
        paper="compel, with its REMOVE",
    ),
    "none": Weighting(asks=_nothing, weigh=_plain, does="nothing: weights are read and not heeded", paper=""),
}

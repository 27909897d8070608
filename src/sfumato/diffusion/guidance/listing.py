"""What the table of guides knows of each: what a person needs to choose one, and the laws to test it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sfumato.diffusion.protocol import Guide


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One guide on the shelf.

    What an evaluation costs is a sum: ``rows``, ``each`` for every sentence beyond the first, and the rows of
    the guide that it wraps, if it does. ``rows_of`` in ``cost.py`` counts what a guide made of several asks.
    """

    maker: Callable[..., Guide]  # they differ in what they are made from
    rows: int  # network rows per evaluation, at most: outside its interval a guide asks fewer
    each: int = 0  # more rows for every further sentence
    tells: bool = True  # whether ``conditional`` is what the network sees by the prompt's own row
    perturbs: bool = False  # whether it compares with that row, and so may wrap only guides that tell it
    mixes: bool = True  # whether its answer is a mixture of several rows: nothing else can be rescaled
    contrasts: bool = True  # whether ``unconditional`` is told: dynamic thresholding compares with that
    wraps: bool = False  # whether it takes another guide as its first argument
    renoises: bool = False  # whether it needs a sampler that heeds ``Denoised.noise_from``
    remembers: bool = False  # whether it keeps something between evaluations: then one guide serves one run
    scale: tuple[float, float] | None  # where its strength is worth having; None if it has none
    limit: float = 1000.0  # above it a strength can only be a slip: numbers would leave float32
    aliases: tuple[str, ...] = ()  # in other tools
    paper: str  # arXiv identifier, or where else it was published

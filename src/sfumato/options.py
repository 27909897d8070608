"""What may be said of a picture beside its words, as Python says it: options, adapters, guidance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from sfumato.diffusion.guidance.cfg import CFG
from sfumato.diffusion.guidance.interval import check_interval
from sfumato.diffusion.named import Named
from sfumato.errors import InputError
from sfumato.pictures import Brought
from sfumato.steering import Control, Reference, Region


class Options(TypedDict, total=False):
    """What may be said of a picture beside its words; ``Request`` says what each means and its default."""

    seed: int
    steps: int
    sampler: str
    guidance: float | str
    negative: str
    size: tuple[int, int]
    levels: str
    weighting: str
    clip_skip: int
    adapters: Sequence[tuple[str, float, float]]
    handoff: float
    framing: tuple[int, int, int, int]
    picture: Brought
    mask: Brought
    strength: float
    masking: str
    around: int
    outpaint: tuple[int, int, int, int]
    passes: Sequence[str]
    variations: Sequence[tuple[int, float]]
    toward: tuple[str, float]
    controls: Sequence[Control]
    references: Sequence[Reference]
    regions: Sequence[Region]
    regions_by: str
    sentence: str
    wildcards: Path  # a folder with NAME.txt for each __NAME__ of the prompt


@dataclass(frozen=True, kw_only=True)
class Lora:
    """An adapter's file, the name it goes by, and how strongly picture and words wear it."""

    path: Path
    name: str
    weight: float
    words: float


def lora(
    path: str | Path, weight: float = 1.0, *, words: float | None = None, name: str | None = None
) -> Lora:
    """The adapter in a file, for ``Painter.adapted``; it goes by the file's name unless another is given."""
    path = Path(path)
    return Lora(path=path, name=name or path.stem, weight=weight, words=weight if words is None else words)


def cfg(scale: float, *, start: float = 0.0, stop: float = 1.0) -> str:
    """Classifier-free guidance between two shares of the walk, as a request names it: ``guidance=cfg(6)``.

    Raises InputError for a scale outside 0 to 1000, and unless 0 <= start < stop <= 1.
    """
    if not 0 <= scale <= CFG.limit:
        raise InputError(f"the scale {scale} of cfg is outside 0 to {CFG.limit:g}: 2 to 8 is usual")
    try:
        check_interval(start, stop)
    except ValueError as error:
        raise InputError(str(error)) from error
    return str(Named("cfg", (scale,), (("start", start), ("stop", stop))))


def with_two_weights(adapter: object) -> object:
    """(name, 0.8) as (name, 0.8, 0.8); what is wrong with others is for the request to say."""
    parts = tuple(cast("Sequence[object]", adapter)) if isinstance(adapter, list | tuple) else (adapter,)
    return (*parts, parts[1]) if len(parts) == 2 else parts

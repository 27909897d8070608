"""Skip-layer guidance, as Stable Diffusion 3.5 has it: away from what the network sees lamed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sfumato.diffusion.guidance.beside import away_from, numbered
from sfumato.diffusion.guidance.interval import interval
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.protocol import Conditioning, Extras, Guide


def slg(
    guide: Guide,
    conditioning: Conditioning,
    scale: float,
    *,
    layers: Iterable[int],
    start: float = 0.01,
    stop: float = 0.2,
) -> Guide:
    """One call beside those of ``guide``, from ``start`` to ``stop`` of the walk's progress; elsewhere none.

    ``layers`` are numbers of the network's own. The defaults are those of Stability AI's SD3.5 medium, which
    gives them in shares of the steps.
    """
    lamed = away_from(guide, conditioning, skipping(numbered(layers)), scale)
    return interval(lamed, guide, start=start, stop=stop)


@lru_cache(maxsize=32)
def skipping(layers: frozenset[int]) -> Extras:
    """One object for the same layers, so that rows of different pictures can share a forward."""
    return Extras(skip=layers)


SLG = Listing(
    maker=slg,
    rows=1,
    contrasts=False,
    wraps=True,
    perturbs=True,
    scale=(1.0, 4.0),
    aliases=("SLG", "Skip layer guidance", "SkipLayerGuidance", "SkipLayerGuidanceSD3"),
    paper="github.com/Stability-AI/sd3.5",
)

"""The shelves of samplers, spacings and guides as plain values: for programs that ask what there is."""

from __future__ import annotations

from inspect import signature

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.levels import SPACINGS
from sfumato.diffusion.levels.asked import spacing_options
from sfumato.diffusion.named import KINDS, options_told
from sfumato.diffusion.protocol import Sampler
from sfumato.diffusion.samplers import SAMPLERS


def samplers_told() -> dict[str, dict[str, object]]:
    """Every sampler by its name."""
    return {
        name: {
            "order": listing.order,
            "evaluations": listing.evaluations,
            "random": listing.random,
            "fewest": listing.fewest,
            "euler_below": listing.euler_below,
            "warm_up": listing.warm_up,
            "own_levels": listing.own_levels,
            "adaptive": listing.adaptive,
            "renoises": listing.renoises,
            "steps": listing.steps,
            "options": sampler_options(listing.sampler),
            "aliases": listing.aliases,
            "variants": dict(listing.variants),
            "paper": listing.paper,
        }
        for name, listing in SAMPLERS.items()
    }


def sampler_options(sampler: Sampler) -> dict[str, str]:
    """What may stand in the brackets behind a sampler's name, with what holds if it does not."""
    return {
        name: str(parameter.default)
        for name, parameter in signature(sampler).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and str(parameter.annotation) in KINDS
    }


def levels_told() -> dict[str, dict[str, object]]:
    """Every spacing of noise levels by its name."""
    return {
        name: {
            "trained": listing.trained is not None,
            "flow": listing.flow is not None,
            "noisiest": listing.noisiest,
            "options": spacing_options(listing),
            "aliases": listing.aliases,
            "paper": listing.paper,
        }
        for name, listing in SPACINGS.items()
    }


def guides_told() -> dict[str, dict[str, object]]:
    """Every guide by its name."""
    return {
        name: {
            "rows": listing.rows,
            "each": listing.each,
            "wraps": listing.wraps,
            "renoises": listing.renoises,
            "scale": listing.scale,
            "limit": listing.limit,
            "options": options_told(listing.maker),
            "aliases": listing.aliases,
            "paper": listing.paper,
        }
        for name, listing in GUIDES.items()
    }

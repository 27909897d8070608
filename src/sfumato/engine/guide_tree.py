"""Which guides a request names, one inside the other, before any of them is made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from sfumato.diffusion.choose import own_name, plainly, spellings
from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.guidance.interval import check_interval
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.named import Named, named, options_of
from sfumato.engine.wish import Wish
from sfumato.errors import InputError

UNGUIDED = (0.0, 1.0)
"""Scales that mean "no guidance": 1 by the formula, 0 as distilled models are commonly asked for it."""


def wanted_guide(wish: Wish) -> Named:
    """The guide that a wish names; a number is the scale of classifier-free guidance."""
    if isinstance(wish.guidance, Named):
        return wish.guidance
    if not isinstance(wish.guidance, str):
        return as_meant(Named("cfg", (wish.guidance,)))
    wanted = named(wish.guidance)
    if wanted.values or wanted.options:
        return as_meant(wanted)
    return Named(own_name(GUIDES, wanted.name, "guide"))


def as_meant(wanted: Named) -> Named:
    """cfg with a scale that means "no guidance" is none, whether it was said by number or by name."""
    if not scaled_to_nothing(wanted):
        return wanted
    options = options_of(GUIDES["cfg"].maker, Named("cfg", (), wanted.options), "guide")
    try:
        check_interval(float(str(options.get("start", 0.0))), float(str(options.get("stop", 1.0))))
    except ValueError as error:
        raise InputError(str(error)) from error
    return Named("none")


def scaled_to_nothing(wanted: Named) -> bool:
    """Whether it is cfg with nothing but a scale of 0 or 1."""
    scale = wanted.values[0] if len(wanted.values) == 1 else None
    number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    return number and scale in UNGUIDED and listing_of(wanted) is GUIDES["cfg"]


def tree(wanted: Named) -> Iterator[Named]:
    """A guide and those inside it, outermost first."""
    yield wanted
    if listing_of(wanted).wraps:
        yield from tree(inner(wanted))


def inner(wanted: Named) -> Named:
    """The guide that this one wraps: its first value; a number is the scale of cfg."""
    first = wanted.values[0] if wanted.values else None
    if isinstance(first, Named) and plainly(first.name) in spellings(GUIDES):
        return as_meant(first)
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return as_meant(Named("cfg", (first,)))
    raise InputError(f"guide {wanted.name} wraps another: write, for instance, {wanted.name}(cfg(6))")


def listing_of(wanted: Named) -> Listing:
    """What the table knows of it. Raises InputError for a name that there is not."""
    return GUIDES[own_name(GUIDES, wanted.name, "guide")]


def positional(listing: Listing) -> list[inspect.Parameter]:
    """What its maker is made from: words and the model, other guides, a scale."""
    return [each for each in _parameters(listing) if each.kind is each.POSITIONAL_OR_KEYWORD]


def optional(listing: Listing) -> dict[str, object]:
    """Its options, and what holds where they are not given; those that must be are left out."""
    return {
        each.name: each.default
        for each in _parameters(listing)
        if each.kind is each.KEYWORD_ONLY and each.default is not each.empty
    }


def required(listing: Listing) -> list[str]:
    """Options that have no default."""
    return [
        each.name
        for each in _parameters(listing)
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    ]


def _parameters(listing: Listing) -> list[inspect.Parameter]:
    return list(inspect.signature(listing.maker).parameters.values())

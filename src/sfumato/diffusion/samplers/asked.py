"""A sampler as a person asked for it: by any of its names, with options, perhaps with a spacing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from sfumato.diffusion.choose import own_name, plainly, spellings
from sfumato.diffusion.levels.table import SPACINGS
from sfumato.diffusion.named import Named, named, options_of
from sfumato.diffusion.protocol import Sampler
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.listing import Listing


class Asked(NamedTuple):
    """A sampler with its options bound, what the table says of it, and the spacing that its name named."""

    sampler: Sampler
    listing: Listing
    spacing: str | None


def sampler_asked(text: str) -> Asked:
    """Read "ddim", "ddim(eta=0.5)", "Euler a" or "DPM++ 2M Karras".

    Raises InputError for a name or an option that there is not. What values an option takes, the sampler
    checks when it starts.
    """
    wanted = named(text)
    name, spacing = _split(wanted.name)
    own = own_name(SAMPLERS, name, "sampler")
    listing = SAMPLERS[own]
    bound: Mapping[str, Any] = options_of(
        listing.sampler, Named(own, wanted.values, wanted.options), "sampler"
    )
    return Asked(partial(listing.sampler, **bound) if bound else listing.sampler, listing, spacing)


def _split(name: str) -> tuple[str, str | None]:
    """The sampler's part of a name, and the spacing that its last words name if they do."""
    samplers, spacings = spellings(SAMPLERS), spellings(SPACINGS)
    if plainly(name) in samplers:
        return name, None
    words = name.split()
    for cut in range(len(words) - 1, 0, -1):
        first, last = " ".join(words[:cut]), " ".join(words[cut:])
        if plainly(first) in samplers and plainly(last) in spacings:
            return first, spacings[plainly(last)]
    return name, None

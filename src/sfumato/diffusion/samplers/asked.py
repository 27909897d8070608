"""A sampler as a person asked for it: by any of its names, with options, perhaps with a spacing.

Menus put both into one name, "DPM++ 2M SDE Heun Karras", and code has its own ways: a "k_" in front for
k-diffusion, "_ka", "_k" and "_exp" behind for a spacing, "_gpu" for where noise is drawn, which is no matter
here. All are read; the table names what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from sfumato.diffusion.choose import own_name, plainly, spellings
from sfumato.diffusion.levels.table import SPACINGS
from sfumato.diffusion.named import Named, Value, named, options_of
from sfumato.diffusion.protocol import Sampler
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.listing import Listing
from sfumato.errors import InputError

BEHIND = {"k": "karras", "ka": "karras", "exp": "exponential"}
"""Spacings as InvokeAI and AUTOMATIC1111 abbreviate them behind a sampler's name."""


class Asked(NamedTuple):
    """A sampler with its options bound, what the table says of it, and the spacing that its name named."""

    sampler: Sampler
    listing: Listing
    spacing: str | None


class _Meant(NamedTuple):
    """What a name stands for: a name in the table, options, a spacing."""

    own: str
    options: tuple[tuple[str, Value], ...] = ()
    spacing: str | None = None


def sampler_asked(text: str) -> Asked:
    """Read "ddim", "ddim(eta=0.5)", "Euler a" or "DPM++ 2M Karras".

    Raises InputError for a name or an option that there is not. What values an option takes, the sampler
    checks when it starts, before it asks anything.
    """
    wanted = named(text)
    meant = _meant(wanted.name)
    listing = SAMPLERS[meant.own]
    if both := dict(meant.options).keys() & dict(wanted.options).keys():
        raise InputError(f"{wanted.name} says {', '.join(both)} already: write {meant.own}(...) instead")
    options = Named(meant.own, wanted.values, (*meant.options, *wanted.options))
    bound: Mapping[str, Any] = options_of(listing.sampler, options, "sampler")
    return Asked(partial(listing.sampler, **bound) if bound else listing.sampler, listing, meant.spacing)


def _meant(name: str) -> _Meant:
    """What a name says, or InputError with the nearest that say something."""
    samplers, spacings = _samplers(), spellings(SPACINGS)
    bare = re.sub(r"^(k|sample)[ _-]|[ _-]gpu$", "", name.strip(), flags=re.IGNORECASE)
    for whole in (name, bare):
        if (found := samplers.get(plainly(whole))) is not None:
            return found
    if plainly(name) in spacings:
        raise InputError(
            f"{name!r} is a level spacing, no sampler: ask for levels {spacings[plainly(name)]!r}"
        )
    for behind in re.finditer(r"[ _-]+", bare):
        found = samplers.get(plainly(bare[: behind.start()]))
        last = plainly(bare[behind.end() :])
        spacing = BEHIND.get(last, spacings.get(last))
        if found is not None and spacing is not None:
            return found._replace(spacing=spacing)
        if found is not None and last == "cfgpp":
            raise InputError(
                f"{name!r} is a sampler with a guide: ask for sampler {found.own!r}, guidance 'cfg_pp(0.6)'"
            )
    return _Meant(own_name(SAMPLERS, name, "sampler"))


def _samplers() -> dict[str, _Meant]:
    """Every name in the table, those that imply options too, put plainly."""
    names = {plain: _Meant(own) for plain, own in spellings(SAMPLERS).items()}
    for own, listing in SAMPLERS.items():
        for name, brackets in listing.variants.items():
            options = dict(named(f"{own}({brackets})").options)
            spacing = options.pop("levels", None)
            names[plainly(name)] = _Meant(
                own, tuple(options.items()), None if spacing is None else str(spacing)
            )
    return names

"""Samplers and spacings by the names of A1111's menus, and the menus made of our own tables."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sfumato.diffusion.choose import own_name
from sfumato.diffusion.levels.table import SPACINGS
from sfumato.diffusion.named import Named, named, options_told
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.errors import InputError
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import Asked

OWN_CHOICE = ("", "automatic", "use same scheduler", "none")
"""Spacings that leave the choice to the model, or to the sampler's name."""

OPTIONS = {"eta": "eta", "s_churn": "churn", "s_noise": "noise_scale"}
"""Keys that are options of samplers here, and what these call them."""

UNASKED: dict[str, tuple[object, ...]] = {"eta": (None, 1.0), "s_churn": (None, 0.0), "s_noise": (None, 1.0)}
"""Values that clients send for all samplers alike, and that say nothing."""


class Sampling(NamedTuple):
    """Sampler and spacing as wishes have them, None the model's own, and lines on what has no effect."""

    sampler: str | None
    levels: str | None
    notes: tuple[str, ...] = ()


def sampling(asked: Asked) -> Sampling:
    """What a request says of how to walk. Raises Refused (404, as A1111) for names that there are not."""
    name = asked.sampler
    levels = _spacing(asked.scheduler)
    said = {key: getattr(asked, key) for key in OPTIONS}
    said = {key: value for key, value in said.items() if value not in UNASKED[key]}
    if name is None:
        told = [f"{key} has no effect: name a sampler that has it" for key in said]
        return Sampling(None, levels, tuple(told))
    try:
        listing = sampler_asked(name).listing
        wanted = named(name)
    except InputError as error:
        raise Refused(404, str(error), param="sampler_name") from error
    there = options_told(listing.sampler)
    taken = {OPTIONS[key]: value for key, value in said.items() if OPTIONS[key] in there}
    before = dict(wanted.options)
    options = (*wanted.options, *((key, value) for key, value in taken.items() if key not in before))
    notes = [
        f"{key} has no effect: sampler {name} has no such option" for key in said if OPTIONS[key] not in there
    ]
    return Sampling(str(replace(wanted, options=options)) if taken else name, levels, tuple(notes))


def samplers() -> list[dict[str, object]]:
    """The menu of samplers: each under the name that A1111 has for it, or our own."""
    return [
        {"name": menu_name(name), "aliases": [name, *SAMPLERS[name].aliases[1:]], "options": {}}
        for name in SAMPLERS
    ]


def schedulers() -> list[dict[str, object]]:
    """The menu of spacings; the first leaves the choice to the model."""
    own = {"name": "automatic", "label": "Automatic", "aliases": None}
    found = [{"name": name, "label": _label(name), "aliases": None} for name in SPACINGS]
    rest = {"default_rho": None, "need_inner_model": False}
    return [{**each, **rest} for each in (own, *found)]


def menu_name(name: str) -> str:
    """What A1111's menu calls a sampler of ours; other names, and those with options, as they are."""
    aliases = SAMPLERS[name].aliases if name in SAMPLERS else ()
    return aliases[0] if aliases else name


def _label(name: str) -> str:
    first = next(iter(SPACINGS[name].aliases), "")
    return first if first[:1].isupper() and "Scheduler" not in first else name.replace("_", " ").capitalize()


def _spacing(name: str | None) -> str | None:
    if name is None or name.lower() in OWN_CHOICE:
        return None
    try:
        wanted: Named = named(name)
        return str(replace(wanted, name=own_name(SPACINGS, wanted.name, "scheduler")))
    except InputError as error:
        raise Refused(404, str(error), param="scheduler") from error

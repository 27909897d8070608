"""The walk that a request asks for: a sampler, and the levels that it goes through from its strength down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Level, Sampler
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.diffusion.samplers.listing import Listing
from sfumato.engine.guides import Asked
from sfumato.engine.started import levels_left
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """``whole`` goes from pure noise to the end; of it ``levels`` are walked, at strength 0 none."""

    sampler: Sampler
    listing: Listing
    strength: float
    whole: Sequence[Level]
    levels: Sequence[Level]

    @property
    def steps(self) -> int:
        return len(self.levels) - 1


def walk_asked(request: Request, model: Model, strength: float) -> Walk:
    """Raises InputError for a sampler, an option, a spacing, or a number of steps that there is not."""
    sampler, listing, spacing = sampler_asked(request.sampler)
    if spacing is not None and request.levels is not None:
        raise InputError(
            f"{request.sampler} names the spacing {spacing} and levels says {request.levels}: leave one out"
        )
    whole = model.levels(request.steps, spacing if request.levels is None else request.levels)
    walk = Walk(
        sampler=sampler,
        listing=listing,
        strength=strength,
        whole=whole,
        levels=levels_left(whole, strength),
    )
    if strength > 0:
        _check_steps(request, walk)
        _check_values(walk)
    return walk


def check_sampler(request: Request, walk: Walk, asked: Asked) -> None:
    """Raise InputError if the guide needs what the sampler does not do."""
    if asked.renoises and not walk.listing.renoises:
        able = ", ".join(name for name, each in SAMPLERS.items() if each.renoises)
        raise InputError(
            f"guidance {request.guidance} says where the noise is read from, and sampler {request.sampler} "
            f"does not look: take one of {able}"
        )


def walk_notes(request: Request, walk: Walk) -> list[str]:
    """What a sampler does not take from the walk, or has no room for in it."""
    listing, few = walk.listing, walk.steps
    if walk.levels[-1].sigma == 0 and 0 < few < listing.euler_below:
        return [
            f"{request.sampler} in so few steps as {few} is Euler's method: "
            f"it differs from {listing.euler_below} on"
        ]
    if listing.adaptive:
        return [
            f"{request.sampler} goes in steps of its own: steps and levels only say where it begins and ends"
        ]
    if listing.own_levels:
        return [
            f"{request.sampler} goes through levels of its own: a spacing only says where it begins and ends"
        ]
    return []


def _check_steps(request: Request, walk: Walk) -> None:
    fewest = walk.listing.fewest
    if request.steps < fewest:
        raise InputError(
            f"{request.sampler} cannot draw in so few steps as {request.steps}: ask for at least {fewest}"
        )
    if walk.steps < fewest:
        raise InputError(
            f"strength {walk.strength:g} leaves {walk.steps} of {request.steps} steps, too few for "
            f"{request.sampler}, which needs {fewest}: ask for more steps, or more strength"
        )


def _check_values(walk: Walk) -> None:
    """Raise InputError for values of options that the sampler refuses, which it does when it starts."""
    steps = walk.sampler(torch.zeros(1), walk.levels, SeededNoise(0))
    try:
        next(steps, None)
    finally:
        steps.close()

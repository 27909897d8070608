"""A whole request as a generator: the words encoded, the noise taken away step by step, the latent decoded.

``drawing`` is the protocol of ``diffusion/protocol.py`` with a beginning and an end: besides ``Call`` it asks
``Encode`` and ``Decode``. It holds no network; ``engine.py`` answers it, and many like it, together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from sfumato.adapters.triggers import lacking
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Guide, Guiding, Level, Sampler, guided
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.diffusion.samplers.listing import Listing
from sfumato.engine.beginning import beginning_note
from sfumato.engine.continuing import Pictures, check_guides, continued_note, look_asked, size_asked
from sfumato.engine.dressing import dress_asked
from sfumato.engine.guides import Asked
from sfumato.engine.question import Decode, Question
from sfumato.engine.staged import check_stages, stages_asked
from sfumato.engine.wish import Wishes, wishes
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model sees in the noise after step ``index`` of ``total``: its clean latent (1, C, h, w)."""

    index: int
    total: int
    clean: Tensor


class Drawn(NamedTuple):
    """A finished picture (1, 3, H, W) in 0..1, and one line for everything of the request without effect.

    ``worn`` names the adapters that the request and its prompt asked for, ``words`` the learned ones read.
    """

    picture: Tensor
    notes: tuple[str, ...]
    worn: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


Drawing: TypeAlias = Generator[Question, Any, Drawn]
"""A request under way. What is sent depends on what was asked, which Python's types cannot say."""

Watcher: TypeAlias = Callable[[Seen], None]


def drawing(
    request: Request,
    model: Model,
    watcher: Watcher | None = None,
    *,
    pictures: Pictures = MappingProxyType({}),
) -> Drawing:
    """Draw one request with answers of ``model``'s networks; ``watcher`` is told of every step.

    ``pictures`` holds what the request goes on from. Raises InputError, before it asks anything, for a size,
    sampler, option, spacing, picture or adapter that there is not.
    """
    size = size_asked(request, model, pictures)
    look = look_asked(request, model, pictures)
    wished = wishes(request, size)
    check_guides(wished, model)
    model.closet.check(name for name, _, _ in wished.adapters)
    sampler, listing, spacing = sampler_asked(request.sampler)
    _check_walk(request, listing, spacing)
    levels = model.levels(request.steps, spacing if request.levels is None else request.levels)
    _check_values(sampler, levels)
    noise = SeededNoise(request.seed)
    check_stages(wished.stages, model.prediction, levels, sees=look is not None)
    dress = yield from dress_asked(request, model, pictures, levels, look=look)
    asked = yield from stages_asked(wished.stages, model.prediction, levels, dress=dress)
    _check_sampler(request, listing, asked)
    guide = asked.guide
    if watcher is not None:
        guide = _watched(guide, levels, watcher)
    x = levels[0].sigma * noise(model.blank(size))
    latent = yield from guided(sampler(x, levels, noise), guide, renoises=listing.renoises)
    if not bool(latent.isfinite().all()):
        raise InputError(
            f"guidance {request.guidance} and sampler {request.sampler} drove the picture out of all bounds: "
            "lower the first, or change options of the second"
        )
    (picture,) = yield [Decode(latent)]
    notes = [
        *wished.notes,
        *asked.notes,
        *dress.notes,
        *_unfelt(wished, model),
        *_asleep(wished, model),
        *continued_note(request, wished, model),
        *beginning_note(levels, model.levels(request.steps, None)),
        *_walk_note(request, listing, levels),
        *_size_note(size, model),
    ]
    worn = dict.fromkeys(name for name, _, _ in wished.adapters)
    return Drawn(picture, tuple(dict.fromkeys(notes)), tuple(worn), asked.words)


def _check_walk(request: Request, listing: Listing, spacing: str | None) -> None:
    """Raise InputError for fewer steps than the sampler can do with, and for two spacings at once."""
    if request.steps < listing.fewest:
        raise InputError(
            f"{request.sampler} cannot draw in so few steps as {request.steps}: "
            f"ask for at least {listing.fewest}"
        )
    if spacing is not None and request.levels is not None:
        raise InputError(
            f"{request.sampler} names the spacing {spacing} and levels says {request.levels}: leave one out"
        )


def _check_values(sampler: Sampler, levels: Sequence[Level]) -> None:
    """Raise InputError for values of options that the sampler refuses, which it does when it starts."""
    start = torch.zeros(1)
    steps = sampler(start, levels, SeededNoise(0))
    try:
        next(steps, None)
    finally:
        steps.close()


def _check_sampler(request: Request, listing: Listing, asked: Asked) -> None:
    """Raise InputError if the guide needs what the sampler does not do."""
    if asked.renoises and not listing.renoises:
        able = ", ".join(name for name, each in SAMPLERS.items() if each.renoises)
        raise InputError(
            f"guidance {request.guidance} says where the noise is read from, and sampler {request.sampler} "
            f"does not look: take one of {able}"
        )


def _watched(guide: Guide, levels: Sequence[Level], watcher: Watcher) -> Guide:
    """The same guide, which shows each of its answers to ``watcher``."""

    def show(question: Eval) -> Guiding:
        answer: Denoised = yield from guide(question)
        passed = sum(level.sigma >= question.level.sigma for level in levels)  # some ask between two levels
        watcher(Seen(passed, len(levels) - 1, answer.clean))
        return answer

    return show


def _walk_note(request: Request, listing: Listing, levels: Sequence[Level]) -> list[str]:
    """What a sampler does not take from the walk, or has no room for in it."""
    if levels[-1].sigma == 0 and len(levels) - 1 < listing.euler_below:
        few, enough = len(levels) - 1, listing.euler_below
        return [f"{request.sampler} in so few steps as {few} is Euler's method: it differs from {enough} on"]
    if listing.adaptive:
        return [
            f"{request.sampler} goes in steps of its own: steps and levels only say where it begins and ends"
        ]
    if listing.own_levels:
        return [
            f"{request.sampler} goes through levels of its own: a spacing only says where it begins and ends"
        ]
    return []


def _unfelt(wished: Wishes, model: Model) -> list[str]:
    """The worn adapters that change nothing, all their weights taken together."""
    notes: list[str] = []
    for name in dict.fromkeys(name for name, _, _ in wished.adapters):
        weights = [(picture, words) for each, picture, words in wished.adapters if each == name]
        picture, words = map(sum, zip(*weights, strict=True))
        if not model.closet.is_felt(name, picture=picture, words=words):
            notes.append(
                f"adapter {name} has no effect at weight {picture:g} for the picture and {words:g} for the "
                "words: all that it adds is 0"
            )
    return notes


def _asleep(wished: Wishes, model: Model) -> list[str]:
    """The trigger words of worn adapters that no text of the prompt says at any step."""
    notes: list[str] = []
    for name in dict.fromkeys(name for name, _, _ in wished.adapters):
        words = model.closet.adapters[name].triggers
        if words and all(lacking(text, words) == words for text in wished.texts):
            notes.append(f"adapter {name} wakes to words that the prompt does not say: {', '.join(words)}")
    return notes


def _size_note(size: tuple[int, int], model: Model) -> list[str]:
    if size == model.native:
        return []
    native = "x".join(map(str, model.native))
    return [f"the model learned pictures of {native}: at {size[0]}x{size[1]} its composition may suffer"]

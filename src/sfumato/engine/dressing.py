"""What every row of a request wears beside its words: controls, and reference pictures to attend to."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from sfumato.conditions.making import read_as
from sfumato.diffusion.protocol import Conditioning, Controlled, ImagePrompt, Level
from sfumato.engine.continuing import Pictures
from sfumato.engine.question import Look, Prepare, Refer
from sfumato.engine.resizing import size_of
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


@dataclass(frozen=True, kw_only=True, eq=False)
class Dress:
    """What is put on the conditioning of every row; of references another thing where words are unwanted."""

    beside: Tensor | None = None  # (1, C', h, w)
    controls: tuple[Controlled, ...] = ()
    images: tuple[ImagePrompt, ...] = ()
    unwanted: tuple[ImagePrompt, ...] = ()
    notes: tuple[str, ...] = ()

    def on(self, told: Conditioning, *, unwanted: bool) -> Conditioning:
        """The conditioning with all of it."""
        images = self.unwanted if unwanted else self.images
        return replace(told, beside=self.beside, controls=self.controls, images=images)

    def left_out(self, told: Conditioning) -> Iterator[str]:
        """A line on what a second network, which ends the walk, does not wear: SDXL's refiner."""
        later = told.later
        if later is None or later.sigma == 0:
            return
        lost = [each.name for each in (*self.controls, *self.images) if each.last < later.sigma]
        if lost:
            yield (
                f"the refiner wears no controls and sees no references: where it draws, "
                f"{', '.join(dict.fromkeys(lost))} is left out"
            )


NOTHING = Dress()

CHANNELS = 3


def dress_asked(
    request: Request,
    model: Model,
    pictures: Pictures,
    levels: Sequence[Level],
    *,
    size: tuple[int, int],
    look: Look | None = None,
) -> Generator[list[Look] | list[Prepare] | list[Refer], Any, Dress]:
    """Ask what the model makes of the pictures that steer the request: each is looked at once.

    Raises InputError as ``dress_checked`` does, before it asks.
    """
    prepares, refers, told = dress_checked(request, model, pictures, size)
    notes = [*told, *_unworn(request, levels)]
    (beside,) = (None,) if look is None else (yield [look])
    hints: list[tuple[Tensor, ...]] = (yield prepares) if prepares else []
    seen: list[tuple[Tensor, Tensor]] = (yield refers) if refers else []
    images = [
        [
            ImagePrompt(
                name=name,
                role=role,
                tokens=both[unwanted],
                weights=model.controls.reader(name).weights(role, weight),
                first=math.inf,
                last=-1.0,
            )
            for (name, role, _, weight), both in zip(request.references, seen, strict=True)
            if weight
        ]
        for unwanted in (False, True)
    ]
    return Dress(
        beside=beside,
        controls=tuple(_controlled(request, levels, hints)),
        images=tuple(images[0]),
        unwanted=tuple(images[1]),
        notes=tuple(notes),
    )


def dress_checked(
    request: Request, model: Model, pictures: Pictures, size: tuple[int, int]
) -> tuple[list[Prepare], list[Refer], list[str]]:
    """What is to be asked of its controls and references, and lines on what has no effect.

    Raises InputError for networks, roles and pictures that there are not, and for pictures of another size.
    """
    prepares = [
        Prepare(name, read_as(kind), _picture("control", kind or name, digest, pictures))
        for name, kind, digest, *_ in request.controls
    ]
    refers = [
        Refer(name, role, _picture("reference", name, digest, pictures))
        for name, role, digest, _ in request.references
    ]
    _check_sizes(prepares, size)
    return prepares, refers, _checked(request, model, prepares, refers)


def _picture(role: str, name: str, digest: str, pictures: Pictures) -> Tensor:
    picture = pictures.get(digest)
    if picture is None:
        raise InputError(f"the picture {digest[:12]} of {role} {name} is not here: bring its file")
    if picture.shape[1] != CHANNELS:
        raise InputError(f"the picture {digest[:12]} of {role} {name} is a mask: name a picture there")
    return picture


def _controlled(
    request: Request, levels: Sequence[Level], hints: Sequence[tuple[Tensor, ...]]
) -> list[Controlled]:
    """The controls that have some weight and some step, each with the levels between which it is worn."""
    found: list[Controlled] = []
    for (name, _, _, weight, start, stop), hint in zip(request.controls, hints, strict=True):
        first, last = worn_between(levels, start, stop)
        if weight and first != last:
            found.append(Controlled(name, hint, weight, first, last))
    return found


def worn_between(levels: Sequence[Level], start: float, stop: float) -> tuple[float, float]:
    """The sigmas (first, last) of the steps that lie within two shares of a walk: last < sigma <= first.

    Step i of N lies within where i / N >= start and (i + 1) / N <= stop, as diffusers counts. Where no step
    does, the two are equal.
    """
    steps = len(levels) - 1
    inside = [i for i in range(steps) if i / steps >= start and (i + 1) / steps <= stop]
    if not inside:
        return 0.0, 0.0
    first = levels[inside[0]].sigma if inside[0] else math.inf  # a sampler with churn asks above its levels
    return first, -1.0 if inside[-1] == steps - 1 else levels[inside[-1] + 1].sigma


def _checked(
    request: Request, model: Model, prepares: Sequence[Prepare], refers: Sequence[Refer]
) -> list[str]:
    """Raise InputError for what is not there; lines on what has no effect."""
    notes: list[str] = []
    for prepare, (*_, weight, _, _) in zip(prepares, request.controls, strict=True):
        control = model.controls.control(prepare.name)
        if control.kinds and prepare.kind not in (*control.kinds, ""):
            notes.append(
                f"control {prepare.name} was taught {', '.join(control.kinds)}: of {prepare.kind} it may "
                "make little"
            )
        if not weight:
            notes.append(f"control {prepare.kind or prepare.name} has no effect at weight 0")
    for refer, (*_, weight) in zip(refers, request.references, strict=True):
        roles = model.controls.reader(refer.name).roles
        if refer.role not in roles:
            raise InputError(f"{refer.name} knows no role {refer.role!r}: it knows {', '.join(roles)}")
        if not weight:
            notes.append(f"reference {refer.name} as {refer.role} has no effect at weight 0")
    return notes


def _check_sizes(prepares: Sequence[Prepare], size: tuple[int, int]) -> None:
    for prepare in prepares:
        found = size_of(prepare.picture)
        if found != size:
            raise InputError(
                "the conditioning picture of {} has {}x{} pixels, {}x{} are drawn: make it as large".format(
                    prepare.kind or prepare.name, *found, *size
                )
            )


def _unworn(request: Request, levels: Sequence[Level]) -> list[str]:
    """A line for every control whose stretch of the walk holds no whole step."""
    notes: list[str] = []
    for name, kind, _, _, start, stop in request.controls:
        first, last = worn_between(levels, start, stop)
        if first == last:
            notes.append(
                f"control {kind or name} has no effect: no step of {len(levels) - 1} lies within "
                f"{start:g} to {stop:g} of the walk"
            )
    return notes

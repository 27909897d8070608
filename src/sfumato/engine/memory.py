"""Whether a request fits into the memory that is free, asked before anything is run; and what would fit.

Three things are large: what the U-Net keeps alive for the rows of a forward, what the decoder does, most of
the time the most of all, and what the encoder does for pictures that are gone on from. A request is refused
only if it would not fit even with its decoder working in tiles (``decoding.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from sfumato.diffusion.protocol import Call
from sfumato.engine.continuing import Pictures
from sfumato.engine.decoding import is_plenty
from sfumato.engine.foresight import ROWS, Foresight, Size
from sfumato.engine.painting import Painting
from sfumato.engine.plan import Plan, planned
from sfumato.engine.sized import sized
from sfumato.engine.tiled_decoding import SIDES
from sfumato.errors import InputError, OutOfMemory
from sfumato.request import Request

Fits: TypeAlias = Callable[[Request], bool]

FACTORS = (2, 3, 4)
"""By which a smaller picture is enlarged in the pass that is proposed."""


def check_memory(
    request: Request, foresight: Foresight, *, pictures: Pictures = MappingProxyType({}), rows: int = ROWS
) -> None:
    """Raise OutOfMemory, with sizes or a pass that fit, if a request will need more than is free now.

    ``rows`` share a forward. Systems that do not tell what is free are believed to have enough. Raises
    InputError as ``planned``.
    """
    check_plan(planned(request, foresight.model, pictures), request, foresight, pictures=pictures, rows=rows)


def check_plan(
    plan: Plan, request: Request, foresight: Foresight, *, pictures: Pictures, rows: int = ROWS
) -> None:
    """As ``check_memory``, for a request that is planned."""
    free = foresight.free()
    largest = max(_finished(plan), key=lambda size: size[0] * size[1])
    if free is None or is_plenty(free, largest):
        return
    needs = needed(plan, foresight, rows)
    if needs <= free:
        return

    def fits(other: Request) -> bool:
        try:
            return needed(planned(other, foresight.model, pictures), foresight, rows) <= free
        except InputError:
            return False

    ways = [*_smaller(plan, request, fits), *_tiled(plan, request, fits)]
    rest = "load the model as bfloat16, ask for a smaller picture, or end other programs"
    raise OutOfMemory(
        f"a picture of {largest[0]}x{largest[1]} needs about {sized(needs)} at this size, {sized(free)} are "
        f"free; {'try ' + ', or '.join(ways) if ways else rest}"
    )


def rows_that_fit(call: Call, foresight: Foresight, most: int) -> int:
    """How many rows like this one, up to ``most``, a forward may have in the memory that is free now.

    As many as one guided picture has are always let through: whether that fits was asked before.
    """
    free, size = foresight.free(), foresight.size_of(call.x)
    if free is None or is_plenty(free, size):
        return most
    names = dict.fromkeys(each.name for each in call.conditioning.controls)
    kinds = {name: foresight.model.controls.control(name).kinds for name in names}
    worn = tuple((name, next(iter(known), "")) for name, known in kinds.items())  # all cost the same
    while most > ROWS and foresight.steps(size, rows=most, controls=worn) > free:
        most -= 1
    return most


def needed(plan: Plan, foresight: Foresight, rows: int = ROWS) -> int:
    """The most bytes that a plan will need at a time, if its pictures are decoded in the smallest tiles."""
    return max(_needs(plan, foresight, rows))


def _needs(plan: Plan, foresight: Foresight, rows: int) -> Iterator[int]:
    worn = tuple(dict.fromkeys((row[0], row[1]) for row in plan.first.request.controls))
    for painting, finished in _stages(plan):
        if painting.walk.strength > 0:
            yield foresight.steps(painting.size, rows=rows, controls=worn)
        if painting is not plan.first or plan.canvas is not None or painting.look is not None:
            yield foresight.encoder(painting.size)
        yield foresight.in_tiles(finished, SIDES[-1])


def _finished(plan: Plan) -> list[Size]:
    """The sizes of the pictures that are decoded."""
    return [size for _, size in _stages(plan)]


def _stages(plan: Plan) -> list[tuple[Painting, Size]]:
    """What is drawn, and the size of the picture that comes of it."""
    passes = [(each.painting, each.size) for each in plan.again]
    return passes if passes and plan.first.walk.strength == 0 else [(plan.first, plan.first.size), *passes]


def _smaller(plan: Plan, request: Request, fits: Fits) -> Iterator[str]:
    """The largest size of the same shape that fits."""
    width, height = plan.first.size
    tried: set[Size] = {(width, height)}
    for share in range(15, 0, -1):
        size = plan.first.model.fitting((max(width * share // 16, 1), max(height * share // 16, 1)))
        if size in tried or size[0] * size[1] >= width * height:
            continue
        tried.add(size)
        if fits(replace(request, size=size)):
            yield f"{size[0]}x{size[1]}"
            return


def _tiled(plan: Plan, request: Request, fits: Fits) -> Iterator[str]:
    """The same size by way of a smaller one and the pass that works in tiles."""
    if request.passes:
        return
    for factor in FACTORS:
        size = plan.first.size[0] // factor, plan.first.size[1] // factor
        exact = (size[0] * factor, size[1] * factor) == plan.first.size
        if exact and fits(replace(request, size=size, passes=(f"tiled({factor})",))):
            yield f"{size[0]}x{size[1]} with the pass tiled({factor})"
            return

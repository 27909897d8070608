"""All that a request will have drawn, planned and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import NamedTuple

from sfumato.engine.at_size import Part, at_size, of_part
from sfumato.engine.canvas import Canvas
from sfumato.engine.continuing import Pictures, canvas_asked, check_asked, look_asked, strength_asked
from sfumato.engine.painting import Painting, painting_asked
from sfumato.engine.passes import passes_asked
from sfumato.engine.passes.listing import Again, Going
from sfumato.engine.resizing import size_of
from sfumato.engine.walk import walk_asked
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


class Plan(NamedTuple):
    """All that will be drawn, checked."""

    canvas: Canvas | None
    first: Painting
    again: tuple[Again, ...]
    notes: tuple[str, ...]

    @property
    def walked(self) -> list[Painting]:
        """What is walked: a picture that goes to the passes as it is was not."""
        paintings = [self.first, *(each.painting for each in self.again)]
        return [each for each in paintings if each.walk.strength > 0]


def planned(request: Request, model: Model, pictures: Pictures) -> Plan:
    """Raises InputError for a size, sampler, option, spacing, picture, pass or adapter that there is not."""
    check_asked(request, model)
    canvas = canvas_asked(request, model, pictures)
    if canvas is None:
        size = request.size or model.native
        model.check_size(size)
    else:
        size = canvas.size
    walk = walk_asked(request, model, strength_asked(request, model))
    look = look_asked(request, model, canvas)
    notes: tuple[str, ...] = ()
    if canvas is not None and canvas.box is not None:
        part = Part(size_of(canvas.picture), canvas.box, canvas.size)
        regions = len(request.regions)
        request, pictures = of_part(*at_size(request, pictures, part.whole), model, part)
        if lost := regions - len(request.regions):
            notes = (f"{lost} of {regions} regions lie outside of what is painted around the mask",)
    first = painting_asked(request, model, pictures=pictures, size=size, walk=walk, look=look)
    return Plan(canvas, first, tuple(_passes(first, canvas)), notes)


def _passes(first: Painting, canvas: Canvas | None) -> Generator[Again, None, None]:
    """The passes that follow, each planned for the size that the one before it makes."""
    request, model, size = first.request, first.model, first.size
    asked = passes_asked(request.passes)
    if asked and canvas is not None and canvas.mask is not None:
        raise InputError(
            "passes go over the whole picture, and the mask keeps some of it to the pixel: paint first, then "
            "bring the result with strength 0 and the passes"
        )
    if asked and model.channels_beside:
        raise InputError(f"{model.name} sees a picture beside the words, and passes none: leave them out")
    for each in asked:
        steps = request.steps if each.steps is None else each.steps
        again = each.planned(Going(replace(request, steps=steps), model, first.pictures, size))
        size = again.size
        yield again

"""A whole request as a generator: the words encoded, the noise taken away step by step, the latent decoded.

``drawing`` is the protocol of ``diffusion/protocol.py`` with a beginning and an end: besides ``Call`` it asks
``Encode``, ``Decode`` and their like. It holds no network; ``scheduler.py`` answers it, and many like it,
together. What is walked is in ``painting.py``, how it begins in ``first.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Guide, Guiding
from sfumato.engine.at_size import Part, at_size, of_part
from sfumato.engine.canvas import Canvas
from sfumato.engine.continuing import (
    Pictures,
    canvas_asked,
    canvas_notes,
    check_asked,
    look_asked,
    strength_asked,
)
from sfumato.engine.first import first_pass
from sfumato.engine.guides import Asked
from sfumato.engine.notes import painting_notes
from sfumato.engine.painting import Painting, painting_asked
from sfumato.engine.passes import passes_asked
from sfumato.engine.passes.listing import Again, Going, SoFar
from sfumato.engine.question import Decode, Question
from sfumato.engine.resizing import size_of
from sfumato.engine.walk import Walk, walk_asked
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import LARGEST_SEED, Request

NEXT = 0x9E3779B97F4A7C15  # an odd number, the golden share of 2**64: seeds of passes lie far apart


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
    sampler, option, spacing, picture, pass or adapter that there is not.
    """
    plan = _planned(request, model, pictures)
    canvas = plan.canvas
    watch = _Watch(watcher, [plan.first.walk, *(each.walk for each in plan.again)])
    if canvas is not None and canvas.is_kept:
        blank = model.blank(model.native)
        watch.done(blank)
        return Drawn(canvas.picture.to(blank), ("the mask is black all over: the picture is kept as it is",))
    latent, found = yield from _drawn(plan, watch, SeededNoise(request.seed))
    (picture,) = yield [Decode(latent)]
    if canvas is not None:
        picture = canvas.finished(picture)
    asked = [each for each in found if each is not None]
    notes = [
        *plan.notes,
        *canvas_notes(canvas, model, plan.first.walk.strength),
        *(note for each in asked for note in each.notes),
        *(note for each in _walked(plan) for note in painting_notes(each)),
        *([] if asked else ["strength 0: the picture went through the autoencoder, and words did nothing"]),
    ]
    worn = dict.fromkeys(name for name, _, _ in plan.first.wished.adapters)
    words = dict.fromkeys(word for each in asked for word in each.words)
    return Drawn(picture, tuple(dict.fromkeys(notes)), tuple(worn), tuple(words))


def foreseen_notes(
    request: Request, model: Model, *, pictures: Pictures = MappingProxyType({})
) -> tuple[str, ...]:
    """What of a request would have no effect, as far as no network is needed to know. InputError as above."""
    plan = _planned(request, model, pictures)
    notes = [
        *plan.notes,
        *canvas_notes(plan.canvas, model, plan.first.walk.strength),
        *(note for each in _walked(plan) for note in painting_notes(each)),
    ]
    return tuple(dict.fromkeys(notes))


class _Plan(NamedTuple):
    """All that will be drawn, checked."""

    canvas: Canvas | None
    first: Painting
    again: tuple[Again, ...]
    notes: tuple[str, ...]


def _planned(request: Request, model: Model, pictures: Pictures) -> _Plan:
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
    return _Plan(canvas, first, tuple(_passes(first, canvas)), notes)


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


def _walked(plan: _Plan) -> list[Painting]:
    """What is walked: a picture that goes to the passes as it is was not."""
    paintings = [plan.first, *(each.painting for each in plan.again)]
    return [each for each in paintings if each.walk.strength > 0]


def _drawn(
    plan: _Plan, watch: _Watch, noise: SeededNoise
) -> Generator[Question, Any, tuple[Tensor, list[Asked | None]]]:
    """The latent of the finished picture, and what the guides of its passes had to say."""
    found: list[Asked | None] = []
    so_far = SoFar(None, None if plan.canvas is None else plan.canvas.picture)
    if plan.first.walk.strength > 0 or not plan.again:
        latent, asked = yield from first_pass(plan.first, plan.canvas, noise, watch)
        found.append(asked)
        so_far = SoFar(latent, None)
        if asked is None:
            watch.done(latent)
    for number, again in enumerate(plan.again, start=1):
        # noise that the picture was made of would be found again in it, and made stronger
        fresh = SeededNoise((noise.seed + number * NEXT) % LARGEST_SEED)
        latent, asked = yield from again.redrawn(so_far, fresh, watch)
        found.append(asked)
        so_far = SoFar(latent, None)
    assert so_far.latent is not None  # noqa: S101 - one of the two was walked
    return so_far.latent, found


class _Watch:
    """Shows each answer of the guides that it is handed to a watcher, counted over all walks."""

    def __init__(self, watcher: Watcher | None, walks: Sequence[Walk]) -> None:
        self.watcher = watcher
        self.walks = walks

    def __call__(self, guide: Guide, walk: Walk) -> Guide:
        watcher = self.watcher
        if watcher is None:
            return guide
        before = sum(each.steps for each in self.walks[: self.walks.index(walk)])
        total = sum(each.steps for each in self.walks)

        def show(question: Eval) -> Guiding:
            answer: Denoised = yield from guide(question)
            passed = sum(level.sigma >= question.level.sigma for level in walk.levels)  # some ask between two
            watcher(Seen(before + min(max(passed, 1), walk.steps), total, answer.clean))
            return answer

        return show

    def done(self, clean: Tensor) -> None:
        """Tell of a picture that no step was taken for."""
        if self.watcher is not None:
            self.watcher(Seen(1, 1, clean))

"""A whole request as a generator: the words encoded, the noise taken away step by step, the latent decoded.

``drawing`` is the protocol of ``diffusion/protocol.py`` with a beginning and an end: besides ``Call`` it asks
``Encode``, ``Decode`` and their like. It holds no network; ``scheduler.py`` answers it, and many like it,
together. All that is walked is planned in ``plan.py``; how a walk begins is in ``first.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Guide, Guiding
from sfumato.engine.continuing import Pictures, canvas_notes
from sfumato.engine.decoding import Tiled, decoded
from sfumato.engine.first import first_pass
from sfumato.engine.foresight import Foresight
from sfumato.engine.guides import Asked
from sfumato.engine.memory import check_plan
from sfumato.engine.notes import painting_notes
from sfumato.engine.passes.listing import Decoding, SoFar
from sfumato.engine.plan import Plan, planned
from sfumato.engine.question import Question
from sfumato.engine.walk import Walk
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

    ``worn`` names the adapters that the request and its prompt asked for, ``words`` the learned ones read;
    ``tiles`` is the side in pixels of the smallest tiles that it was decoded in, 0 if it was in one piece.
    """

    picture: Tensor
    notes: tuple[str, ...]
    worn: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    tiles: int = 0


Drawing: TypeAlias = Generator[Question, Any, Drawn]
"""A request under way. What is sent depends on what was asked, which Python's types cannot say."""

Watcher: TypeAlias = Callable[[Seen], None]


def drawing(
    request: Request,
    model: Model,
    watcher: Watcher | None = None,
    *,
    pictures: Pictures = MappingProxyType({}),
    foresight: Foresight | None = None,
) -> Drawing:
    """Draw one request with answers of ``model``'s networks; ``watcher`` is told of every step.

    ``pictures`` holds what the request goes on from. Raises InputError, before it asks anything, for a size,
    sampler, option, spacing, picture, pass or adapter that there is not; and OutOfMemory for what does not
    fit, as far as ``foresight`` knows.
    """
    plan = planned(request, model, pictures)
    canvas = plan.canvas
    watch = _Watch(watcher, [plan.first.walk, *(each.walk for each in plan.again)])
    if canvas is not None and canvas.is_kept:
        blank = model.blank(model.native)
        watch.done(blank)
        return Drawn(canvas.picture.to(blank), ("the mask is black all over: the picture is kept as it is",))
    if foresight is not None:
        check_plan(plan, request, foresight, pictures=pictures)
    told: list[Tiled] = []

    def decoding(latent: Tensor) -> Generator[Question, Any, Tensor]:
        return decoded(latent, foresight, told)

    latent, found = yield from _drawn(plan, watch, SeededNoise(request.seed), decoding)
    picture = yield from decoding(latent)
    if canvas is not None:
        picture = canvas.finished(picture)
    asked = [each for each in found if each is not None]
    notes = [
        *plan.notes,
        *canvas_notes(canvas, model, plan.first.walk.strength),
        *(note for each in asked for note in each.notes),
        *(note for each in plan.walked for note in painting_notes(each)),
        *(each.note for each in told),
        *([] if asked else ["strength 0: the picture went through the autoencoder, and words did nothing"]),
    ]
    worn = dict.fromkeys(name for name, _, _ in plan.first.wished.adapters)
    words = dict.fromkeys(word for each in asked for word in each.words)
    tiles = min((each.side for each in told), default=0)
    return Drawn(picture, tuple(dict.fromkeys(notes)), tuple(worn), tuple(words), tiles)


def _drawn(
    plan: Plan, watch: _Watch, noise: SeededNoise, decoding: Decoding
) -> Generator[Question, Any, tuple[Tensor, list[Asked | None]]]:
    """The latent of the finished picture, and what the guides of its passes had to say."""
    found: list[Asked | None] = []
    so_far = SoFar(None, None if plan.canvas is None else plan.canvas.picture, decoding)
    if plan.first.walk.strength > 0 or not plan.again:
        latent, asked = yield from first_pass(plan.first, plan.canvas, noise, watch)
        found.append(asked)
        so_far = SoFar(latent, None, decoding)
        if asked is None:
            watch.done(latent)
    for number, again in enumerate(plan.again, start=1):
        # noise that the picture was made of would be found again in it, and made stronger
        fresh = SeededNoise((noise.seed + number * NEXT) % LARGEST_SEED)
        latent, asked = yield from again.redrawn(so_far, fresh, watch)
        found.append(asked)
        so_far = SoFar(latent, None, decoding)
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

"""One go of a request's sampler over a picture: what is wished for at its size, and how it is walked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from sfumato.diffusion.protocol import Guide, Job, Noise, guided
from sfumato.engine.continuing import Pictures, check_guides
from sfumato.engine.dressing import dress_asked, dress_checked
from sfumato.engine.guides import Asked
from sfumato.engine.question import Look, Question
from sfumato.engine.regions import Regions, placed_wishes, regions_asked
from sfumato.engine.staged import check_stages
from sfumato.engine.toward import check_toward, leaning
from sfumato.engine.walk import Walk, check_sampler
from sfumato.engine.wish import Wishes
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request

Watch: TypeAlias = Callable[[Guide, Walk], Guide]
"""Gives the guide back, with each of its answers shown to whoever looks on."""

Redrawing: TypeAlias = Generator[Question, Any, tuple[Tensor, Asked | None]]
"""A walk under way: returns the finished latent, and what its guide had to say; None if none was asked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Painting:
    """A request for a picture of ``size``, checked, nothing asked; ``look`` is seen beside the latent."""

    request: Request
    model: Model
    pictures: Pictures
    size: tuple[int, int]
    walk: Walk
    look: Look | None
    wished: Wishes
    regions: Regions

    def asked(self) -> Generator[Question, Any, Asked]:
        """Ask for all that its rows are told, and make the guide of it."""
        whole, model = self.walk.whole, self.model
        dress = yield from dress_asked(
            self.request, model, self.pictures, whole, size=self.size, look=self.look
        )
        asking = regions_asked(self.wished.stages, self.regions, model.prediction, whole, dress=dress)
        if self.request.toward is not None:
            prompts = frozenset(wish.prompt for _, wish in self.wished.stages)
            asking = leaning(asking, prompts, self.request.toward)
        asked = yield from asking
        check_sampler(self.request, self.walk, asked)
        return asked._replace(notes=(*asked.notes, *dress.notes))

    def walked(self, x: Tensor, guide: Guide, noise: Noise) -> Job:
        """From ``x``, at the first level, to the finished latent. Raises InputError if it ends nowhere."""
        walk = self.walk
        steps = walk.sampler(x, walk.levels, noise)
        latent = yield from guided(steps, guide, renoises=walk.listing.renoises)
        if not bool(latent.isfinite().all()):
            raise InputError(
                f"guidance {self.request.guidance} and sampler {self.request.sampler} drove the picture out "
                "of all bounds: lower the first, or change options of the second"
            )
        return latent


def painting_asked(
    request: Request,
    model: Model,
    *,
    pictures: Mapping[str, Tensor],
    size: tuple[int, int],
    walk: Walk,
    look: Look | None = None,
) -> Painting:
    """Raises InputError for words, guides, regions, adapters and controls that cannot be had."""
    wished, regions = placed_wishes(request, size, model, pictures)
    check_guides(wished, model)
    model.closet.check(name for name, _, _ in wished.adapters)
    if request.toward is not None:
        check_toward(request.toward[0])
    if walk.strength > 0:
        check_stages(wished.stages, model.prediction, walk.whole, sees=look is not None)
        regions.check(model.prediction, walk.whole, sees=look is not None)
        dress_checked(request, model, pictures, size)
    return Painting(
        request=request,
        model=model,
        pictures=pictures,
        size=size,
        walk=walk,
        look=look,
        wished=wished,
        regions=regions,
    )

"""How a walk is begun: from pure noise, or from the picture that is gone on from, noised."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import Tensor

from sfumato.diffusion.guidance.keep import keep
from sfumato.diffusion.protocol import Noise
from sfumato.engine.canvas import Canvas
from sfumato.engine.kept import MASKINGS, of_latent
from sfumato.engine.painting import Painting, Redrawing, Watch
from sfumato.engine.question import Embed, Question
from sfumato.engine.started import noised
from sfumato.engine.variations import varied
from sfumato.families.model import FILLS


def first_pass(painting: Painting, canvas: Canvas | None, noise: Noise, watch: Watch) -> Redrawing:
    """The latent of a request's first go; of strength 0 that of the picture itself."""
    walk, model = painting.walk, painting.model
    clean = yield from _embedded(painting, canvas)
    if walk.strength == 0 and clean is not None:
        return clean, None
    asked = yield from painting.asked()
    fresh = varied(noise(model.blank(painting.size)), painting.request.variations)
    first = walk.levels[0]
    if clean is None:
        x, guide = first.sigma * fresh, asked.guide
    elif canvas is None or canvas.shown_mask is None or model.channels_beside == FILLS:
        x, guide = noised(clean, fresh, first), asked.guide
    else:
        places = of_latent(canvas.shown_mask, clean)
        free = MASKINGS[painting.request.masking](places, walk.whole, walk.strength)
        ground = clean if walk.strength < 1 else (1 - free(first)) * clean
        x, guide = noised(ground, fresh, first), keep(asked.guide, clean, free)
    latent = yield from painting.walked(x, watch(guide, walk), noise)
    return latent, asked


def _embedded(painting: Painting, canvas: Canvas | None) -> Generator[Question, Any, Tensor | None]:
    """The latent of the picture, where anything of it is left or kept."""
    if canvas is None:
        return None
    kept = canvas.mask is not None and painting.model.channels_beside != FILLS
    if painting.walk.strength == 1 and not kept:
        return None
    (clean,) = yield [Embed(canvas.shown)]
    return clean

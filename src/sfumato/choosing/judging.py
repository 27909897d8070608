"""Who judges the pictures of a sentence: the strictest that understands both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sfumato.choosing.score import Judge
from sfumato.choosing.similar import Clip, clip_of_world, similar
from sfumato.choosing.verified import Verified, verifier_of
from sfumato.errors import InputError, MissingExtra
from sfumato.families.model import Model
from sfumato.families.world import World
from sfumato.world.reading import read
from sfumato.world.sprites import BY_NAME


def judge_of(
    model: Model, sentence: str, *, size: tuple[int, int] | None = None, clip: Clip | None = None
) -> Judge:
    """The judge of pictures of ``size`` that ``model`` draws of a sentence.

    ``clip`` is a CLIP that was brought to judge, and then does. Otherwise the world's verifier judges where
    the model is of the picture world, the picture square and the sentence understood, else the model's own
    CLIP. Raises InputError for other models, whose files hold no image tower.
    """
    if clip is not None:
        return similar(clip, sentence)
    if not isinstance(model, World):
        raise InputError(
            f"{model.name} cannot say which of its pictures is the best, because it holds no image tower: "
            "bring a whole CLIP, such as the folder of clip-vit-large-patch14"
        )
    width, height = size or model.native
    scene = read(sentence)
    names = _known(model)
    if scene is None or not {thing.sprite for thing in scene.things} <= set(names):
        why = "because the verifier does not understand the sentence"
    elif width != height:
        why = "because the verifier sees square pictures only"
    else:
        try:
            return Verified(verifier_of(names, width), scene)
        except MissingExtra as missing:
            why = f"because the verifier is without its artwork: {missing}"
    return similar(clip_of_world(model), sentence, why=why)


def _known(world: World) -> Sequence[str]:
    """The sprites that the model was taught, by its card."""
    names = world.card.get("sprites")
    told = cast("list[object]", names) if isinstance(names, list) else []
    return [name for name in told if isinstance(name, str) and name in BY_NAME]

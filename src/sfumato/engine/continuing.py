"""A picture that a request goes on from, as models see it that read one: a hole to fill, a whole to edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.guidance import GUIDES
from sfumato.engine.guide_tree import listing_of, tree, wanted_guide
from sfumato.engine.question import Look
from sfumato.engine.wish import Wish, Wishes
from sfumato.errors import InputError
from sfumato.families.model import EDITS, FILLS, Model
from sfumato.request import Request

Pictures: TypeAlias = Mapping[str, Tensor]
"""Pictures (1, 3, H, W) and masks (1, 1, H, W) in 0..1, by the digests that requests know them by."""

CHANNELS = {"picture": 3, "mask": 1}


def look_asked(request: Request, model: Model, pictures: Pictures) -> Look | None:
    """What the model is to be shown, at the size that is to be drawn; None if it reads words alone.

    Raises InputError for a picture or mask that is missing, that would have no effect, or where the two do
    not go together.
    """
    picture = _found("picture", request.picture, pictures)
    mask = _found("mask", request.mask, pictures)
    if picture is None:
        return _without(request, model)
    if not model.channels_beside:
        raise InputError(
            f"{model.name} reads words alone, so the picture would have no effect: leave it out, or take an "
            "inpainting model, which fills holes, or InstructPix2Pix, which edits"
        )
    if model.channels_beside == FILLS and mask is None:
        raise InputError(f"{model.name} fills holes: give a mask, white where it is to paint")
    if model.channels_beside == EDITS and mask is not None:
        raise InputError(f"{model.name} edits whole pictures, so the mask would have no effect: leave it out")
    if mask is not None and mask.shape[2:] != picture.shape[2:]:
        raise InputError(
            f"the mask has {mask.shape[3]}x{mask.shape[2]} pixels, its picture "
            f"{picture.shape[3]}x{picture.shape[2]}: make them equal"
        )
    return Look(picture, mask)


def _without(request: Request, model: Model) -> Look | None:
    if model.channels_beside == EDITS:
        raise InputError(f"{model.name} edits pictures: give it one to edit")
    if model.channels_beside != FILLS:
        return None
    width, height = request.size or model.native
    return Look(torch.full((1, 3, height, width), 0.5), torch.ones(1, 1, height, width))


def check_guides(wished: Wishes, model: Model) -> None:
    """Raise InputError for the guide of models that edit, on one that fills holes."""
    if model.channels_beside == FILLS and any(_edits(wish) for _, wish in wished.stages):
        raise InputError(f"{model.name} fills holes, and guide pix2pix is for models that edit: take cfg")


def continued_note(request: Request, wished: Wishes, model: Model) -> list[str]:
    """A line where a model that fills holes was given no picture, or one that edits only the words' scale."""
    if model.channels_beside == FILLS and request.picture is None:
        return [f"{model.name} fills holes and was given no picture: it painted all of it"]
    if model.channels_beside == EDITS and not all(_edits(wish) for _, wish in wished.stages):
        return [
            f"{model.name} edits a picture, and guidance {request.guidance} says nothing of how near to keep "
            "to it: pix2pix(7.5, picture=1.5) does"
        ]
    return []


def _edits(wish: Wish) -> bool:
    """Whether the guide is that of models that edit, or wraps it."""
    return any(listing_of(each) is GUIDES["pix2pix"] for each in tree(wanted_guide(wish)))


def size_asked(request: Request, model: Model, pictures: Pictures) -> tuple[int, int]:
    """The (width, height) to draw: as asked, or the picture's own, or the model's. Raises InputError."""
    picture = _found("picture", request.picture, pictures)
    if picture is None:
        size = request.size or model.native
        model.check_size(size)
        return size
    size = (picture.shape[3], picture.shape[2])
    if request.size not in (None, size):
        raise InputError("a picture of {}x{} was not brought to the asked {}x{}".format(*size, *request.size))
    model.check_size(size)
    return size


def _found(role: str, name: str | None, pictures: Pictures) -> Tensor | None:
    if name is None:
        return None
    called = f"the {role} {name[:12]} that the request goes on from"
    if name not in pictures:
        raise InputError(f"{called} is not here: bring its file")
    if pictures[name].shape[1] != CHANNELS[role]:
        (other,) = CHANNELS.keys() - {role}
        raise InputError(f"{called} is a {other}: name a {role} there")
    return pictures[name]

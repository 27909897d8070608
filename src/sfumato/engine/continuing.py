"""A picture that a request goes on from: what of it is drawn, from which strength, and who reads it how.

Any model begins from a noised picture, and paints only where a mask says. Some see a picture beside the
latent besides: a hole to fill, or a whole to edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.guidance import GUIDES
from sfumato.engine.canvas import Canvas, box_around, outpainted, outpainted_size
from sfumato.engine.guide_tree import listing_of, tree, wanted_guide
from sfumato.engine.kept import meant
from sfumato.engine.question import Look
from sfumato.engine.resizing import size_of
from sfumato.engine.wish import Wish, Wishes
from sfumato.errors import InputError
from sfumato.families.model import EDITS, FILLS, Model
from sfumato.request import Request

Pictures: TypeAlias = Mapping[str, Tensor]
"""Pictures (1, 3, H, W) and masks (1, 1, H, W) in 0..1, by the digests that requests know them by."""

CHANNELS = {"picture": 3, "mask": 1}
STRENGTH = 0.6
"""How far a picture is gone on from where nothing is said: it keeps its layout and changes its things."""


def brought_size(request: Request, own: tuple[int, int], model: Model) -> tuple[int, int]:
    """The (width, height) that a picture of size ``own`` is brought to, with its mask. Raises InputError.

    Where only a part of it is drawn, it keeps its own size; else it is made as large as what is drawn, which
    is as near to its own size as the model can where none is asked for.
    """
    if request.around is not None:
        return own
    if _is_refined(request):
        return request.size or own
    if request.size is None:
        return own if request.outpaint is not None else model.fitting(own)
    model.check_size(request.size)
    if request.outpaint is None:
        return request.size
    left, top, right, bottom = request.outpaint
    width, height = request.size[0] - left - right, request.size[1] - top - bottom
    if min(width, height) < 1:
        raise InputError(
            f"outpaint {request.outpaint} leaves no room for the picture in {request.size[0]}x"
            f"{request.size[1]}: size is that of the whole; make it larger, or leave it out"
        )
    return width, height


def canvas_asked(request: Request, model: Model, pictures: Pictures) -> Canvas | None:
    """What the request goes on from, or None. Raises InputError for pictures that are missing or do not fit,
    and for sizes that the model cannot draw.
    """  # fmt: skip
    picture = _found("picture", request.picture, pictures)
    mask = _found("mask", request.mask, pictures)
    if picture is None:
        return None
    if mask is not None and size_of(mask) != size_of(picture):
        raise InputError("the mask has {}x{} pixels, its picture {}x{}: make them equal".format(
            *size_of(mask), *size_of(picture)))  # fmt: skip
    if request.outpaint is not None:
        model.check_size(outpainted_size(size_of(picture), request.outpaint))  # before so much is laid out
        picture, mask = outpainted(picture, request.outpaint)
    if mask is not None:
        mask = meant(mask, request.masking)
    size, box = size_of(picture), None
    if request.around is not None and mask is not None:
        size = request.size or model.native
        box = box_around(mask, request.around, size) if bool((mask > 0).any()) else None
    elif request.size not in (None, size):
        raise InputError("a picture of {}x{} was not brought to the asked {}x{}".format(*size, *request.size))
    canvas = Canvas(picture=picture, mask=mask, box=box, size=size)
    if not (canvas.is_kept or _is_refined(request)):
        model.check_size(size)
    return canvas


def strength_asked(request: Request, model: Model) -> float:
    """From which share of the walk the picture is gone on from: as asked, or as is usual."""
    if request.picture is None:
        return 1.0
    if request.strength is not None:
        return request.strength
    whole = request.mask is not None or request.outpaint is not None or model.channels_beside == EDITS
    return 1.0 if whole else STRENGTH


def check_asked(request: Request, model: Model) -> None:
    """Raise InputError for what would have no effect, or cannot be had together."""
    masked = request.mask is not None or request.outpaint is not None
    if request.masking != "soft" and not masked:
        raise InputError(f"masking {request.masking} says what gray means in a mask, and there is none")
    if request.picture is None:
        if model.channels_beside == EDITS:
            raise InputError(f"{model.name} edits pictures: give it one to edit")
        return
    if model.channels_beside == FILLS and not masked:
        raise InputError(f"{model.name} fills holes: give a mask, white where it is to paint")
    if model.channels_beside == FILLS and request.masking == "differential":
        raise InputError(
            f"{model.name} fills holes, which are holes or not: take masking soft or hard, or a model that "
            "reads words alone"
        )
    if model.channels_beside == EDITS and masked:
        raise InputError(f"{model.name} edits whole pictures, so the mask would have no effect: leave it out")
    if masked and request.strength == 0:
        raise InputError("at strength 0 nothing is painted under the mask: raise it, or leave the mask out")


def look_asked(request: Request, model: Model, canvas: Canvas | None) -> Look | None:
    """What the model is to be shown beside the latent, at the size that is drawn; None if it sees nothing."""
    if not model.channels_beside:
        return None
    if canvas is None:
        width, height = request.size or model.native
        return Look(torch.full((1, 3, height, width), 0.5), torch.ones(1, 1, height, width))
    return Look(canvas.shown, canvas.shown_mask)


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


def canvas_notes(canvas: Canvas | None, model: Model, strength: float) -> list[str]:
    """Lines on a picture or a mask that decides nothing, and on detail that is lost on the way."""
    if canvas is None:
        return []
    notes: list[str] = []
    unseen = strength == 1 and not model.channels_beside
    if unseen and canvas.mask is None:
        notes.append("strength 1 begins from pure noise: the picture has no effect; lower it to keep some")
    if unseen and canvas.mask is not None and bool((canvas.mask == 1).all()):
        notes.append("the mask is white all over: nothing of the picture is kept, and it has no effect")
    if canvas.box is not None and max(canvas.box.size) > max(canvas.size):
        notes.append(
            "the masked part of {}x{} is drawn at {}x{}: it comes back with less detail than it had".format(
                *canvas.box.size, *canvas.size
            )
        )
    return notes


def _is_refined(request: Request) -> bool:
    """Whether the picture goes to the passes as it is, of whatever size."""
    return request.strength == 0 and bool(request.passes)


def _edits(wish: Wish) -> bool:
    """Whether the guide is that of models that edit, or wraps it."""
    return any(listing_of(each) is GUIDES["pix2pix"] for each in tree(wanted_guide(wish)))


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

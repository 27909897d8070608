"""The pictures that steer a request, for a picture of another size than its own, or for a part of one."""

from __future__ import annotations

from dataclasses import replace

from sfumato.engine.areas import area_mask
from sfumato.engine.canvas import Box, cut
from sfumato.engine.continuing import Pictures
from sfumato.engine.resizing import resized
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


def at_size(request: Request, pictures: Pictures, size: tuple[int, int]) -> Pictures:
    """``pictures`` with those of controls and regions, which lie upon the picture, brought to ``size``."""
    upon = [digest for _, _, digest, *_ in request.controls]
    upon += [area for area, *_ in request.regions if isinstance(area, str)]
    sized = {each: resized(pictures[each], size, by="bilinear") for each in upon if each in pictures}
    return {**pictures, **sized}


def of_part(
    request: Request, pictures: Pictures, model: Model, *, size: tuple[int, int], part: Box
) -> tuple[Request, Pictures]:
    """The request and the pictures for a part of a picture of ``size``, with the regions that lie in it."""
    whole = at_size(request, pictures, size)
    upon = [digest for _, _, digest, *_ in request.controls]
    upon += [area for area, *_ in request.regions if isinstance(area, str)]
    pictures = {**whole, **{each: cut(whole[each], part) for each in upon if each in whole}}
    wider = min(size) / min(part.size)
    regions = [
        (
            area if isinstance(area, str) else _inside(area, size, part),
            words,
            negative,
            min(seam * wider, 1.0),
        )
        for area, words, negative, seam in request.regions
    ]
    latent = model.blank(part.size)

    def is_seen(area: tuple[float, float, float, float] | str | None, seam: float) -> bool:
        """Whether it is large enough in this part to be told."""
        if area is None:
            return False
        try:
            area_mask(area, seam, latent, size=part.size, masks=pictures)
        except InputError:
            return False
        return True

    seen = tuple(each for each in regions if is_seen(each[0], each[3]))
    return replace(request, regions=seen), pictures  # pyright: ignore[reportArgumentType]


def _inside(
    area: tuple[float, float, float, float], size: tuple[int, int], part: Box
) -> tuple[float, float, float, float] | None:
    """An area of the whole, in shares of the part; None if it lies elsewhere."""
    left, top = area[0] * size[0] - part.left, area[1] * size[1] - part.top
    right, bottom = left + area[2] * size[0], top + area[3] * size[1]
    width, height = part.size
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if right <= left or bottom <= top:
        return None
    return left / width, top / height, (right - left) / width, (bottom - top) / height

"""The pictures that steer a request, for a picture of another size than its own, or for a part of one."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sfumato.engine.areas import Area, area_mask
from sfumato.engine.canvas import Box, cut
from sfumato.engine.continuing import Pictures
from sfumato.engine.resizing import resized
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.request import Request


class Part(NamedTuple):
    """A box of a picture of size ``whole``, which is drawn at size ``drawn``; all (width, height)."""

    whole: tuple[int, int]
    box: Box
    drawn: tuple[int, int]


def at_size(request: Request, pictures: Pictures, size: tuple[int, int]) -> tuple[Request, Pictures]:
    """The request and the pictures, those of controls and regions brought to ``size``: they lie upon it.

    They go by names of their own: a reference that is the same picture stays as it is.
    """
    upon = {digest: f"{digest} upon it" for digest in _upon(request, pictures)}
    sized = {name: resized(pictures[digest], size, by="bilinear") for digest, name in upon.items()}
    controls = tuple((*row[:2], upon.get(row[2], row[2]), *row[3:]) for row in request.controls)
    regions = tuple(
        (upon.get(row[0], row[0]) if isinstance(row[0], str) else row[0], *row[1:]) for row in request.regions
    )
    return replace(request, controls=controls, regions=regions), {**pictures, **sized}


def of_part(request: Request, pictures: Pictures, model: Model, part: Part) -> tuple[Request, Pictures]:
    """The request and the pictures for a part of a picture, with the regions that are large enough in it.

    What lies upon the picture is at its size already (``at_size``).
    """
    parts = {
        each: resized(cut(pictures[each], part.box), part.drawn, by="bilinear")
        for each in _upon(request, pictures)
    }
    wider = min(part.whole) / min(part.box.size)
    regions = [
        (
            area if isinstance(area, str) else _inside(area, part.whole, part.box),
            words,
            unwanted,
            min(seam * wider, 1.0),
        )
        for area, words, unwanted, seam in request.regions
    ]
    there = {**pictures, **parts}
    seen = tuple(each for each in regions if _is_seen(each[0], each[3], model, there, part.drawn))
    return replace(request, regions=seen), there  # pyright: ignore[reportArgumentType]


def _upon(request: Request, pictures: Pictures) -> list[str]:
    """The digests of what lies upon the picture, place by place."""
    areas = [area for area, *_ in request.regions if isinstance(area, str)]
    return [each for each in (*(row[2] for row in request.controls), *areas) if each in pictures]


def _is_seen(area: Area | None, seam: float, model: Model, pictures: Pictures, size: tuple[int, int]) -> bool:
    """Whether an area is large enough in a picture of ``size`` to be told. Masks that are none pass here."""
    if area is None:
        return False
    if isinstance(area, str) and (area not in pictures or pictures[area].shape[1] != 1):
        return True
    try:
        area_mask(area, seam, model.blank(size), size=size, masks=pictures)
    except InputError:
        return False
    return True


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

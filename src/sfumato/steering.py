"""What steers a picture beside its words, as Python names it: ``control``, ``reference``, ``region``.

A request holds plain values only, so the pictures that it speaks of lie on a ``Lightbox``, each known by the
digest of its pixels. ``Steering`` turns what a person brought into the request's fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor

from sfumato.conditions.condition import Given
from sfumato.conditions.making import made, read_as, settled
from sfumato.engine.continuing import brought_size, canvas_asked
from sfumato.engine.resizing import freest, size_of
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.pictures import Brought, Opened, opened_mask_with_notes, opened_with_notes, tensor_of
from sfumato.provenance.recipe import pixel_digest
from sfumato.request import Request
from sfumato.text.wildcards import chosen

KEPT = 2**30
"""Bytes of pictures on a lightbox: 340 of them at 512x512, and one photo of 8000x8000."""

FEWEST = 4  # are kept, however large: a picture, its mask and what steers it

Area: TypeAlias = "tuple[float, float, float, float] | Brought"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A picture whose outlines, places, depth ... are followed."""

    kind: str
    picture: Given
    network: str | None
    weight: float
    start: float
    stop: float


def control(
    kind: str,
    picture: Given,
    *,
    strength: float = 1.0,
    start: float = 0.0,
    stop: float = 1.0,
    network: str | None = None,
) -> Control:
    """Follow a picture: what ``kind`` of ``conditions.CONDITIONS`` makes of it, such as "canny" or "as-is".

    A pose may also be a list of joints, a layout one of boxes.
    ``network`` is the name under which a ControlNet or T2I-Adapter hangs; without it the one that was taught
    this kind, or the only one. ``start`` and ``stop`` are shares of the steps.
    """
    return Control(kind=kind, picture=picture, network=network, weight=strength, start=start, stop=stop)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A picture from which style, composition or both are taken."""

    picture: Brought
    role: str
    weight: float
    network: str | None


def reference(
    picture: Brought, role: str = "both", *, strength: float = 1.0, network: str | None = None
) -> Reference:
    """Take "style", "composition" or "both" from a picture; ``network`` is the name of an IP-Adapter."""
    return Reference(picture=picture, role=role, weight=strength, network=network)


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of the picture with words of its own."""

    area: Area
    words: str
    negative: str
    seam: float

    def chosen(self, seed: int, folder: Path | None) -> Region:
        """The region with the choices that a seed makes in its words."""
        words, negative = (chosen(text, seed, folder) for text in (self.words, self.negative))
        return replace(self, words=words, negative=negative)


def region(area: Area, words: str, *, negative: str = "", seam: float = 0.06) -> Region:
    """Words for (left, top, width, height), or for what a mask shows in white.

    Numbers are shares of the picture; they are pixels if one of them is above 1.
    ``seam`` is how softly it ends, in shares of the picture's shorter side.
    """
    return Region(area=area, words=words, negative=negative, seam=seam)


@dataclass(frozen=True, eq=False)
class Lightbox:
    """The last pictures that requests speak of, (1, 3, H, W) or masks (1, 1, H, W), by their digests."""

    pictures: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def lay(self, image: Image.Image) -> str:
        """Keep a picture; its digest."""
        digest = pixel_digest(image)
        self.pictures.pop(digest, None)
        self.pictures[digest] = tensor_of(image)
        size = sum(each.nbytes for each in self.pictures.values())
        while size > KEPT and len(self.pictures) > FEWEST:
            size -= self.pictures.pop(next(iter(self.pictures))).nbytes
        return digest


@dataclass(frozen=True, kw_only=True)
class Steering:
    """All pictures that one request is to be steered by."""

    picture: Brought | None = None
    mask: Brought | None = None
    controls: Sequence[Control] = ()
    references: Sequence[Reference] = ()
    regions: Sequence[Region] = ()

    def of(self, values: Mapping[str, Any], model: Model, box: Lightbox) -> tuple[Request, tuple[str, ...]]:
        """The request with these ``values`` and all that steers it; a line for all that was decided.

        Raises InputError for pictures that cannot be read, and for networks that do not hang.
        """
        notes: list[str] = []
        request = self._begun(values, model, box, notes)
        canvas = canvas_asked(request, model, box.pictures)
        size = size_of(canvas.picture) if canvas else request.size or model.native
        rows = {
            "controls": tuple(self._controls(model, box, size, notes)),
            "references": tuple(self._references(model, box, notes)),
            "regions": tuple(self._regions(box, size, notes)),
        }
        return replace(request, **{name: row for name, row in rows.items() if row}), tuple(notes)

    def _begun(self, values: Mapping[str, Any], model: Model, box: Lightbox, notes: list[str]) -> Request:
        """The request with its picture and mask, brought to the size that is drawn."""
        if self.picture is None:
            if self.mask is not None:
                raise InputError("a mask without a picture: give the picture that it lies upon")
            return Request(**values)
        image = _read(opened_with_notes(self.picture), notes)
        mask = None if self.mask is None else _read(opened_mask_with_notes(self.mask), notes)
        if mask is not None and mask.size != image.size:
            raise InputError("the mask has {}x{} pixels, its picture {}x{}: make them equal".format(
                *mask.size, *image.size))  # fmt: skip
        under = values.get("mask") if mask is None else ""  # a request keeps its own
        told: dict[str, Any] = {**values, "picture": "", "mask": under}
        request = Request(**told)
        size = brought_size(request, image.size, model)
        if request.size is None and size != image.size:
            notes.append("the picture of {}x{} is gone on from at {}x{}; size says another".format(
                *image.size, *size))  # fmt: skip
        laid = box.lay(_sized(image, size, Image.Resampling.LANCZOS))
        under = under if mask is None else box.lay(_mask_sized(mask, size))
        whole = request.around is None and request.outpaint is None
        return replace(request, picture=laid, mask=under, size=size if whole else request.size)

    def _controls(self, model: Model, box: Lightbox, size: tuple[int, int], notes: list[str]) -> list[Any]:
        rows: list[Any] = []
        for each in self.controls:
            image = _read(made(each.kind, each.picture, size), notes)
            kind = str(settled(each.kind))
            network = each.network or network_for(kind, model)
            rows.append((network, kind, box.lay(image), each.weight, each.start, each.stop))
        return rows

    def _references(self, model: Model, box: Lightbox, notes: list[str]) -> list[Any]:
        rows: list[Any] = []
        for each in self.references:
            image = _read(opened_with_notes(each.picture), notes)
            network = each.network or _only("reference", list(model.controls.readers))
            rows.append((network, each.role, box.lay(image), each.weight))
        return rows

    def _regions(self, box: Lightbox, size: tuple[int, int], notes: list[str]) -> list[Any]:
        rows: list[Any] = []
        for each in self.regions:
            if isinstance(each.area, str | Path | Image.Image):
                mask = _read(opened_mask_with_notes(each.area), notes)
                area: object = box.lay(_sized(mask, size, Image.Resampling.BILINEAR))
            else:
                area = _shares(each.area, size)
            rows.append((area, each.words, each.negative, each.seam))
        return rows


def _shares(
    area: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """An area in shares of a picture of ``size``, whichever way it is given. Raises InputError."""
    numbers = isinstance(area, tuple) and all(isinstance(side, int | float) for side in area)  # pyright: ignore
    if not numbers or len(area) != 4:  # pyright: ignore
        raise InputError(f"a region lies in {area!r}: give left, top, width and height as a tuple, or a mask")
    if max(area) <= 1:
        return area
    (left, top, width, height), (wide, high) = area, size
    if not (0 <= left < wide and 0 <= top < high and left + width <= wide and top + height <= high):
        told = ",".join(f"{number:g}" for number in area)
        raise InputError(
            f"region {told} is not inside the picture of {wide}x{high} pixels: left, top, width, height are "
            "pixels where one is above 1, else shares of it"
        )
    return left / wide, top / high, width / wide, height / high


@dataclass(frozen=True, kw_only=True)
class Again:
    """The pictures that a request was steered by, brought once more in the order of its rows."""

    controls: Sequence[Given] = ()
    references: Sequence[Brought] = ()
    masks: Sequence[Brought] = ()  # of regions

    def lay(self, request: Request, model: Model, box: Lightbox) -> None:
        """Lay them on the lightbox, where its picture lies. InputError for others than it speaks of."""
        canvas = canvas_asked(request, model, box.pictures)
        size = size_of(canvas.picture) if canvas else request.size or model.native
        kinds = [kind or "as-is" for _, kind, *_ in request.controls]
        masked = [area for area, *_ in request.regions if isinstance(area, str)]
        words = [words for area, words, *_ in request.regions if isinstance(area, str)]
        _check_count("control", kinds, self.controls)
        _check_count("reference", [role for _, role, *_ in request.references], self.references)
        _check_count("region-mask", words, self.masks)
        drawn = [made(kind, given, size).image for kind, given in zip(kinds, self.controls, strict=True)]
        drawn += [opened_with_notes(each).image for each in self.references]
        smooth = Image.Resampling.BILINEAR
        drawn += [_sized(opened_mask_with_notes(each).image, size, smooth) for each in self.masks]
        digests = [*(row[2] for row in request.controls), *(row[2] for row in request.references), *masked]
        brought = [*self.controls, *self.references, *self.masks]
        for image, digest, file in zip(drawn, digests, brought, strict=True):
            if box.lay(image) != digest:
                raise InputError(f"{file}: is not the picture that the request speaks of at this place")


def _check_count(what: str, rows: Sequence[object], brought: Sequence[object]) -> None:
    told = ", ".join(str(row) for row in rows)
    if len(rows) != len(brought):
        raise InputError(
            f"it was steered by {len(rows)} {what} pictures{told and f' ({told})'}, and {len(brought)} are "
            f"brought: name them with --{what}, in their order"
        )


def network_for(kind: str, model: Model) -> str:
    """The hung network that reads conditioning pictures of a kind. InputError where none or many do."""
    controls, kind = model.controls.controls, read_as(kind)
    if kind in controls:
        return kind
    taught = [name for name, control in controls.items() if kind in control.kinds]
    known = "; ".join(
        f"{name} reads {', '.join(each.kinds)}" for name, each in controls.items() if each.kinds
    )
    able = taught or [name for name, each in controls.items() if not each.kinds]
    return _only(f"{kind or 'as-is'} control", able, f" ({known})" if known else "")


def _only(what: str, names: Sequence[str], known: str = "") -> str:
    if len(names) == 1:
        return names[0]
    if names:
        raise InputError(f"{what}: {', '.join(names)} could read it; say which network is meant")
    raise InputError(f"{what}: nothing hangs here that reads it{known}: name the file of a network that does")


def _read(found: Opened, notes: list[str]) -> Image.Image:
    notes += found.notes
    return found.image


def _sized(image: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    return image if image.size == size else image.resize(size, how)


def _mask_sized(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mask of what is painted: a stroke that is thinner than a pixel of it is still painted."""
    if mask.size == size:
        return mask
    levels = (freest(tensor_of(mask), size)[0, 0] * 255).round()
    return Image.fromarray(levels.numpy().astype(np.uint8))

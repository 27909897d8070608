"""txt2img and img2img: what comes with them is kept, wishes are made and drawn, pictures go back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial

from fastapi import APIRouter, Request
from PIL import Image

from sfumato.request import fresh_seed
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import Asked, ImageToImage, TextToImage
from sfumato.serve.routes.a1111.desk import Desk, Run, desk_of
from sfumato.serve.routes.a1111.drawing import drawn, reply
from sfumato.serve.routes.a1111.errors import Route, faults
from sfumato.serve.routes.a1111.painting import (
    AROUND,
    Limits,
    blurred,
    bytes_of,
    filled,
    mask_of,
    picture_of,
    resized,
)
from sfumato.serve.routes.a1111.replies import Drawn
from sfumato.serve.routes.a1111.units import steered, units_of
from sfumato.serve.routes.a1111.wishes import UNASKED, Brought, Shelf, model_asked, plan, size_of, units
from sfumato.serve.routes.answers import TheClient, TheStudio
from sfumato.serve.routes.bringing import apart, brought, check_pixels, laid
from sfumato.serve.studio import Studio
from sfumato.serve.translated import check_size

router = APIRouter(prefix="/sdapi/v1", tags=["a1111"], route_class=Route)

DRAWING = faults(400, 404, 413, 422, 429, 500, 503)


@router.post("/txt2img", responses=DRAWING)
async def txt2img(asked: TextToImage, request: Request, studio: TheStudio, client: TheClient) -> Drawn:
    """Draw pictures from words, as A1111's clients ask for them; the reply waits for them."""
    steering, notes = await _steering(asked, studio, client, None)
    return await _answered(asked, Brought(steering=steering, notes=notes), request, studio, client)


@router.post("/img2img", responses=DRAWING)
async def img2img(asked: ImageToImage, request: Request, studio: TheStudio, client: TheClient) -> Drawn:
    """Go on from pictures, as A1111's clients ask for it; the reply waits for them."""
    if not asked.init_images:
        raise Refused(404, "Init image not found: give init_images, in base64", param="init_images")
    limits = limits_of(studio)
    notes: list[str] = []
    images: list[Image.Image] = []
    for text in asked.init_images:
        image, told = await apart(partial(picture_of, text, limits, param="init_images"))
        notes += told
        images.append(image)
        check_pixels(studio, [each.size for each in images], param="init_images")
    mask = None
    if asked.mask is not None:
        mask, told = await apart(partial(mask_of, asked.mask, asked, limits))
        notes += told
    shelf = shelf_of(studio, desk_of(request), client)
    size, _ = size_of(asked, model_asked(asked, shelf) in shelf.small)
    if size is not None:
        check_pixels(studio, [size] * len(images), param="width")
    pictures, digest = await _laid(images, mask, asked, size, studio, client)
    steering, told = await _steering(asked, studio, client, asked.init_images[0])
    found = Brought(pictures=pictures, mask=digest, steering=steering, notes=(*notes, *told))
    return await _answered(asked, found, request, studio, client)


async def _laid(
    images: list[Image.Image], mask: Image.Image | None, asked: ImageToImage, size: tuple[int, int] | None,
    studio: Studio, client: str,
) -> tuple[tuple[str, ...], str | None]:  # fmt: skip
    """Keep pictures and mask as they are to be drawn upon; their digests."""

    def made() -> tuple[list[Image.Image], Image.Image | None]:
        shaped = [resized(_flat(image), size, asked.resize_mode) for image in images]
        if mask is None:
            return shaped, None
        fitting = (
            mask if mask.size == images[0].size else mask.resize(images[0].size, Image.Resampling.NEAREST)
        )
        soft = blurred(resized(fitting, size, asked.resize_mode), asked)
        if asked.inpainting_fill == AROUND:
            shaped = [filled(image, soft) for image in shaped]
        return shaped, soft

    shaped, soft = await apart(made)
    digests = [await laid(studio, image, client) for image in shaped]
    return tuple(digests), None if soft is None else await laid(studio, soft, client)


def _flat(image: Image.Image) -> Image.Image:
    """The picture on white where it is clear."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


async def _steering(
    asked: Asked, studio: Studio, client: str, fallback: str | None
) -> tuple[tuple[Mapping[str, object], ...], tuple[str, ...]]:
    """ControlNet's units as objects of a wish, their pictures kept."""
    rows: list[Mapping[str, object]] = []
    notes: list[str] = []
    for unit in units_of(units(asked)):
        meant = steered(unit, fallback)
        data = bytes_of(meant.picture, limits_of(studio), param="controlnet")
        found = await brought(studio, data, client, param="controlnet", status=422)
        notes += found.notes
        row: dict[str, object] = {
            "picture": found.digest,
            "network": meant.network,
            "weight": meant.weight,
        }
        if meant.kind is not None:
            row |= {"kind": meant.kind, "start": meant.start, "stop": meant.stop}
        rows.append(row)
    return tuple(rows), tuple(notes)


async def _answered(asked: Asked, found: Brought, request: Request, studio: Studio, client: str) -> Drawn:
    desk = desk_of(request)
    shelf = shelf_of(studio, desk, client)
    meant = plan(asked, found, shelf, seed=fresh_seed(), subseed=fresh_seed())
    options = {**shelf.options, **asked.override_settings}
    run = Run(
        task=asked.force_task_id or f"task({secrets.token_hex(8)})",
        kind="img2img" if isinstance(asked, ImageToImage) else "txt2img",
        rounds=len(meant.rounds),
    )
    for wishes in meant.rounds:
        check_size(wishes[0], studio.shapes, status=422)
    desk.runs(client).append(run)
    try:
        outcome = await drawn(meant, run, studio, client, request)
    finally:
        desk.runs(client).remove(run)
    if not asked.override_settings_restore_afterwards:
        desk.options(client).update(asked.override_settings)
    return reply(asked, meant, outcome, options)


def shelf_of(studio: Studio, desk: Desk, client: str) -> Shelf:
    """What of the server its translations know."""
    known = studio.models.known
    return Shelf(
        models=tuple(studio.models.by_name),
        small=small_models(studio),
        worlds=frozenset(name for name in known if known[name].family == "world"),
        options={**desk.options(client)},
    )


def small_models(studio: Studio) -> frozenset[str]:
    """Those that cannot draw what clients ask for unasked. Before one was in memory, its family tells."""
    found: set[str] = set()
    for name, known in studio.models.known.items():
        shape = studio.shapes.get(name)
        draws = known.family != "world" if shape is None else shape.least <= UNASKED[0] <= shape.most
        if not draws:
            found.add(name)
    return frozenset(found)


def limits_of(studio: Studio) -> Limits:
    """Of one picture in a request."""
    limits = studio.settings.limits
    return Limits(most_bytes=limits.upload_bytes, most_pixels=limits.upload_pixels)

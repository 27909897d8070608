"""Pictures looked at and enlarged without being drawn: png-info, interrogate, extras."""

from __future__ import annotations

import base64
from functools import partial
from io import BytesIO
from typing import Annotated, Any, TypeAlias

from anyio import to_thread
from fastapi import APIRouter
from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict, Field

from sfumato.engine.resizing import FILTERS
from sfumato.provenance.parameters import read_parameters
from sfumato.provenance.recipe import PARAMETERS
from sfumato.serve.encoding import comment_of, png_of
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import MOST_IMAGES
from sfumato.serve.routes.a1111.enlarging import UPSCALERS
from sfumato.serve.routes.a1111.errors import Route, faults
from sfumato.serve.routes.a1111.generating import limits_of
from sfumato.serve.routes.a1111.painting import Limits, bytes_of, picture_of
from sfumato.serve.routes.a1111.replies import AllEnlarged, Caption, Enlarged, PngInfo
from sfumato.serve.routes.answers import TheStudio
from sfumato.serve.routes.bringing import apart, words_of

router = APIRouter(prefix="/sdapi/v1", tags=["a1111"], route_class=Route)

Visible: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
TEXTS = 64  # of a picture that are told
LONGEST = 100_000  # characters of one of them


class Shown(BaseModel):
    """A picture in base64."""

    model_config = ConfigDict(extra="ignore")

    image: str
    model: str | None = None


class Asked(BaseModel):
    """How to enlarge: ``resize_mode`` 0 by a factor, 1 to a width and a height."""

    model_config = ConfigDict(extra="ignore")

    resize_mode: Annotated[int, Field(ge=0, le=1)] = 0
    show_extras_results: bool = True
    gfpgan_visibility: Visible = 0
    codeformer_visibility: Visible = 0
    codeformer_weight: Visible = 0
    upscaling_resize: Annotated[float, Field(gt=0, le=16, allow_inf_nan=False)] = 2
    upscaling_resize_w: Annotated[int, Field(ge=1, le=16_384)] = 512
    upscaling_resize_h: Annotated[int, Field(ge=1, le=16_384)] = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Visible = 0
    upscale_first: bool = False


class One(Asked):
    image: str


class File(BaseModel):
    data: str
    name: str = ""


class Many(Asked):
    image_list: Annotated[list[File], Field(alias="imageList", min_length=1, max_length=MOST_IMAGES)]


@router.post("/png-info", responses=faults(400, 413, 422))
async def png_info(asked: Shown, studio: TheStudio) -> PngInfo:
    """What a picture's file tells of its making."""
    data = bytes_of(asked.image.strip(), limits_of(studio), param="image")
    return await to_thread.run_sync(lambda: _told(data))


@router.post("/interrogate", responses=faults(400, 404, 413, 422))
async def interrogate(asked: Shown, studio: TheStudio) -> Caption:
    """The words that a picture's own receipt tells; what is in others no network here can say."""
    data = bytes_of(asked.image.strip(), limits_of(studio), param="image")
    words = await to_thread.run_sync(lambda: words_of(data))
    if words is None:
        raise Refused(
            404, "Model not found: no network here tells what a picture shows; only the words that a picture "
            "carries itself, ours or A1111's, are told, and this one carries none", param="model",
        )  # fmt: skip
    return Caption(caption=words)


@router.post("/extra-single-image", responses=faults(400, 413, 422))
async def single(asked: One, studio: TheStudio) -> Enlarged:
    """One picture enlarged, by a filter."""
    _check(asked)
    limits = limits_of(studio)
    image = await apart(partial(_done, asked, asked.image, limits, "image"))
    return Enlarged(image=image if asked.show_extras_results else "", html_info=_html(asked))


@router.post("/extra-batch-images", responses=faults(400, 413, 422))
async def batch(asked: Many, studio: TheStudio) -> AllEnlarged:
    """Many pictures enlarged, by a filter."""
    _check(asked)
    limits = limits_of(studio)
    images = [await apart(partial(_done, asked, file.data, limits, "imageList")) for file in asked.image_list]
    return AllEnlarged(images=images if asked.show_extras_results else [], html_info=_html(asked))


def _told(data: bytes) -> PngInfo:
    try:
        with Image.open(BytesIO(data), formats=["PNG", "JPEG", "WEBP"]) as image:
            items = {
                str(name)[:100]: value[:LONGEST]
                for name, value in list(image.info.items())[:TEXTS]
                if isinstance(value, str)
            }
            text = items.pop(PARAMETERS, "") or comment_of(image)[:LONGEST]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Refused(422, "image is no PNG, JPEG or WebP, or a damaged one", param="image") from error
    found = read_parameters(text) if text else None
    parameters: dict[str, Any] = {}
    if found is not None:
        parameters = {"Prompt": found.prompt, "Negative prompt": found.negative, **found.settings}
    return PngInfo(info=text, items=items, parameters=parameters)


def _check(asked: Asked) -> None:
    """Raise Refused for upscalers that are not here."""
    for name in ("upscaler_1", "upscaler_2"):
        told = getattr(asked, name)
        if told not in UPSCALERS:
            there = ", ".join(UPSCALERS)
            raise Refused(422, f"{name} {told[:100]!r} is not here: there are {there}", param=name)


def _done(asked: Asked, text: str, limits: Limits, param: str) -> str:
    image, _ = picture_of(text, limits, param=param)
    first = _enlarged(image, asked, asked.upscaler_1, limits)
    share = asked.extras_upscaler_2_visibility
    if share and asked.upscaler_2 != "None":
        second = _enlarged(image, asked, asked.upscaler_2, limits)
        first = second if first.size != second.size else Image.blend(first, second, share)
    return base64.b64encode(png_of(first)).decode()


def _enlarged(image: Image.Image, asked: Asked, by: str, limits: Limits) -> Image.Image:
    """The picture enlarged; as it is by "None", as A1111 has it."""
    if by == "None":
        return image
    if asked.resize_mode == 0:
        size = tuple(max(1, round(side * asked.upscaling_resize)) for side in image.size)
    else:
        size = (asked.upscaling_resize_w, asked.upscaling_resize_h)
    width, height = size
    if width * height > limits.most_pixels:
        raise Refused(
            413, f"{width}x{height} has more than {limits.most_pixels:,} pixels: ask for less",
            param="upscaling_resize",
        )  # fmt: skip
    how = FILTERS[UPSCALERS[by]]
    if asked.resize_mode == 1:
        return (ImageOps.fit if asked.upscaling_crop else ImageOps.contain)(image, (width, height), how)
    return image.resize((width, height), how)


def _html(asked: Asked) -> str:
    lines = [f"Upscale: {asked.upscaler_1}"]
    if asked.upscaler_1 == "None":
        lines.append("upscaler_1 None leaves the picture as it is: Lanczos or Nearest enlarge it")
    lines += [
        f"{name} has no effect: no network that restores faces is here"
        for name in ("gfpgan_visibility", "codeformer_visibility")
        if getattr(asked, name)
    ]
    return "".join(f"<p>{line}</p>" for line in lines)

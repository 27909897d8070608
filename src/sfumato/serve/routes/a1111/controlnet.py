"""What A1111's ControlNet extension answers, and a plain word for the extensions that are not here."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from sfumato.conditions.making import made
from sfumato.serve.encoding import png_of
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import MOST_IMAGES
from sfumato.serve.routes.a1111.errors import Route, faults
from sfumato.serve.routes.a1111.generating import limits_of
from sfumato.serve.routes.a1111.painting import Limits, picture_of
from sfumato.serve.routes.a1111.units import MOST_UNITS, NAME, Unit, kind_of, modules
from sfumato.serve.routes.answers import TheStudio
from sfumato.serve.routes.bringing import apart

router = APIRouter(prefix="/controlnet", tags=["a1111"], route_class=Route)
strange = APIRouter(route_class=Route, include_in_schema=False)

VERSION = 3  # of the extension's API
EMBEDDED = "control"
"""What the control is called that is shipped beside the embedded model."""

STEERING = ("controlnet", "t2i-adapter", "image-prompt")
ABSENT: dict[str, str] = {
    "promptgen": "POST /v1/words/expand makes a sentence richer",
    "rembg": "no network that cuts out things is here",
    "sam": "no network that finds outlines is here: paint a mask",
    "tagger": "no network here tells what a picture shows",
    "instruct-pix2pix": "give a model that edits pictures to img2img",
    "model_keyword": "GET /v1/adapters tells trigger words",
    "reactor": "no network that exchanges faces is here",
    "roop": "no network that exchanges faces is here",
    "adetailer": "paint the part anew: img2img with a mask",
    "deforum_api": "no films are drawn here",
}
"""Extensions that clients know, by how their paths begin, and what there is instead."""


class Detect(BaseModel):
    """Pictures, and the kind of conditioning picture that is to be made of them."""

    model_config = ConfigDict(extra="ignore")

    controlnet_module: Annotated[str, Field(max_length=300)] = "none"
    controlnet_input_images: Annotated[list[str], Field(max_length=MOST_IMAGES)] = []
    controlnet_images: Annotated[list[str], Field(max_length=MOST_IMAGES)] = []  # as webuiapi calls them
    controlnet_processor_res: float | None = None
    controlnet_threshold_a: float | None = None
    controlnet_threshold_b: float | None = None


class Detected(BaseModel):
    images: list[str]
    info: str


@router.get("/version")
def version() -> dict[str, int]:
    """Of the extension's API."""
    return {"version": VERSION}


@router.get("/model_list")
async def model_list(studio: TheStudio) -> dict[str, list[str]]:
    """The controls that can be named: the embedded model's, and those in the folder of adapters."""
    found = (await to_thread.run_sync(studio.adapters.all)).values()
    return {"model_list": [EMBEDDED, *(each.name for each in found if each.kind.startswith(STEERING))]}


@router.get("/module_list")
def module_list() -> dict[str, Any]:
    """The kinds of conditioning pictures."""
    return {"module_list": modules(), "module_detail": {}}


@router.get("/control_types")
async def control_types(studio: TheStudio) -> dict[str, Any]:
    """All of it in one group."""
    names = (await model_list(studio))["model_list"]
    group = {
        "module_list": modules(),
        "model_list": names,
        "default_option": "none",
        "default_model": names[0],
    }
    return {"control_types": {"All": group}}


@router.get("/settings")
def settings() -> dict[str, int]:
    """How many units a request may have."""
    return {"control_net_unit_count": MOST_UNITS}


@router.post("/detect", responses=faults(400, 413, 422))
async def detect(asked: Detect, studio: TheStudio) -> Detected:
    """What a control sees of pictures."""
    texts = asked.controlnet_input_images or asked.controlnet_images
    if not texts:
        raise Refused(422, "No image selected: give controlnet_input_images, in base64", param=NAME)
    unit = Unit(
        module=asked.controlnet_module,
        threshold_a=asked.controlnet_threshold_a,
        threshold_b=asked.controlnet_threshold_b,
    )
    kind, limits = kind_of(unit), limits_of(studio)
    images = [await apart(partial(_detected, text, kind, limits)) for text in texts]
    return Detected(images=images, info="Success")


@router.post("/txt2img", include_in_schema=False)
@router.post("/img2img", include_in_schema=False)
def old_ways() -> None:
    """Refuse what the extension itself gave up long ago."""
    raise Refused(
        404, "this is not here: send units to /sdapi/v1/txt2img as alwayson_scripts.controlnet.args"
    )


def _absent(extension: str) -> Callable[[], None]:
    def absent() -> None:
        raise Refused(404, f"the extension {extension} is not here: {ABSENT[extension]}")

    return absent


for _name in ABSENT:
    for _path in (f"/{_name}", f"/{_name}/{{rest:path}}"):
        strange.add_api_route(_path, _absent(_name), methods=["GET", "POST"])


def _detected(text: str, kind: str, limits: Limits) -> str:
    image, _ = picture_of(text, limits, param="controlnet_input_images")
    flat = image
    if image.mode == "RGBA":
        flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return base64.b64encode(png_of(made(kind, flat.convert("RGB")).image)).decode()

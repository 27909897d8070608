"""The shapes of A1111's replies, as its own API documents them; ``notes`` in ``info`` is ours."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Reply(BaseModel):
    """Keys such as ``model_name`` are A1111's, not pydantic's."""

    model_config = ConfigDict(protected_namespaces=())


class Drawn(Reply):
    """Of txt2img and img2img. ``info`` is JSON in a text, with ``no_effect`` and ``notes`` of ours in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "images": ["iVBORw0KGgo..."], "parameters": {"prompt": "a red cat", "steps": 20},
        "info": '{"seed": 7, "all_seeds": [7], "infotexts": ["a red cat"], "no_effect": [], "notes": []}',
    }]})  # fmt: skip

    images: list[str]
    parameters: dict[str, Any]
    info: str


class Enlarged(Reply):
    image: str
    html_info: str


class AllEnlarged(Reply):
    images: list[str]
    html_info: str


class PngInfo(Reply):
    info: str
    items: dict[str, Any]
    parameters: dict[str, Any]


class Progress(Reply):
    progress: float
    eta_relative: float
    state: dict[str, Any]
    current_image: str | None = None
    textinfo: str | None = None
    current_task: str | None = None


class Caption(Reply):
    caption: str


class Sampler(Reply):
    name: str
    aliases: list[str]
    options: dict[str, Any]


class Scheduler(Reply):
    name: str
    label: str
    aliases: list[str] | None
    default_rho: float | None
    need_inner_model: bool | None


class Upscaler(Reply):
    name: str
    model_name: str | None
    model_path: str | None
    model_url: str | None
    scale: float | None


class Named(Reply):
    name: str


class Model(Reply):
    title: str
    model_name: str
    hash: str | None
    sha256: str | None
    filename: str
    config: str | None


class Vae(Reply):
    model_name: str
    filename: str


class Placed(Reply):
    name: str
    path: str | None


class Restorer(Reply):
    name: str
    cmd_dir: str | None


class Lora(Reply):
    name: str
    alias: str
    path: str
    metadata: dict[str, Any]


class Style(Reply):
    name: str
    prompt: str | None
    negative_prompt: str | None


class Embedding(Reply):
    step: int | None
    sd_checkpoint: str | None
    sd_checkpoint_name: str | None
    shape: int
    vectors: int


class Embeddings(Reply):
    loaded: dict[str, Embedding]
    skipped: dict[str, Embedding]


class Memory(Reply):
    ram: dict[str, Any]
    cuda: dict[str, Any]


class Scripts(Reply):
    txt2img: list[str]
    img2img: list[str]


class Fault(Reply):
    """Every error under ``/sdapi`` and ``/controlnet``: ``detail`` says what is wrong, and the way out."""

    error: str
    detail: str
    body: str = ""
    errors: str


class Told(Reply):
    """What was set, and ``no_effect``: what was not, with the reason."""

    no_effect: dict[str, str]

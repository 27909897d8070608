"""The shapes of OpenAI's replies, which its clients validate; ``notes``, ``id`` and ``seed`` are ours."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class InputTokens(BaseModel):
    text_tokens: int
    image_tokens: int


class Usage(BaseModel):
    """``text_tokens`` are those of the model's own tokenizer; an image counts its places in the latent."""

    input_tokens: int
    input_tokens_details: InputTokens
    output_tokens: int
    total_tokens: int


class Image(BaseModel):
    """One picture. ``id`` and ``seed`` are ours: by the id it is found under ``/v1/pictures``."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    id: str
    seed: int


class ImagesReply(BaseModel):
    """``notes`` has a line for everything that had no effect, and for all that was decided on the way."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "created": 1795300001,
        "data": [{"b64_json": "iVBORw0KGgo...", "url": None, "revised_prompt": None,
                  "id": "0p8k2m4v6c1t9q7r5s3n0a2be", "seed": 7}],
        "background": "opaque", "output_format": "png", "quality": "auto", "size": "128x128",
        "usage": {"input_tokens": 5, "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
                  "output_tokens": 256, "total_tokens": 261},
        "safety_identifier": None, "notes": [],
    }]})  # fmt: skip

    created: int
    data: list[Image]
    background: Literal["opaque"] = "opaque"
    output_format: str
    quality: str
    size: str
    usage: Usage
    safety_identifier: str | None = None
    notes: list[str]


class Fault(BaseModel):
    """What went wrong, and the way out."""

    model_config = ConfigDict(frozen=True)

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Faulty(BaseModel):
    """The form of every error under ``/v1/images``."""

    error: Fault


def usage_of(*, text: int, brought: int, drawn: int) -> Usage:
    """Tokens of words, of pictures that were brought, of pictures that were drawn."""
    asked = text + brought
    return Usage(
        input_tokens=asked,
        input_tokens_details=InputTokens(text_tokens=text, image_tokens=brought),
        output_tokens=drawn,
        total_tokens=asked + drawn,
    )

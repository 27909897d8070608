"""What OpenAI's clients send, as it is read: known fields checked, all others kept for ``wishes.py``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sfumato.serve.wish import MOST_PICTURES, MOST_TEXT

SIZE = r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$"

Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]


class Asked(BaseModel):
    """What all three have in common. A field that is null is as one that is absent.

    Any field of ``/v1/jobs`` may stand beside these (``extra_body`` in OpenAI's clients): seed, steps,
    guidance, negative ...
    """

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    model: Annotated[str, Field(max_length=300)] | None = None
    n: Annotated[int, Field(ge=1, le=MOST_PICTURES)] | None = None
    size: Annotated[str, Field(pattern=SIZE, examples=["auto", "128x128"])] | None = None
    quality: Quality | None = None
    background: Literal["auto", "opaque", "transparent"] | None = None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    style: Annotated[str, Field(max_length=300)] | None = None
    user: Annotated[str, Field(max_length=1000)] | None = None
    safety_identifier: Annotated[str, Field(max_length=1000)] | None = None

    @property
    def format(self) -> str:
        return self.output_format or "png"

    @property
    def compression(self) -> int:
        """Quality of a lossy picture, 0 to 100."""
        return 100 if self.output_compression is None else self.output_compression

    @property
    def others(self) -> dict[str, object]:
        """The fields that are not read here, those that are null left out."""
        return {name: value for name, value in (self.model_extra or {}).items() if value is not None}


class Generation(Asked):
    """``POST /v1/images/generations``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "a red cat on a beach", "n": 2, "seed": 7}]}
    )

    prompt: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]


class Edit(Asked):
    """``POST /v1/images/edits``, beside its files."""

    prompt: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    input_fidelity: Literal["high", "low"] | None = None


class Variation(Asked):
    """``POST /v1/images/variations``, beside its file; ``prompt`` is ours."""

    prompt: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)] | None = None

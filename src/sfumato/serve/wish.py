"""What a client asks for: a ``Request`` as JSON, pictures by their digests, and what only a server knows.

Field names, shapes and meanings are those of ``request.Request``. The seed may be absent; pictures are named
by the digest that an upload was answered with, or that a picture of the gallery has (``pixels``).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sfumato.request import LARGEST_SEED, MOST_STEPS, Request

MOST_TEXT = 20_000  # characters of a prompt
MOST_SIDE = 16_384
MOST_PICTURES = 16  # of one job
DIGEST = r"^[0-9a-f]{64}$"

Text: TypeAlias = Annotated[str, Field(max_length=MOST_TEXT)]
Name: TypeAlias = Annotated[str, Field(max_length=300)]
Digest: TypeAlias = Annotated[str, Field(pattern=DIGEST)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number: TypeAlias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Seed: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Pixels: TypeAlias = Annotated[int, Field(ge=-100_000, le=100_000)]


class Strict(BaseModel):
    """An object that knows all its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ControlWish(Strict):
    """A control from a picture as it was brought; ``kind`` is one of ``/v1/conditions``."""

    kind: Name
    picture: Digest
    network: Name | None = None
    weight: Number = 1.0
    start: Share = 0.0
    stop: Share = 1.0


class ReferenceWish(Strict):
    """A picture from which style, composition or both are taken."""

    picture: Digest
    role: Literal["style", "composition", "both"] = "both"
    network: Name | None = None
    weight: Number = 1.0


class RegionWish(Strict):
    """Words for a part of the picture: left, top, width, height in shares of it, or a mask's digest."""

    area: tuple[Share, Share, Share, Share] | Digest
    words: Text
    negative: Text = ""
    seam: Share = 0.06


ControlRow: TypeAlias = tuple[Name, Name, Digest, Number, Share, Share]
ReferenceRow: TypeAlias = tuple[Name, Name, Digest, Number]
RegionRow: TypeAlias = tuple[tuple[Share, Share, Share, Share] | Digest, Text, Text, Share]


class Wish(Strict):
    """One job: ``count`` pictures, whose seeds follow each other.

    Controls, references and regions are objects, made from the pictures that they name, or the rows of a
    receipt, whose pictures are taken as they are.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "a red cat on a blue background", "seed": 7}]}
    )

    prompt: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    negative: Text = ""
    seed: Seed | None = None
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None
    sampler: Name | None = None
    guidance: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | Name | None = None
    size: tuple[Side, Side] | None = None
    levels: Name | None = None
    weighting: Name = Request.weighting
    clip_skip: Annotated[int, Field(ge=1, le=100)] | None = None
    adapters: Annotated[tuple[tuple[Name, Number, Number], ...], Field(max_length=100)] = ()
    handoff: Share | None = None
    picture: Digest | None = None
    mask: Digest | None = None
    framing: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    strength: Share | None = None
    masking: Literal["soft", "hard", "differential"] = "soft"
    around: Annotated[int, Field(ge=0, le=100_000)] | None = None
    outpaint: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    passes: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    variations: Annotated[tuple[tuple[Seed, Share], ...], Field(max_length=100)] = ()
    toward: tuple[Text, Share] | None = None
    controls: Annotated[tuple[ControlWish | ControlRow, ...], Field(max_length=100)] = ()
    references: Annotated[tuple[ReferenceWish | ReferenceRow, ...], Field(max_length=100)] = ()
    regions: Annotated[tuple[RegionWish | RegionRow, ...], Field(max_length=100)] = ()
    regions_by: Literal["blend", "attention"] = "blend"
    sentence: Text | None = None
    model: Name = Request.model

    count: Annotated[int, Field(ge=1, le=MOST_PICTURES)] = 1
    styles: Annotated[tuple[Name, ...], Field(max_length=20)] = ()  # of /v1/styles, put to the sentence
    exact: bool | None = None  # bit for bit the same whoever else draws; None: as the server was started
    deadline: Annotated[float, Field(gt=0, le=86_400)] | None = None  # seconds from now; then it fails

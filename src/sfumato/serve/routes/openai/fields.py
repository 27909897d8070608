"""Every field of OpenAI's images API, and what becomes of it here: the table that the documentation shows."""

from __future__ import annotations

from typing import Literal, NamedTuple

How = Literal["understood", "no effect", "refused"]


class Meant(NamedTuple):
    """What a field does here; ``harmless`` are the values that say nothing which is not so anyway."""

    how: How
    says: str
    harmless: tuple[object, ...] = ()


FIELDS: dict[str, Meant] = {
    "prompt": Meant("understood", "what the picture shows, in our whole prompt language"),
    "model": Meant(
        "understood",
        "one of `/v1/models`; names of OpenAI's own models mean the server's first one, and a note says so; "
        "any other name is an error 404",
    ),
    "n": Meant("understood", "1 to 16 pictures, whose seeds follow each other"),
    "size": Meant(
        "understood",
        "\"auto\" (the model's own, or a brought picture's) or WIDTHxHEIGHT; one that the model cannot draw "
        "is an error that names the nearest",
    ),
    "quality": Meant("understood", "steps: see below; `steps` goes before it"),
    "output_format": Meant("understood", "png, jpeg or webp; gif and svg are refused"),
    "output_compression": Meant("understood", "quality of jpeg and webp, 0 to 100; 100 where it is absent"),
    "response_format": Meant("understood", "b64_json, also where it is absent, or url: of the gallery's PNG"),
    "stream": Meant("understood", "server-sent events: partial images, then one completed for each picture"),
    "partial_images": Meant("understood", "0 to 3 previews of each picture in a stream"),
    "style": Meant(
        "understood", "one of `/v1/styles`; vivid and natural have no effect", ("vivid", "natural")
    ),
    "background": Meant("understood", "opaque and auto; transparent is refused: pictures are opaque"),
    "image": Meant(
        "understood",
        "the first is gone on from; others are references, where the model has a reader for them, else a "
        "note says that they have no effect",
    ),
    "mask": Meant("understood", "its clear part is painted anew; one without a clear part: its white part"),
    "input_fidelity": Meant(
        "understood", "strength without a mask: high 0.4, low 0.8, absent 0.6; under a mask it has no effect"
    ),
    "safety_identifier": Meant("understood", "handed back, and nothing else"),
    "user": Meant("understood", "handed back as safety_identifier, and nothing else"),
    "moderation": Meant("no effect", "nothing is moderated here"),
    "complexity": Meant("no effect", "no picture is planned before it is drawn"),
    "frame_count": Meant("no effect", "it is about output_format gif"),
    "frame_duration_ms": Meant("no effect", "it is about output_format gif"),
    "svg": Meant("no effect", "it is about output_format svg"),
    "markup": Meant("refused", "draw it into the image, or send the place to be painted as mask"),
}

STRENGTHS: dict[str, float] = {"high": 0.4, "low": 0.8}
"""How far a picture is gone on from, by ``input_fidelity``."""


class Quality(NamedTuple):
    """``steps`` None: as many as the request, its styles or its model have by default."""

    steps: int | None
    told: str  # in replies, where OpenAI's older names are not known


QUALITIES: dict[str, Quality] = {
    "auto": Quality(None, "medium"),
    "low": Quality(12, "low"),
    "medium": Quality(24, "medium"),
    "standard": Quality(24, "medium"),
    "high": Quality(40, "high"),
    "hd": Quality(40, "high"),
    "xhigh": Quality(60, "xhigh"),
    "max": Quality(100, "max"),
}

FOREIGN_MODELS = ("gpt-image", "dall-e", "chatgpt-image")
"""How the names of OpenAI's own image models begin."""

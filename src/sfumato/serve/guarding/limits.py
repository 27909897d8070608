"""How large, how many and how slow the parts of a request may be, and which kind of body a path takes."""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.serve.guarding.answers import Denied
from sfumato.serve.guarding.asked import Asked

MULTIPART = frozenset({"/v1/uploads", "/v1/restore", "/v1/images/edits", "/v1/images/variations"})
"""Paths whose body is a form with files; all others read JSON, which no form of another page can send."""

SEVERAL = frozenset({"/v1/images/edits"})  # take many files in one body
WITH_PICTURES = ("/sdapi/", "/controlnet/")  # whose JSON holds pictures
FORM = 64 * 2**10  # bytes around the files of a form


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """Of one body: bytes of JSON, of one file, parts of a form, depth of JSON; seconds that it may take.

    ``pending_bytes`` bounds all bodies that are being received at once.
    """

    json_bytes: int
    upload_bytes: int
    parts: int = 64
    depth: int = 64
    chunk_seconds: float = 20.0
    body_seconds: float = 600.0
    pending_bytes: int = 2**30

    def most(self, asked: Asked) -> int:
        """Bytes that the body of this request may have."""
        if asked.path in MULTIPART:
            return FORM + self.upload_bytes * (4 if asked.path in SEVERAL else 1)
        return 2 * self.upload_bytes if asked.path.startswith(WITH_PICTURES) else self.json_bytes


def has_body(asked: Asked) -> bool:
    """Whether bytes follow the head."""
    return "transfer-encoding" in asked.headers or asked.headers.get("content-length", "0") != "0"


def check_kind(asked: Asked) -> str:
    """The body's kind, which must be the one that the path reads. Raises Denied."""
    told = asked.headers.get("content-type", "")
    kind, _, rest = (part.strip().lower() for part in told.partition(";"))
    wanted = "multipart/form-data" if asked.path in MULTIPART else "application/json"
    if kind != wanted:
        raise Denied(415, f"this path reads {wanted}; send it with that Content-Type", kind="wrong_type")
    if "charset" in rest and "charset=utf-8" not in rest.replace('"', ""):
        raise Denied(415, "texts are read as UTF-8; send them so", kind="wrong_type")
    if asked.headers.get("content-encoding", "identity") != "identity":
        raise Denied(415, "bodies are not unpacked here; send them plainly", kind="wrong_type")
    return kind


def check_length(asked: Asked, most: int) -> None:
    """Raise Denied for a declared length that is odd or too large."""
    told = asked.headers.get("content-length")
    if told is None:
        return
    if not (told.isascii() and told.isdigit() and len(told) < 16):
        raise Denied(400, "the Content-Length is no number; send the body's bytes")
    if int(told) > most:
        raise too_large(most)


def too_large(most: int) -> Denied:
    """What is said of a body with more than ``most`` bytes."""
    return Denied(413, f"the body has more than {most:,} bytes; send a smaller one", kind="too_large")

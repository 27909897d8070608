"""A kind of conditioning picture, and what people hand in to have one made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from PIL import Image

Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""

Given: TypeAlias = "str | Path | Image.Image | Sequence[object] | Mapping[str, object]"
"""A picture or its file; for a pose and a layout also joints and boxes, or their JSON as file or text."""


class Material(NamedTuple):
    """What a maker begins from, at the drawing size, and what is to be told of how it was read."""

    of: object
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One kind. ``maker(material.of, *, options)`` gives the picture, RGB, of the size that was read."""

    reader: Callable[[Given, Size | None], Material]
    maker: Callable[..., Image.Image]
    says: str  # what the picture shows, in a plain sentence
    aliases: tuple[str, ...]  # how other tools call it
    networks: tuple[str, ...]  # what public controls that read it have in their names: "softedge"
    takes: str = "a picture"
    needs: str = ""  # a package beyond the core

"""What a request says beside its words of how it is drawn, as options of a verb."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from sfumato.errors import InputError
from sfumato.request import Request


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Options that decide a picture, as ``Request`` has them. None is what was not said."""

    negative: Annotated[str, typer.Option(help="What it should not show.")] = Request.negative
    seed: Annotated[
        int | None, typer.Option(help="The same seed draws the same picture; random if not given.")
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(help=f"More is slower and, up to a point, better; {Request.steps} if not given."),
    ] = None
    guidance: Annotated[
        str | None,
        typer.Option(
            help="How closely to follow the words; 1 and 0 turn it off. Or a guide: apg(7), rescale(cfg(8)). "
            f"{Request.guidance:g} if not given."
        ),
    ] = None
    sampler: Annotated[
        str | None,
        typer.Option(help=f"One of `sfumato samplers`, by any of its names; {Request.sampler} if not given."),
    ] = None
    levels: Annotated[
        str | None,
        typer.Option(help="Spacing of noise levels, such as karras; the model's own if not given."),
    ] = None
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="In pixels; the model's own if not given.")
    ] = None
    clip_skip: Annotated[
        int | None,
        typer.Option(help="Listen to another layer of the text tower: 1 the last, 2 the one before."),
    ] = None
    weighting: Annotated[
        str, typer.Option(help="What weights such as (red:1.2) mean: a1111, comfy, compel, ...")
    ] = Request.weighting
    handoff: Annotated[
        float | None, typer.Option(help="The share of the walk after which the refiner goes on.")
    ] = None
    framing: Annotated[
        str | None,
        typer.Option(
            metavar="WxH+LEFT+TOP",
            help="What SDXL is told: the original's size, and where the crop began.",
        ),
    ] = None

    def of(self, request: Request, recommended: Mapping[str, Any]) -> Request:
        """The request with what was said, else with what a style recommends. Raises InputError."""
        said: dict[str, Any] = {
            "steps": self.steps,
            "guidance": None if self.guidance is None else parse_guidance(self.guidance),
            "sampler": self.sampler,
            "levels": self.levels,
            "size": None if self.size is None else parse_size(self.size),
        }
        return replace(
            request,
            **{**recommended, **{name: value for name, value in said.items() if value is not None}},
            clip_skip=self.clip_skip,
            weighting=self.weighting,
            handoff=self.handoff,
            framing=None if self.framing is None else parse_framing(self.framing),
        )


def parse_guidance(text: str) -> float | str:
    """Read "4.5" as 4.5; anything else names a guide."""
    try:
        return float(text)
    except ValueError:
        return text


def parse_framing(text: str) -> tuple[int, int, int, int]:
    """Read "1024x768+0+64" as (1024, 768, 0, 64). Raises InputError."""
    size, _, corner = text.partition("+")
    found = re.fullmatch(r"\s*(\d{1,6})\s*\+\s*(\d{1,6})\s*", corner or "0+0")
    if found is None:
        raise InputError(f"framing {text!r} is not width x height + left + top; write 1024x1024+0+0")
    return *parse_size(size), int(found[1]), int(found[2])


def parse_size(text: str) -> tuple[int, int]:
    """Read "160x128" as (160, 128): width, then height. Raises InputError."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*[xX×]\s*(\d{1,6})\s*", text)
    if found is None:
        raise InputError(f"size {text!r} is not width x height in pixels; write, for instance, 128x128")
    return int(found[1]), int(found[2])

"""``sfumato draw``: a sentence becomes a PNG, or several.

Paths of finished pictures go to stdout, one a line; all else (progress, the chosen seed, notes) to stderr.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sfumato.cli.brought import (
    Brought,
    Dtype,
    Ema,
    Embeddings,
    LoraFolder,
    Loras,
    Model,
    Predicts,
    Refiner,
    Tower,
    Tower2,
    UNet,
    Vae,
    Variant,
    worn,
)
from sfumato.cli.output import targets
from sfumato.errors import InputError
from sfumato.request import Request

if TYPE_CHECKING:
    from sfumato.painter import Painter

Prompt = Annotated[str, typer.Argument(help="What the picture shows.")]
Negative = Annotated[str, typer.Option(help="What it should not show.")]
Seed = Annotated[int | None, typer.Option(help="The same seed draws the same picture; random if not given.")]
Steps = Annotated[int, typer.Option(help="More is slower and, up to a point, better.")]
Guidance = Annotated[
    str,
    typer.Option(
        help="How closely to follow the words; 1 and 0 turn it off. Or a guide: apg(7), rescale(cfg(8))."
    ),
]
Sampler = Annotated[str, typer.Option(help="One of `sfumato samplers`, by any of its names.")]
Levels = Annotated[
    str | None,
    typer.Option(help="Spacing of noise levels, such as karras; the model's own if not given."),
]
Size = Annotated[str | None, typer.Option(metavar="WxH", help="In pixels; the model's own if not given.")]
Count = Annotated[int, typer.Option(help="How many pictures; they take the seeds that follow.")]
ClipSkip = Annotated[
    int | None, typer.Option(help="Listen to another layer of the text tower: 1 the last, 2 the one before.")
]
Weighting = Annotated[
    str, typer.Option(help="What weights such as (red:1.2) mean: a1111, comfy, compel, ...")
]
Handoff = Annotated[float | None, typer.Option(help="The share of the walk after which the refiner goes on.")]
Framing = Annotated[
    str | None,
    typer.Option(
        metavar="WxH+LEFT+TOP", help="What SDXL is told: the original's size, and where the crop began."
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option("--from", metavar="PICTURE", help="What an inpainting or an editing model goes on from."),
]
Mask = Annotated[Path | None, typer.Option(metavar="MASK", help="White is what gets painted.")]
Wildcards = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder with NAME.txt for each __NAME__ of the prompt.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A PNG, which is overwritten, or a folder. Several pictures are numbered: cat-1.png, ... "
        "Without it, a name that is still free: sfumato-SEED.png.",
    ),
]


def draw(
    prompt: Prompt,
    *,
    negative: Negative = Request.negative,
    seed: Seed = None,
    steps: Steps = Request.steps,
    guidance: Guidance = str(Request.guidance),
    sampler: Sampler = Request.sampler,
    levels: Levels = Request.levels,
    size: Size = None,
    count: Count = 1,
    output: Output = None,
    clip_skip: ClipSkip = None,
    weighting: Weighting = Request.weighting,
    handoff: Handoff = None,
    framing: Framing = None,
    picture: Picture = None,
    mask: Mask = None,
    wildcards: Wildcards = None,
    model: Model = None,
    lora: Loras = None,
    lora_folder: LoraFolder = None,
    embedding: Embeddings = None,
    unet: UNet = None,
    vae: Vae = None,
    text_encoder: Tower = None,
    text_encoder_2: Tower2 = None,
    refiner: Refiner = None,
    dtype: Dtype = None,
    variant: Variant = None,
    prediction: Predicts = None,
    ema: Ema = False,
) -> None:
    """Draw a sentence as a PNG that carries its recipe."""
    if count < 1:
        raise InputError(f"{count} pictures are none: ask for at least 1")
    if mask is not None and picture is None:
        raise InputError("a mask without a picture: name the picture that it lies upon with --from")
    brought = Brought(
        model=model,
        loras=[worn(text) for text in lora or ()],
        lora_folder=lora_folder,
        embeddings=[("", path) for path in embedding or ()],
        how={
            "unet": unet,
            "vae": vae,
            "text_encoder": text_encoder,
            "text_encoder_2": text_encoder_2,
            "refiner": refiner,
            "dtype": dtype,
            "variant": variant,
            "prediction": prediction,
            "ema": ema,
        },
    )
    first = Request(
        prompt=prompt,
        negative=negative,
        seed=seed or 0,
        steps=steps,
        sampler=sampler,
        levels=levels,
        guidance=parse_guidance(guidance),
        size=None if size is None else parse_size(size),
        clip_skip=clip_skip,
        weighting=weighting,
        handoff=handoff,
        framing=None if framing is None else parse_framing(framing),
        adapters=brought.adapters,
        model=Request.model if model is None else model.name,
    )
    if seed is None:
        from sfumato.painter import fresh_seed

        first = replace(first, seed=fresh_seed())
    requests = [_chosen(replace(first, seed=first.seed + number), wildcards) for number in range(count)]
    paths = targets(output, [request.seed for request in requests])
    _draw(requests, paths, brought, Shown(picture, mask, seed is None))


class Shown(NamedTuple):
    """What a series goes on from, and whether its seed was chosen by chance."""

    picture: Path | None
    mask: Path | None
    by_chance: bool


def _chosen(request: Request, wildcards: Path | None) -> Request:
    """The request with the choices that its seed makes."""
    from sfumato.text.wildcards import chosen

    prompt, negative = (chosen(text, request.seed, wildcards) for text in (request.prompt, request.negative))
    if prompt != request.prompt:
        typer.echo(f"seed {request.seed} chose: {prompt}", err=True)
    if negative != request.negative:
        typer.echo(f"seed {request.seed} chose, unwanted: {negative}", err=True)
    return replace(request, prompt=prompt, negative=negative)


def _draw(requests: list[Request], paths: list[Path], brought: Brought, shown: Shown) -> None:
    from rich.console import Console

    from sfumato.cli.progress import followed

    texts = [text for each in requests for text in (each.prompt, each.negative, str(each.guidance))]
    painter = brought.painter(texts)
    console = Console(stderr=True)
    if shown.by_chance:
        seed = requests[0].seed
        typer.echo(f"seed {seed}, chosen at random; --seed {seed} draws the same again", err=True)
    noted: set[str] = set()
    for asked, path in zip(requests, paths, strict=True):
        request = continued(painter, asked, shown.picture, shown.mask)
        picture = followed(painter.watch(request), console, path.name)
        for note in picture.notes:
            if note not in noted:
                typer.echo(f"note: {note}", err=True)
        noted.update(picture.notes)
        typer.echo(picture.save(path))


def continued(painter: Painter, request: Request, picture: Path | None, mask: Path | None) -> Request:
    """The request with the picture and the mask that it goes on from, which the painter keeps."""
    if picture is None:
        return request
    if mask is None:
        return painter.request(request, picture=picture)
    return painter.request(request, picture=picture, mask=mask)


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

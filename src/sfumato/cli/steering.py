"""What steers a picture beside its words: a picture to go on from, controls, references, regions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer

from sfumato.errors import InputError
from sfumato.request import Request

if TYPE_CHECKING:
    from sfumato.options import Options
    from sfumato.painter import Painter

Area = tuple[float, float, float, float]

Chosen: TypeAlias = Callable[[str, str], str]
"""A text with the choices that a seed makes, and what it is the text of."""

SEAM = 0.06


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The picture that a request goes on from."""

    picture: Annotated[
        Path | None, typer.Option("--from", metavar="PICTURE", help="A picture to go on from.")
    ] = None
    mask: Annotated[
        Path | None, typer.Option(metavar="MASK", help="White is what gets painted; the rest is kept.")
    ] = None
    strength: Annotated[
        float | None,
        typer.Option(
            help="How far to go from the picture: 0 not at all, 1 all the way. 0.6; 1 under a mask."
        ),
    ] = None
    masking: Annotated[str, typer.Option(help="What gray means in a mask: soft, hard or differential.")] = (
        Request.masking
    )
    around: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", help="Paint only what the mask shows, at full size, and so much about it."
        ),
    ] = None
    outpaint: Annotated[
        str | None,
        typer.Option(
            metavar="left=64,...", help="Paint beyond an edge: left, top, right, bottom; negative crops."
        ),
    ] = None
    then: Annotated[
        list[str] | None,
        typer.Option(metavar="PASS", help="What follows: 'hires(2)', 'tiled(2, strength=0.3)'; repeatable."),
    ] = None

    def __post_init__(self) -> None:
        if self.outpaint is not None:
            parse_outpaint(self.outpaint)
        if self.picture is None:
            if self.masking != Request.masking:
                raise InputError("masking says what gray means in a mask: name that with --mask, and --from")
            for name in ("mask", "strength", "around", "outpaint"):
                if getattr(self, name) is not None:
                    raise InputError(f"{name} is about a picture to go on from: name that with --from")

    def on(self, request: Request) -> Request:
        """The request with the passes that follow; all else is about a picture that it does not have yet."""
        return replace(request, passes=tuple(self.then or ()))

    def options(self) -> Options:
        """What the painter is to be told."""
        if self.picture is None:
            return {}
        said: Options = {"picture": self.picture, "masking": self.masking}
        if self.mask is not None:
            said["mask"] = self.mask
        if self.strength is not None:
            said["strength"] = self.strength
        if self.around is not None:
            said["around"] = self.around
        if self.outpaint is not None:
            said["outpaint"] = parse_outpaint(self.outpaint)
        return said


@dataclass(frozen=True, kw_only=True)
class Steering:
    """Controls, references, regions, and noise and words on the way to others."""

    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:PICTURE[:weight[:start-stop]]",
            help="Follow a picture's edges, layout, pose, depth: see `sfumato condition --list`; repeatable.",
        ),
    ] = None
    control_net: Annotated[
        list[str] | None,
        typer.Option(metavar="[KIND=]FILE", help="A ControlNet or T2I-Adapter for --control; repeatable."),
    ] = None
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PICTURE[:weight]", help="A picture to take style or composition from; repeatable."
        ),
    ] = None
    reference_as: Annotated[
        list[str] | None,
        typer.Option(
            metavar="style|composition|both", help="What to take from it; one for each, or one for all."
        ),
    ] = None
    reference_net: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An IP-Adapter for --reference.")
    ] = None
    image_encoder: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CLIP's image tower, through which an IP-Adapter sees."),
    ] = None
    region: Annotated[
        list[str] | None,
        typer.Option(
            metavar="x,y,w,h: WORDS",
            help="Words for a part of the picture, in pixels or shares of it, or MASK: WORDS; repeatable. "
            "What is unwanted there stands behind ###.",
        ),
    ] = None
    seam: Annotated[float, typer.Option(help="How softly regions end, in shares of the shorter side.")] = SEAM
    regions_by: Annotated[
        str, typer.Option(help="How regions see their words: blend (a guide each) or attention.")
    ] = Request.regions_by
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="SEED:SHARE", help="Go a share of the way to another seed's noise; repeatable."),
    ] = None
    toward: Annotated[
        str | None, typer.Option(metavar="WORDS:SHARE", help="Go a share of the way to another prompt.")
    ] = None

    def __post_init__(self) -> None:
        """Raise InputError for what is about something that is not there."""
        by, regions = self.regions_by != Request.regions_by, self.region
        for said, about, name in (
            (self.control_net, self.control, "control-net reads a control: name that with --control"),
            (self.reference_net, self.reference, "reference-net reads references: name one with --reference"),
            (self.image_encoder, self.reference_net, "image-encoder is for a --reference-net: name that"),
            (self.seam != SEAM, regions, "seam is how regions end: name one with --region"),
            (by, regions, "regions-by is about regions: name one with --region"),
        ):
            if said and not about:
                raise InputError(name)

    @property
    def texts(self) -> list[str]:
        """The words of regions, which may name adapters and learned words. Raises InputError."""
        regions = map(parse_region, self.region or ())
        return [text for each in regions for text in (each.words, each.negative)]

    def on(self, request: Request) -> Request:
        """The request with what needs no picture. Raises InputError for any option that cannot be read."""
        for parse, texts in ((parse_control, self.control), (parse_reference, self.reference)):
            for text in texts or ():
                parse(text)
        for text in self.region or ():
            parse_region(text)
        self._roles(len(self.reference or ()))
        return replace(
            request,
            variations=tuple(parse_variation(text) for text in self.vary or ()),
            toward=None if self.toward is None else parse_toward(self.toward),
            regions_by=self.regions_by,
        )

    def hang(self, painter: Painter) -> None:
        """Hang the networks that were named beside the painter's model, and tell of them."""
        for text in self.control_net or ():
            kind, equals, file = text.partition("=")
            path, name = (Path(file), kind) if equals and not Path(text).exists() else (Path(text), None)
            self._tell(path, painter.hang(path, name=name))
        if self.reference_net is not None:
            told = painter.hang(self.reference_net, encoder=self.image_encoder)
            self._tell(self.reference_net, told)

    @staticmethod
    def _tell(path: Path, lines: tuple[str, ...]) -> None:
        for line in lines:
            typer.echo(f"{path.name}: {line}", err=True)

    def options(self, chosen: Chosen) -> Options:
        """What the painter is to be told, where a seed has ``chosen`` words of regions. Raises InputError."""
        from sfumato.steering import control, reference, region

        said: Options = {}
        controls = [parse_control(text) for text in self.control or ()]
        if controls:
            said["controls"] = [
                control(each.kind, each.picture, strength=each.weight, start=each.start, stop=each.stop)
                for each in controls
            ]
        if self.reference:
            pictures = [parse_reference(text) for text in self.reference]
            roles = self._roles(len(pictures))
            said["references"] = [
                reference(path, role, strength=weight)
                for (path, weight), role in zip(pictures, roles, strict=True)
            ]
        regions = [parse_region(text) for text in self.region or ()]
        if regions:
            said["regions"] = [
                region(
                    each.area,
                    chosen(each.words, ", region"),
                    negative=chosen(each.negative, ", unwanted in a region"),
                    seam=self.seam,
                )
                for each in regions
            ]
        return said

    def _roles(self, count: int) -> list[str]:
        if not count and self.reference_as:
            raise InputError("reference-as says what to take from a picture: name that with --reference")
        roles = self.reference_as or ["both"]
        if count and len(roles) not in (1, count):
            raise InputError(f"{count} references and {len(roles)} roles: give one role, or one for each")
        return roles * count if len(roles) == 1 else roles


class ControlSaid(NamedTuple):
    """KIND:PICTURE[:weight[:start-stop]]; in the place of a picture, joints or boxes as JSON."""

    kind: str
    picture: Path | str
    weight: float = 1.0
    start: float = 0.0
    stop: float = 1.0


def parse_control(text: str) -> ControlSaid:
    """Read "canny:edges.png:0.8:0-0.6". Raises InputError for a text without kind or picture."""
    kind, colon, rest = text.partition(":")
    if not colon or not kind or not rest:
        raise InputError(
            f"control {text!r} names no kind and picture: write, for instance, canny:photo.png:0.8"
        )
    found = re.fullmatch(
        r"(?P<given>[\[{].*[\]}]|.+?)(?::(?P<weight>-?[\d.]+))?(?::(?P<start>[\d.]+)-(?P<stop>[\d.]+))?", rest
    )
    if found is None or Path(rest).exists():
        return ControlSaid(kind, Path(rest))
    weight, start, stop = (_number(found[each], text, default) for each, default in
                           (("weight", 1.0), ("start", 0.0), ("stop", 1.0)))  # fmt: skip
    given = found["given"]
    return ControlSaid(kind, given if given.startswith(("[", "{")) else Path(given), weight, start, stop)


def parse_reference(text: str) -> tuple[Path, float]:
    """Read "mood.png:0.7". Raises InputError for a weight that is no number."""
    path, colon, weight = text.rpartition(":")
    if not colon or Path(text).exists():
        return Path(text), 1.0
    return Path(path), _number(weight, text, 1.0)


class RegionSaid(NamedTuple):
    """Where, what is to be seen there and what not."""

    area: Area | Path
    words: str
    negative: str


def parse_region(text: str) -> RegionSaid:
    """Read "0,0,0.5,1: a cat ### fur" or "left.png: a cat". Raises InputError."""
    where, colon, words = text.partition(":")
    if not colon or not words.strip():
        raise InputError(f"region {text!r} has no words: write, for instance, '0,0,0.5,1: a red cat'")
    wanted, _, unwanted = words.partition("###")
    parts = [part.strip() for part in where.split(",")]
    if len(parts) == 1:
        return RegionSaid(Path(where.strip()), wanted.strip(), unwanted.strip())
    if len(parts) != 4:
        raise InputError(
            f"region {where!r} has {len(parts)} numbers: write left,top,width,height, or a mask's file"
        )
    left, top, width, height = (_number(part, text, 0.0) for part in parts)
    return RegionSaid((left, top, width, height), wanted.strip(), unwanted.strip())


def parse_outpaint(text: str) -> tuple[int, int, int, int]:
    """Read "left=64,top=-32" as (64, -32, 0, 0). Raises InputError."""
    sides: dict[str, int] = {"left": 0, "top": 0, "right": 0, "bottom": 0}
    for part in re.split(r"[,\s]+", text.strip()):
        found = re.fullmatch(r"(\w+)=(-?\d{1,6})", part)
        if found is None or found[1] not in sides:
            raise InputError(
                f"outpaint {part!r} is no side with pixels: write, for instance, left=64,bottom=32"
            )
        if sides[found[1]]:
            raise InputError(f"outpaint {text!r} says {found[1]} twice: say it once")
        sides[found[1]] = int(found[2])
    return sides["left"], sides["top"], sides["right"], sides["bottom"]


def parse_variation(text: str) -> tuple[int, float]:
    """Read "7:0.2". Raises InputError."""
    seed, colon, share = text.partition(":")
    if not colon or not re.fullmatch(r"\d{1,19}", seed.strip()):
        raise InputError(f"variation {text!r} is no seed with a share: write, for instance, 8:0.2")
    return int(seed), _number(share, text, 0.0)


def parse_toward(text: str) -> tuple[str, float]:
    """Read "a dog:0.3". Raises InputError."""
    words, colon, share = text.rpartition(":")
    if not colon:
        raise InputError(f"toward {text!r} names no share: write, for instance, 'a dog:0.3'")
    return words, _number(share, text, 0.0)


def _number(said: str | None, text: str, default: float) -> float:
    if said is None:
        return default
    try:
        return float(said)
    except ValueError as error:
        raise InputError(f"{text!r}: {said.strip()!r} is no number") from error

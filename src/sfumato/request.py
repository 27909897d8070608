"""One picture's request: what Python, the command line, a server and the picture's own record all share.

A request holds plain values only, so it goes through JSON and comes back equal. What depends on the model
(sizes that its network can draw, names of samplers and spacings) is checked by whoever holds that model.
"""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import asdict, dataclass, fields
from typing import cast

from sfumato.errors import InputError
from sfumato.fields import check_fields

LARGEST_SEED = 2**63 - 1
MOST_STEPS = 10_000
LARGEST_FRAMING = 100_000  # pixels; also of a margin and of what is painted around a picture
LARGEST_WEIGHT = 100.0  # of an adapter, either way

ROUNDING = 1e-6  # of shares that should add up to 1

MASKINGS = ("soft", "hard", "differential")
REGIONS_BY = ("blend", "attention")
ROLES = ("style", "composition", "both")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides a picture's pixels, given the weights.

    ``size`` is (width, height) in pixels, None the model's own; ``levels`` is a spacing's name, None the
    model's own; ``model`` is the name of an embedded model or a weights file. ``sampler``, ``levels`` and
    ``guidance`` take options in brackets: "ddim(eta=0.5)", "karras(rho=5)", "cfg(6, stop=0.8)". A number for
    ``guidance`` is the scale of cfg. ``weighting`` names a convention for weights such as "(red:1.2)".
    ``clip_skip`` counts layers of the text tower from its end, 1 the last; None is the model's own.
    ``adapters`` are (name, weight for the picture, weight for the words). ``handoff`` is the share of the
    walk after which a refiner goes on, None its own. ``framing`` is what SDXL is told of the picture's
    origin: width and height of the original, left and top of the crop; None: all of a picture of ``size``.

    ``picture`` and ``mask`` are digests of what is painted upon. ``strength`` is how far to go from the
    picture, 0 to 1; None: 0.6, under a mask 1. ``masking`` says what gray means in a mask, one of
    ``MASKINGS``. ``around`` paints only the masked part, at full size, with a margin of so many pixels.
    ``outpaint`` adds pixels left, above, right and below; negative ones crop. ``passes`` follow the first,
    such as "hires(2)". ``variations`` are (seed, share): the noise goes that share of the way to the other
    seed's. ``toward`` is (prompt, share), likewise for the words. ``controls`` are (network, kind of picture,
    digest of the conditioning picture, weight, start, stop), the last two in shares of the steps;
    ``references`` (network, role, digest, weight), the role one of ``ROLES``. ``regions`` are (area, words,
    unwanted words, seam): the area as left, top, width, height in shares of the picture or as the digest of a
    mask, the seam in shares of the shorter side; ``regions_by`` is one of ``REGIONS_BY``. ``sentence`` is
    what a person typed before it was expanded; it decides nothing. Raises InputError.
    """

    prompt: str
    negative: str = ""
    seed: int
    steps: int = 24
    sampler: str = "dpmpp_2m"
    guidance: float | str = 4.0
    size: tuple[int, int] | None = None
    levels: str | None = None
    weighting: str = "a1111"
    clip_skip: int | None = None
    adapters: tuple[tuple[str, float, float], ...] = ()
    handoff: float | None = None
    picture: str | None = None
    mask: str | None = None
    framing: tuple[int, int, int, int] | None = None
    strength: float | None = None
    masking: str = "soft"
    around: int | None = None
    outpaint: tuple[int, int, int, int] | None = None
    passes: tuple[str, ...] = ()
    variations: tuple[tuple[int, float], ...] = ()
    toward: tuple[str, float] | None = None
    controls: tuple[tuple[str, str, str, float, float, float], ...] = ()
    references: tuple[tuple[str, str, str, float], ...] = ()
    regions: tuple[tuple[tuple[float, float, float, float] | str, str, str, float], ...] = ()
    regions_by: str = "blend"
    sentence: str | None = None
    model: str = "world"

    def __post_init__(self) -> None:
        check_fields(vars(self))
        if not self.prompt.strip():
            raise InputError("the prompt is empty: say what the picture should show")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"seed {self.seed} is not in 0..{LARGEST_SEED}")
        if self.steps < 1:
            raise InputError(f"{self.steps} steps cannot draw a picture: ask for at least 1")
        if self.steps > MOST_STEPS:
            raise InputError(f"{self.steps} steps would not end: ask for at most {MOST_STEPS}")
        if isinstance(self.guidance, str):
            if not self.guidance[:1].isalpha():
                raise InputError(f"guidance is {self.guidance!r}: give a number, or a guide such as cfg(6)")
        elif not (math.isfinite(self.guidance) and self.guidance >= 0):
            raise InputError(f"guidance {self.guidance} is not a finite number of at least 0")
        _check_reading(self)
        _check_painting(self)
        _check_steering(self)
        if self.size is not None and min(self.size) < 1:
            raise InputError(
                f"size {self.size[0]}x{self.size[1]} has no pixels: both sides must be at least 1"
            )

    def to_json(self) -> str:
        """The request as one line of JSON with every field present."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """The request that ``to_json`` wrote; absent fields take defaults, unknown ones raise InputError."""
        try:
            found: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the request is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(f"the request is a JSON {type(found).__name__}, not an object of fields")
        values = {name: frozen(value) for name, value in cast("dict[str, object]", found).items()}
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"the request has unknown fields: {', '.join(unknown)}")
        absent = sorted({"prompt", "seed"} - set(values))
        if absent:
            raise InputError(f"the request lacks {' and '.join(absent)}")
        return cls(**values)  # pyright: ignore[reportArgumentType]  (checked in __post_init__)


def _check_reading(request: Request) -> None:
    """What only some models read: how deep, until where, beside which picture."""
    if request.clip_skip is not None and request.clip_skip < 1:
        raise InputError(f"clip_skip {request.clip_skip} is no layer: 1 is the text tower's last")
    if request.handoff is not None and not 0 <= request.handoff <= 1:
        raise InputError(f"handoff {request.handoff} is not a share of the walk, from 0 to 1")
    if request.mask is not None and request.picture is None:
        raise InputError("a mask without a picture: name the picture that it lies upon")
    if request.framing is not None:
        _check_framing(request.framing)
    for name, *weights in request.adapters:
        for weight in weights:
            _check_weight(f"adapter {name}", weight)


def _check_framing(framing: tuple[int, int, int, int]) -> None:
    if min(framing[:2]) < 1 or min(framing) < 0:
        raise InputError(f"framing {framing}: sides of at least 1 pixel, left and top of at least 0")
    if max(framing) > LARGEST_FRAMING:
        raise InputError(f"framing {framing} has a number above {LARGEST_FRAMING}")


def _check_painting(request: Request) -> None:
    """What is said of a picture to go on from, and of what follows the first pass."""
    if request.picture is None:
        for name in ("strength", "around", "outpaint"):
            if getattr(request, name) is not None:
                raise InputError(f"{name} is about a picture to go on from, and there is none: bring one")
    if request.strength is not None and not 0 <= request.strength <= 1:
        raise InputError(
            f"strength {request.strength} is outside 0 (the picture as it is) to 1 (nothing of it)"
        )
    _check_one_of("masking", request.masking, MASKINGS)
    if request.around is not None:
        if request.mask is None:
            raise InputError("around is a margin about what a mask shows, and there is none: give a mask")
        if not 0 <= request.around <= LARGEST_FRAMING:
            raise InputError(f"around {request.around} is no margin: 0 to {LARGEST_FRAMING} pixels")
    if request.outpaint is not None:
        _check_outpaint(request)


def _check_outpaint(request: Request) -> None:
    sides = request.outpaint or ()
    if request.mask is not None or request.around is not None:
        raise InputError("outpaint makes a mask of its own: leave the mask out, or paint in two pictures")
    if max(sides) <= 0:
        raise InputError(f"outpaint {sides} adds nothing: at least one side must grow")
    if max(map(abs, sides)) > LARGEST_FRAMING:
        raise InputError(f"outpaint {sides} has a number above {LARGEST_FRAMING}")


def _check_steering(request: Request) -> None:
    """Shares, weights and names of whatever steers a picture beside its words."""
    for seed, share in request.variations:
        if not 0 <= seed <= LARGEST_SEED:
            raise InputError(f"variation towards seed {seed}: seeds are 0 to {LARGEST_SEED}")
        _check_share(f"variation towards seed {seed}", share)
    if request.toward is not None:
        _check_share(f"toward {request.toward[0]!r}", request.toward[1])
        if not request.toward[0].strip():
            raise InputError("toward names an empty prompt: say what the picture should go towards")
    for network, kind, _, weight, start, stop in request.controls:
        what = f"control {kind or network}"
        _check_weight(what, weight)
        if not 0 <= start < stop <= 1:
            raise InputError(
                f"{what} from {start:g} to {stop:g}: give shares of the walk, 0 to 1, start before stop"
            )
    for network, role, _, weight in request.references:
        _check_one_of(f"role of reference {network}", role, ROLES)
        _check_weight(f"reference {network}", weight)
    for area, words, _, seam in request.regions:
        _check_region(area, words, seam)
    _check_one_of("regions_by", request.regions_by, REGIONS_BY)


def _check_region(area: tuple[float, float, float, float] | str, words: str, seam: float) -> None:
    where = area[:12] if isinstance(area, str) else ",".join(f"{side:g}" for side in area)
    if not words.strip():
        raise InputError(f"region {where} has no words: say what is to be seen there")
    if not 0 <= seam <= 1:
        raise InputError(f"region {where} has a seam of {seam:g}: give a share of the shorter side, 0 to 1")
    if isinstance(area, str):
        return
    left, top, width, height = area
    inside = left >= 0 and top >= 0 and left + width <= 1 + ROUNDING and top + height <= 1 + ROUNDING
    if not inside or width <= 0 or height <= 0:
        raise InputError(
            f"region {where} is not inside the picture: left, top, width, height are shares of it, 0 to 1"
        )


def _check_share(what: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise InputError(f"{what}: {share} is not a share from 0 (nothing of it) to 1 (all)")


def _check_weight(what: str, weight: float) -> None:
    if not abs(weight) <= LARGEST_WEIGHT:
        raise InputError(f"{what} has the weight {weight!r}: give a number within {LARGEST_WEIGHT:g} of 0")


def _check_one_of(what: str, value: str, names: tuple[str, ...]) -> None:
    if value not in names:
        raise InputError(f"{what} is {value!r}: write {', '.join(names[:-1])} or {names[-1]}")


def fresh_seed() -> int:
    """A seed for who gave none: any, and short enough to be typed again."""
    return secrets.randbelow(2**32)


def frozen(value: object) -> object:
    """Lists, and lists in lists, as the tuples that a request holds."""
    return tuple(map(frozen, cast("list[object]", value))) if isinstance(value, list) else value

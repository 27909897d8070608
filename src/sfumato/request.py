"""One picture's request: what Python, the command line, a server and the picture's own record all share.

A request holds plain values only, so it goes through JSON and comes back equal. What depends on the model
(sizes that its network can draw, names of samplers and spacings) is checked by whoever holds that model.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import cast

from sfumato.errors import InputError

LARGEST_SEED = 2**63 - 1
MOST_STEPS = 10_000
MOST_DIGITS = 30
LARGEST_FRAMING = 100_000  # pixels
LARGEST_WEIGHT = 100.0  # of an adapter, either way


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides a picture's pixels, given the weights.

    ``size`` is (width, height) in pixels, None the model's own; ``levels`` is a spacing's name, None the
    model's own; ``model`` is the name of an embedded model or a weights file. ``sampler``, ``levels`` and
    ``guidance`` take options in brackets: "ddim(eta=0.5)", "karras(rho=5)", "cfg(6, stop=0.8)". A number for
    ``guidance`` is the scale of cfg. ``weighting`` names a convention for weights such as "(red:1.2)".
    ``clip_skip`` counts layers of the text tower from its end, 1 the last; None is the model's own.
    ``adapters`` are (name, weight for the picture, weight for the words). ``handoff`` is the share of the
    walk after which a refiner goes on, None its own. ``picture`` and ``mask`` are digests of what is painted
    upon, for models that read a picture. ``framing`` is what SDXL is told of the picture's origin: width and
    height of the original, left and top of the crop; None: all of a picture of ``size``. Raises InputError.
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
    model: str = "world"

    def __post_init__(self) -> None:
        _check_types(self)
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
        values = {name: _frozen(value) for name, value in cast("dict[str, object]", found).items()}
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


def _check_framing(framing: tuple[int, int, int, int]) -> None:
    if min(framing[:2]) < 1 or min(framing) < 0:
        raise InputError(f"framing {framing}: sides of at least 1 pixel, left and top of at least 0")
    if max(framing) > LARGEST_FRAMING:
        raise InputError(f"framing {framing} has a number above {LARGEST_FRAMING}")


def _frozen(value: object) -> object:
    """JSON's lists as the tuples that a request holds."""
    return tuple(map(_frozen, cast("list[object]", value))) if isinstance(value, list) else value


_EXPECTED = {
    "prompt": (str,),
    "negative": (str,),
    "seed": (int,),
    "steps": (int,),
    "sampler": (str,),
    "guidance": (int, float, str),
    "size": (tuple, type(None)),
    "levels": (str, type(None)),
    "weighting": (str,),
    "clip_skip": (int, type(None)),
    "adapters": (tuple,),
    "handoff": (int, float, type(None)),
    "picture": (str, type(None)),
    "mask": (str, type(None)),
    "framing": (tuple, type(None)),
    "model": (str,),
}


def _check_types(request: Request) -> None:
    """Requests are also made from JSON that strangers wrote, so annotations are not enough."""
    for name, kinds in _EXPECTED.items():
        value: object = getattr(request, name)
        _check_digits(name, value)
        if isinstance(value, bool) or not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__.replace("NoneType", "null") for kind in kinds)
            raise InputError(f"the request's {name} is {value!r}, not {wanted}")
        if isinstance(value, str):
            _check_unicode(name, value)
    size = cast("tuple[object, ...] | None", request.size)
    if size is not None and (len(size) != 2 or any(type(side) is not int for side in size)):
        raise InputError(f"the request's size is {size!r}, not two whole numbers (width, height)")
    framing = cast("tuple[object, ...] | None", request.framing)
    if framing is not None and (len(framing) != 4 or any(type(number) is not int for number in framing)):
        raise InputError(
            f"the request's framing is {framing!r}, not four whole numbers: width, height, left, top"
        )
    for adapter in cast("tuple[object, ...]", request.adapters):
        _check_adapter(adapter)


def _check_adapter(adapter: object) -> None:
    """An adapter is named, and worn by some finite weight on either side."""
    parts = cast("tuple[object, ...]", adapter if isinstance(adapter, tuple) else ())
    if len(parts) != 3 or not isinstance(parts[0], str):
        raise InputError(
            f"the request's adapter {adapter!r} is not a name with two weights, of picture and words"
        )
    _check_unicode("adapters", parts[0])
    for weight in parts[1:]:
        _check_digits("adapters", weight)
        number = weight if isinstance(weight, (int, float)) and not isinstance(weight, bool) else math.nan
        if not abs(number) <= LARGEST_WEIGHT:
            raise InputError(
                f"adapter {parts[0]} has the weight {weight!r}: give a number within {LARGEST_WEIGHT:g} of 0"
            )


def _check_digits(name: str, value: object) -> None:
    """Whole numbers without end fit no float, and past 4300 digits Python refuses to print them."""
    numbers = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
    if any(isinstance(number, int) and abs(number) >= 10**MOST_DIGITS for number in numbers):
        raise InputError(f"the request's {name} has more than {MOST_DIGITS} digits")


def _check_unicode(name: str, value: str) -> None:
    """Half a surrogate pair (bytes of another encoding on a command line) has no UTF-8 and no tokens."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the request's {name} is not text: character {error.start + 1} is half a pair"
        ) from error

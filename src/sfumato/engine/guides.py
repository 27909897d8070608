"""A guide as a person asked for it: ``6``, ``cfg(6, start=0.1)``, ``rescale(cfg(8), phi=0.5)``.

The table in ``diffusion/guidance`` holds makers. What a maker takes is told by the names of its parameters:
the words and the model come from the request (``SUPPLIERS``), all else from the brackets.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sfumato.diffusion.choose import own_name, plainly, spellings
from sfumato.diffusion.guidance import GUIDES, plain
from sfumato.diffusion.guidance.listing import Listing
from sfumato.diffusion.guidance.scale import cosine, linear, stepwise
from sfumato.diffusion.named import Named, Value, named, options_of
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Conditioning, Guide, Level
from sfumato.engine.question import Encode
from sfumato.errors import InputError
from sfumato.families.model import Encoded
from sfumato.request import Request

UNGUIDED = (0.0, 1.0)
"""Scales that mean "no guidance": 1 by the formula, 0 as distilled models are commonly asked for it."""

CURVES = {"linear": linear, "cosine": cosine}


class Asked(NamedTuple):
    """A guide made ready, a line for everything of the request without effect, and what it needs."""

    guide: Guide
    notes: tuple[str, ...]
    renoises: bool  # whether the sampler must heed ``Denoised.noise_from``


class _Maker(NamedTuple):
    """What suppliers take from: the request, the words as they were read, and the values in the brackets."""

    request: Request
    told: Mapping[str, Conditioning]
    prediction: Prediction
    levels: Sequence[Level]
    wanted: Named
    values: list[Value]


def wanted_guide(request: Request) -> Named:
    """The guide that a request names; a number is the scale of classifier-free guidance."""
    if isinstance(request.guidance, str):
        wanted = named(request.guidance)
        return wanted if wanted.values or wanted.options else Named(own_name(GUIDES, wanted.name, "guide"))
    return Named("none") if request.guidance in UNGUIDED else Named("cfg", (request.guidance,))


def guide_asked(
    request: Request, prediction: Prediction, levels: Sequence[Level]
) -> Generator[list[Encode], list[Encoded], Asked]:
    """Ask for the words that the guide needs, no more, and make it.

    Raises InputError for names, options and values that there are not.
    """
    wanted = wanted_guide(request)
    _check_perturbed(wanted)
    texts = list(dict.fromkeys(_texts(wanted, request)))
    encoded = yield [Encode(text) for text in texts]
    told = {text: each.conditioning for text, each in zip(texts, encoded, strict=True)}
    guide = _made(_Maker(request, told, prediction, levels, wanted, [*wanted.values]))
    notes = [
        note if text == request.prompt else f"{_part(text, request)}: {note}"
        for text, each in zip(texts, encoded, strict=True)
        for note in each.notes
    ]
    renoises = any(listing.renoises for listing in _listings(wanted))
    return Asked(guide, (*notes, *_negative_note(wanted, request)), renoises)


def _check_perturbed(wanted: Named) -> None:
    """Raise InputError where a guide would compare rows that were told different things."""
    for outer in _tree(wanted):
        if _listing(outer).perturbs:
            for inner in _tree(_inner(outer)):
                if not _listing(inner).tells:
                    raise InputError(
                        f"guide {outer.name} compares with what the prompt alone shows, which {inner.name} "
                        f"does not tell: write, for instance, {outer.name}(cfg(4), ...)"
                    )


def _made(maker: _Maker) -> Guide:
    """Call the maker that ``maker.wanted`` names with all that its parameters ask for."""
    wanted, listing = maker.wanted, _listing(maker.wanted)
    arguments: list[object] = []
    for parameter in _positional(listing):
        if parameter.name not in SUPPLIERS:
            raise TypeError(f"no request can name the {parameter.name} of guide {wanted.name}")
        steady = parameter.name == "scale" and parameter.annotation == "float"
        arguments.append(_one_number(maker) if steady else SUPPLIERS[parameter.name](maker))
    if maker.values:
        raise InputError(f"{maker.values[0]} of guide {wanted} means nothing to it: leave it out")
    options: dict[str, Any] = options_of(listing.maker, Named(wanted.name, (), wanted.options), "guide")
    if absent := [name for name in _required(listing) if name not in options]:
        raise InputError(f"guide {wanted.name} needs {absent[0]}: write {wanted.name}(..., {absent[0]}=...)")
    try:
        return listing.maker(*arguments, **options)
    except ValueError as error:
        raise InputError(str(error)) from error


def _wrapped(maker: _Maker) -> Guide:
    inner = _inner(maker.wanted)
    maker.values.pop(0)
    return _made(maker._replace(wanted=inner, values=[*inner.values]))


def _scale(maker: _Maker) -> float | Callable[[float], float]:
    """A number, a curve such as linear(1, 8), or a list with a number for every step."""
    for index, value in enumerate(maker.values):
        if isinstance(value, (bool, str)):
            continue
        if isinstance(value, (int, float)):
            maker.values.pop(index)
            (number,) = _numbers([value], maker.wanted)
            return number
        if isinstance(value, Named) and value.name in CURVES:
            maker.values.pop(index)
            ends = _numbers(value.values, maker.wanted)
            if len(ends) != 2 or value.options:
                raise InputError(f"{value} has not two ends: write, for instance, {value.name}(2, 8)")
            return CURVES[value.name](*ends)
        if isinstance(value, tuple) and not any(isinstance(each, str) for each in value):
            maker.values.pop(index)
            return _stepwise(maker.levels, _numbers(value, maker.wanted))
    raise InputError(
        f"guide {maker.wanted.name} needs its scale: write, for instance, {maker.wanted.name}(5)"
    )


def _one_number(maker: _Maker) -> float:
    """A scale that may not change along the walk."""
    scale = _scale(maker)
    if callable(scale):
        raise InputError(f"the scale of guide {maker.wanted.name} is one number: it takes no curve")
    return scale


def _stepwise(levels: Sequence[Level], scales: Sequence[float]) -> Callable[[float], float]:
    try:
        return stepwise(levels, scales)
    except ValueError as error:
        raise InputError(str(error)) from error


def _sentences(maker: _Maker) -> list[tuple[Conditioning, float]]:
    """The prompt with the first number as its weight, and every sentence in the brackets with its own."""
    return [(maker.told[maker.request.prompt], _one_number(maker)), *_pairs(maker)]


def _negatives(maker: _Maker) -> list[tuple[Conditioning, float]]:
    """The negative prompt at weight 1, and every sentence in the brackets with its own."""
    negative = maker.request.negative
    return [*([(maker.told[negative], 1.0)] if negative else []), *_pairs(maker)]


def _pairs(maker: _Maker) -> list[tuple[Conditioning, float]]:
    pairs = [value for value in maker.values if _is_pair(value)]
    maker.values[:] = [value for value in maker.values if not _is_pair(value)]
    return [(maker.told[str(text)], float(str(weight))) for text, weight in pairs]  # pyright: ignore


def _is_pair(value: Value) -> bool:
    """Whether it is a sentence with its weight: ["a blue car", 1.5]."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
        and not isinstance(value[1], bool)
    )


SUPPLIERS: dict[str, Callable[[_Maker], object]] = {
    "conditioning": lambda maker: maker.told[maker.request.prompt],
    "negative": lambda maker: maker.told[maker.request.negative],
    "empty": lambda maker: maker.told[""],
    "prediction": lambda maker: maker.prediction,
    "guide": _wrapped,
    "inside": _wrapped,
    "outside": lambda maker: plain(maker.told[maker.request.prompt]),
    "scale": _scale,
    "guidance": _one_number,
    "sentences": _sentences,
    "negatives": _negatives,
}


def _texts(wanted: Named, request: Request) -> Iterator[str]:
    """Every text that a guide, and those it wraps, will be told; the prompt is always read."""
    yield request.prompt
    for guide in _tree(wanted):
        names = {parameter.name for parameter in _positional(_listing(guide))}
        if "negative" in names or ("negatives" in names and request.negative):
            yield request.negative
        if "empty" in names:
            yield ""
        if names & {"sentences", "negatives"}:
            yield from (str(value[0]) for value in guide.values if _is_pair(value))  # pyright: ignore


def _tree(wanted: Named) -> Iterator[Named]:
    """A guide and those inside it, outermost first."""
    yield wanted
    if _listing(wanted).wraps:
        yield from _tree(_inner(wanted))


def _inner(wanted: Named) -> Named:
    """The guide that this one wraps: its first value; a number is the scale of cfg."""
    first = wanted.values[0] if wanted.values else None
    if isinstance(first, Named) and plainly(first.name) in spellings(GUIDES):
        return first
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return Named("cfg", (first,))
    raise InputError(f"guide {wanted.name} wraps another: write, for instance, {wanted.name}(cfg(6))")


def _listings(wanted: Named) -> Iterator[Listing]:
    return map(_listing, _tree(wanted))


def _listing(wanted: Named) -> Listing:
    return GUIDES[own_name(GUIDES, wanted.name, "guide")]


def _positional(listing: Listing) -> list[inspect.Parameter]:
    parameters = inspect.signature(listing.maker).parameters.values()
    return [each for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


def _required(listing: Listing) -> list[str]:
    """Options that have no default."""
    parameters = inspect.signature(listing.maker).parameters.values()
    return [
        each.name
        for each in parameters
        if each.kind is inspect.Parameter.KEYWORD_ONLY and each.default is inspect.Parameter.empty
    ]


def _numbers(values: Sequence[Value], wanted: Named) -> list[float]:
    numbers: list[float] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{value} of guide {wanted} is not a number")
        if not 0 <= value < math.inf:
            raise InputError(f"{value} of guide {wanted} is not a finite number of at least 0")
        numbers.append(float(value))
    return numbers


def _part(text: str, request: Request) -> str:
    return "negative prompt" if text == request.negative else f"sentence {text!r}"


def _negative_note(wanted: Named, request: Request) -> list[str]:
    """What the negative prompt does not do, or does against all expectation."""
    if not request.negative:
        return []
    if request.guidance in UNGUIDED:
        return [f"the negative prompt has no effect at guidance {request.guidance:g}: raise it above 1"]
    if request.negative not in _texts(wanted, request):
        return [f"the negative prompt has no effect: guide {wanted.name} does not read it; cfg does"]
    scale = wanted.values[0] if wanted.values else None
    if scale == 1 and not _listing(wanted).wraps:
        return [f"the negative prompt has no effect at guidance {wanted}: raise it above 1"]
    if isinstance(scale, (int, float)) and scale < 1 and _listing(wanted) is GUIDES["cfg"]:
        return [
            f"at guidance {scale:g} the negative prompt draws the picture towards itself, not away: "
            "raise it above 1"
        ]
    return []

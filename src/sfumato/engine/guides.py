"""A guide as a person asked for it: ``6``, ``cfg(6, start=0.1)``, ``rescale(cfg(8), phi=0.5)``.

The table in ``diffusion/guidance`` holds makers. What a maker takes is told by the names of its parameters:
the words and the model come from the request (``SUPPLIERS``), all else from the brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from sfumato.diffusion.guidance import plain
from sfumato.diffusion.guidance.distilled import told as told_scale
from sfumato.diffusion.guidance.scale import cosine, linear, stepwise
from sfumato.diffusion.named import Named, Value, options_of
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Conditioning, Guide, Level
from sfumato.engine.dressing import NOTHING, Dress
from sfumato.engine.guide_notes import effects
from sfumato.engine.guide_tree import inner, listing_of, positional, required, tree, wanted_guide
from sfumato.engine.question import Encode
from sfumato.engine.wish import Wish
from sfumato.errors import InputError
from sfumato.families.model import Encoded, Wording

CURVES = {"linear": linear, "cosine": cosine}


class Asked(NamedTuple):
    """A guide made ready, a line for everything of the request without effect, and what it needs."""

    guide: Guide
    notes: tuple[str, ...]
    renoises: bool  # whether the sampler must heed ``Denoised.noise_from``
    words: tuple[str, ...] = ()  # learned ones that its texts hold


class _Said(NamedTuple):
    """A text in its role: one that plays both, because the prompt is its own negative, is read in each."""

    text: str
    unwanted: bool = False


class _Maker(NamedTuple):
    """What suppliers take from: the wish, the words as they were read, and the values in the brackets."""

    wish: Wish
    told: Mapping[_Said, Conditioning]
    prediction: Prediction
    levels: Sequence[Level]
    wanted: Named
    values: list[Value]


def guide_asked(
    wish: Wish, prediction: Prediction, levels: Sequence[Level], *, dress: Dress = NOTHING
) -> Generator[list[Encode], Any, Asked]:
    """Ask for the words that the guide needs, no more, and make it; ``dress`` is what its rows wear.

    Raises InputError for names, options and values that there are not, before it asks anything.
    """
    check_guide(wish, prediction, levels, dress=dress)
    wanted = wanted_guide(wish)
    texts = list(dict.fromkeys(_texts(wanted, wish)))
    encoded: list[Encoded] = yield [Encode(_wording(said, wish)) for said in texts]
    told = zip(texts, encoded, strict=True)
    dressed = {said: dress.on(each.conditioning, unwanted=said.unwanted) for said, each in told}
    guide = _made(_Maker(wish, dressed, prediction, levels, wanted, [*wanted.values]))
    notes = [
        note if said == _Said(wish.prompt) else f"{_part(said, wish)}: {note}"
        for said, each in zip(texts, encoded, strict=True)
        for note in each.notes
    ]
    renoises = any(listing_of(each).renoises for each in tree(wanted))
    unwanted = [said.text for said in texts if said.unwanted]
    words = dict.fromkeys(word for each in encoded for word in each.words)
    notes += effects(wanted, wish, levels, read=unwanted)
    notes += dress.left_out(encoded[0].conditioning)
    return Asked(guide, tuple(notes), renoises, tuple(words))


def check_guide(
    wish: Wish, prediction: Prediction, levels: Sequence[Level], *, dress: Dress = NOTHING
) -> None:
    """Raise InputError for the guide that cannot be made, without asking for any of its words."""
    wanted = wanted_guide(wish)
    _check_perturbed(wanted)
    nothing = Conditioning(torch.zeros(1, 1, 1))
    told = {said: dress.on(nothing, unwanted=said.unwanted) for said in _texts(wanted, wish)}
    _made(_Maker(wish, told, prediction, levels, wanted, [*wanted.values]))


def _check_perturbed(wanted: Named) -> None:
    """Raise InputError where a guide would compare rows that were told different things."""
    for outer in tree(wanted):
        if listing_of(outer).perturbs:
            for each in tree(inner(outer)):
                if not listing_of(each).tells:
                    raise InputError(
                        f"guide {outer.name} compares with what the prompt alone shows, which {each.name} "
                        f"does not tell: write, for instance, {outer.name}(cfg(4), ...)"
                    )


def _made(maker: _Maker) -> Guide:
    """Call the maker that ``maker.wanted`` names with all that its parameters ask for."""
    wanted, listing = maker.wanted, listing_of(maker.wanted)
    arguments: list[object] = []
    for parameter in positional(listing):
        if parameter.name not in SUPPLIERS:
            raise TypeError(f"no request can name the {parameter.name} of guide {wanted.name}")
        steady = parameter.name == "scale" and parameter.annotation == "float"
        arguments.append(_one_number(maker) if steady else SUPPLIERS[parameter.name](maker))
    if maker.values:
        raise InputError(f"{maker.values[0]} of guide {wanted} means nothing to it: leave it out")
    options: dict[str, Any] = options_of(listing.maker, Named(wanted.name, (), wanted.options), "guide")
    if absent := [name for name in required(listing) if name not in options]:
        raise InputError(f"guide {wanted.name} needs {absent[0]}: write {wanted.name}(..., {absent[0]}=...)")
    try:
        return listing.maker(*arguments, **options)
    except ValueError as error:
        raise InputError(str(error)) from error


def _wrapped(maker: _Maker) -> Guide:
    within = inner(maker.wanted)
    maker.values.pop(0)
    return _made(maker._replace(wanted=within, values=[*within.values]))


def _unguided(maker: _Maker) -> Guide:
    """The prompt alone; to a network that reads a scale of its own, with the scale that the guide tells."""
    words = maker.told[_Said(maker.wish.prompt)]
    for each in tree(maker.wanted):
        scale = dict(each.options).get("guidance")
        if any(parameter.name == "guidance" for parameter in positional(listing_of(each))):
            scale = _one_number(maker._replace(wanted=each, values=[*each.values]))
        if isinstance(scale, (int, float)):
            return plain(told_scale(words, scale))
    return plain(words)


def _scale(maker: _Maker, *, signed: bool = False) -> float | Callable[[float], float]:
    """A number, a curve such as linear(1, 8), or a list with a number for every step."""
    for index, value in enumerate(maker.values):
        if isinstance(value, (bool, str)):
            continue
        if isinstance(value, (int, float)):
            maker.values.pop(index)
            (number,) = _numbers([value], maker.wanted, signed=signed)
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


def _one_number(maker: _Maker, *, signed: bool = False) -> float:
    """A scale that may not change along the walk."""
    scale = _scale(maker, signed=signed)
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
    return [(maker.told[_Said(maker.wish.prompt)], _one_number(maker, signed=True)), *_pairs(maker)]


def _negatives(maker: _Maker) -> list[tuple[Conditioning, float]]:
    """The negative prompt at weight 1, and every sentence in the brackets with its own."""
    negative = _Said(maker.wish.negative, unwanted=True)
    return [*([(maker.told[negative], 1.0)] if negative.text else []), *_pairs(maker, unwanted=True)]


def _pairs(maker: _Maker, *, unwanted: bool = False) -> list[tuple[Conditioning, float]]:
    pairs = [value for value in maker.values if _is_pair(value)]
    maker.values[:] = [value for value in maker.values if not _is_pair(value)]
    limit = listing_of(maker.wanted).limit
    weighted = [(maker.told[_Said(str(text), unwanted)], float(str(weight))) for text, weight in pairs]  # pyright: ignore
    for _, weight in weighted:
        if not abs(weight) <= limit:
            raise InputError(f"weight {weight:g} in guide {maker.wanted} is outside {-limit:g} to {limit:g}")
    return weighted


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
    "conditioning": lambda maker: maker.told[_Said(maker.wish.prompt)],
    "negative": lambda maker: maker.told[_Said(maker.wish.negative, unwanted=True)],
    "empty": lambda maker: maker.told[_Said("", unwanted=True)],
    "prediction": lambda maker: maker.prediction,
    "guide": _wrapped,
    "inside": _wrapped,
    "outside": _unguided,
    "scale": _scale,
    "guidance": _one_number,
    "sentences": _sentences,
    "negatives": _negatives,
}


def _texts(wanted: Named, wish: Wish) -> Iterator[_Said]:
    """Every text that a guide, and those it wraps, will be told; the prompt is always read."""
    yield _Said(wish.prompt)
    for guide in tree(wanted):
        names = {parameter.name for parameter in positional(listing_of(guide))}
        if "negative" in names or ("negatives" in names and wish.negative):
            yield _Said(wish.negative, unwanted=True)
        if "empty" in names:
            yield _Said("", unwanted=True)
        if names & {"sentences", "negatives"}:
            sentences = (str(value[0]) for value in guide.values if _is_pair(value))  # pyright: ignore
            yield from (_Said(text, "negatives" in names) for text in sentences)


def _numbers(values: Sequence[Value], wanted: Named, *, signed: bool = False) -> list[float]:
    """Scales, whether they stand alone, in a curve or in a list; weights are ``signed``."""
    limit = listing_of(wanted).limit
    least = -limit if signed else 0
    numbers: list[float] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{value} of guide {wanted} is not a number")
        if not least <= value <= limit:
            raise InputError(f"{value} of guide {wanted} is outside {least:g} to {limit:g}")
        numbers.append(float(value))
    return numbers


def _wording(said: _Said, wish: Wish) -> Wording:
    """How a text of the request is to be read."""
    return Wording(
        text=said.text,
        weighting=wish.weighting,
        clip_skip=wish.clip_skip,
        adapters=wish.adapters,
        size=wish.size,
        unwanted=said.unwanted,
        handoff=wish.handoff,
        framing=wish.framing,
    )


def _part(said: _Said, wish: Wish) -> str:
    negative = _Said(wish.negative, unwanted=True)
    return "negative prompt" if said == negative else f"sentence {said.text!r}"

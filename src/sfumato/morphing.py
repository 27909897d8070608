"""A sequence of requests that goes from one to the next by small steps, words and noise alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from sfumato.errors import InputError
from sfumato.request import Request

FEWEST, MOST = 2, 2000


def morphed(keys: Sequence[Request], frames: int, *, loop: bool = False) -> list[Request]:
    """``frames`` requests from the first of ``keys`` over all others to the last, at even distances.

    Keys may differ in prompt and seed: words go in a straight line (``Request.toward``), noise on the sphere
    (``Request.variations``). With ``loop`` they go on from the last key to the first, so that the sequence
    begins again without a jump; frames on the way back that are as on the way there are the same requests.
    Raises InputError for keys that differ in more, and for fewer than two of keys or frames.
    """
    if len(keys) < 2:
        raise InputError("there is nothing to go towards: give a second prompt, or a second seed")
    if not FEWEST <= frames <= MOST:
        raise InputError(f"{frames} frames: a sequence has {FEWEST} to {MOST}")
    for key in keys[1:]:
        if replace(key, prompt=keys[0].prompt, seed=keys[0].seed, sentence=keys[0].sentence) != keys[0]:
            raise InputError("all frames share every option but prompt and seed: draw the others apart")
    if any(key.toward or key.variations for key in keys):
        raise InputError("toward and variations are what a sequence is made with: leave them out")
    stops = [*keys, keys[0]] if loop else list(keys)
    last = len(stops) - 1
    places = [Fraction(number * last, frames if loop else frames - 1) for number in range(frames)]
    return [_at(stops, place) for place in places]


def _at(stops: Sequence[Request], place: Fraction) -> Request:
    number, share = int(place), place % 1
    if not share:
        return stops[number]
    here, there = stops[number : number + 2]
    if (there, here) in pairwise(stops[: number + 1]):
        here, there, share = there, here, 1 - share  # the way back
    return between(here, there, float(share))


def between(here: Request, there: Request, share: float) -> Request:
    """The request this share of the way from one to another that differs in prompt or seed alone."""
    return replace(
        here,
        toward=(there.prompt, share) if there.prompt != here.prompt else None,
        variations=((there.seed, share),) if there.seed != here.seed else (),
    )

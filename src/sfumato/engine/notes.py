"""One line for everything of a request that changes nothing in a walk, or not as it is expected to."""

from __future__ import annotations

from itertools import pairwise

from sfumato.adapters.triggers import lacking
from sfumato.engine.beginning import beginning_note
from sfumato.engine.continuing import continued_note
from sfumato.engine.dressing import worn_between
from sfumato.engine.guide_notes import window
from sfumato.engine.guide_tree import tree, wanted_guide
from sfumato.engine.painting import Painting
from sfumato.engine.walk import walk_notes
from sfumato.engine.wish import Wishes
from sfumato.families.model import Model
from sfumato.request import Request


def painting_notes(painting: Painting) -> list[str]:
    """What of its words, adapters, walk and size is to be told."""
    request, model, walk, wished = painting.request, painting.model, painting.walk, painting.wished
    return [
        *wished.notes,
        *_unfelt(wished, model),
        *_asleep(wished, model),
        *continued_note(request, wished, model),
        *(beginning_note(walk.whole, model.levels(request.steps, None)) if walk.strength == 1 else ()),
        *_passed(painting),
        *_unworn(painting),
        *_unguided(painting),
        *_unmoved(request),
        *walk_notes(request, walk),
        *_size_note(painting.size, model),
    ]


def _passed(painting: Painting) -> list[str]:
    """What the prompt says at steps that lie before the one that strength begins at."""
    walk, stages = painting.walk, painting.wished.stages
    first = len(walk.whole) - len(walk.levels)
    drawn = [wish.prompt for (_, wish), (end, _) in pairwise(stages) if end > first] + [stages[-1][1].prompt]
    lost = dict.fromkeys(wish.prompt for _, wish in stages if wish.prompt not in drawn)
    return [
        f"{prompt[:60]!r} is never drawn: strength {walk.strength:g} begins after its part of the steps"
        for prompt in lost
    ]


def _unworn(painting: Painting) -> list[str]:
    """The controls whose steps lie before the one that strength begins at."""
    walk = painting.walk
    notes: list[str] = []
    for name, kind, _, _, start, stop in painting.request.controls:
        first, last = worn_between(walk.whole, start, stop)
        if first != last and walk.levels[0].sigma <= last:
            notes.append(
                f"control {kind or name} is never worn: strength {walk.strength:g} begins after {stop:g} of "
                "the steps, where it stops"
            )
    return notes


def _unguided(painting: Painting) -> list[str]:
    """What of its guides would act where strength does not come by."""
    walk = painting.walk
    guides = [each for _, wish in painting.wished.stages for each in tree(wanted_guide(wish))]
    lost = [each for each in dict.fromkeys(guides) if not list(window(each, walk.whole))]
    return [] if walk.strength == 1 else [note for each in lost for note in window(each, walk.levels)]


def _unmoved(request: Request) -> list[str]:
    """The seeds and the prompt that it goes no way towards."""
    notes = [
        f"the variation towards seed {seed} has no effect: its share is 0"
        for seed, share in request.variations
        if share == 0
    ]
    first = next((seed for seed, share in request.variations if share), None)
    if first == request.seed:
        notes.append(f"the variation towards seed {first} has no effect: it is the picture's own")
    if request.toward is not None and request.toward[1] == 0:
        notes.append(f"toward {request.toward[0][:60]!r} has no effect: its share is 0")
    return notes


def _unfelt(wished: Wishes, model: Model) -> list[str]:
    """The worn adapters that change nothing, all their weights taken together."""
    notes: list[str] = []
    for name in dict.fromkeys(name for name, _, _ in wished.adapters):
        weights = [(picture, words) for each, picture, words in wished.adapters if each == name]
        picture, words = map(sum, zip(*weights, strict=True))
        if not model.closet.is_felt(name, picture=picture, words=words):
            notes.append(
                f"adapter {name} has no effect at weight {picture:g} for the picture and {words:g} for the "
                "words: all that it adds is 0"
            )
    return notes


def _asleep(wished: Wishes, model: Model) -> list[str]:
    """The trigger words of worn adapters that no text of the prompt says at any step."""
    notes: list[str] = []
    for name in dict.fromkeys(name for name, _, _ in wished.adapters):
        words = model.closet.adapters[name].triggers
        if words and all(lacking(text, words) == words for text in wished.texts):
            notes.append(f"adapter {name} wakes to words that the prompt does not say: {', '.join(words)}")
    return notes


def _size_note(size: tuple[int, int], model: Model) -> list[str]:
    if size == model.native:
        return []
    native = "x".join(map(str, model.native))
    return [f"the model learned pictures of {native}: at {size[0]}x{size[1]} its composition may suffer"]

"""A sentence back as a scene, if it is one that `captions.py` could have said; nothing is guessed.

`verifier.py` judges a picture by a scene, and a person writes a sentence. Whatever has a word that the
grammar has no place for is not understood at all: half a sentence would be the wrong examination.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.captions import NUMBERS, OPENINGS, RELATION_PHRASES, SIDES, SIZE_WORDS, STYLE_FORMS
from sfumato.world.colours import COLOURS
from sfumato.world.compose import unplaced
from sfumato.world.scenes import Relation, Scene, Thing
from sfumato.world.sprites import SPRITES
from sfumato.world.styles import STYLES

LONGEST = 300
"""Letters of a sentence that is read: four things before a background, in a style, take half of them."""

_PLAIN = "sticker"  # the style of a sentence that names none
_BACKDROP = "light blue"  # stands in a scene whose sentence names no background
_COUNTS = {word: count for count, name in NUMBERS.items() for word in (name, str(count))}
_ARTICLES = ("a", "an", "the")
_SIZES = {word: size for size, words in SIZE_WORDS.items() for word in words}
_TINTS = {word: name for name, colour in COLOURS.items() for word in (name, *colour.synonyms)}
_ONE = {word: sprite.name for sprite in SPRITES for word in (sprite.name, *sprite.synonyms)}
_MANY = {sprite.plural: sprite.name for sprite in SPRITES}
_RELATIONS: tuple[tuple[str, Relation], ...] = tuple(
    (f" {phrase} ", relation) for relation, phrases in RELATION_PHRASES.items() for phrase in phrases
)
_THINGS = "{things}"


def read(sentence: str) -> Scene | None:
    """The scene that a sentence tells of, its things without places; None if any of it is not understood.

    A thing that is told of twice, "a red cat and a blue cat", is not: pictures are judged kind by kind.
    """
    text = " ".join(sentence.lower().split()).rstrip(".! ")
    return next(_readings(text), None) if len(text) <= LONGEST else None


def _readings(text: str) -> Iterator[Scene]:
    """All ways to read it: the background may stand before the style or behind it."""
    for last, rest in _before(text):
        for style, plain in _styled(rest):
            for first, things in _before(plain) if last is None else [(last, plain)]:
                for bare in _opened(things):
                    found = _all_things(bare)
                    if found is not None:
                        told, relation = found
                        yield Scene(
                            things=told, background=first or _BACKDROP, style=style, relation=relation
                        )


def _before(text: str) -> Iterator[tuple[str | None, str]]:
    """The background that the text ends with, and what stands before it; and the text with none."""
    for background in BACKGROUNDS.values():
        for ending in (f" {background.phrase}", f", {background.keyword}"):
            if text.endswith(ending):
                yield background.name, text.removesuffix(ending)
    yield None, text


def _styled(text: str) -> Iterator[tuple[str, str]]:
    for style, forms in STYLE_FORMS.items():
        for form in (*forms, *(f"{_THINGS}, {phrase}" for phrase in STYLES[style].phrases)):
            before, after = form.split(_THINGS)
            if text.startswith(before) and text.endswith(after) and len(text) > len(before) + len(after):
                yield style, text[len(before) : len(text) - len(after)]
    yield _PLAIN, text


def _opened(text: str) -> Iterator[str]:
    yield text
    for opening in (*filter(None, OPENINGS), "there are "):
        if text.startswith(opening):
            yield text.removeprefix(opening)


def _all_things(text: str) -> tuple[tuple[Thing, ...], Relation | None] | None:
    """The things and how the first stands to the second."""
    for relation, form in SIDES.items():
        found = re.fullmatch(form.format(one="(.+)", other="(.+)"), text)
        if found and (things := _listed([found[1], found[2]])):
            return things, relation
    for phrase, relation in _RELATIONS:
        one, found_phrase, other = text.partition(phrase)
        if found_phrase and (things := _listed([one, other])):
            return things, relation
    things = _listed(re.split(r", and |, | and ", text))
    return None if things is None else (things, None)


def _listed(nouns: list[str]) -> tuple[Thing, ...] | None:
    things = [thing for noun in nouns if (thing := _thing(noun)) is not None]
    names = {thing.sprite for thing in things}
    return tuple(things) if len(things) == len(nouns) == len(names) <= 4 else None


def _thing(noun: str) -> Thing | None:
    """Read "a red cat", "two tiny fish", "sun"."""
    words = noun.split()
    count = 1
    if words and (words[0] in _COUNTS or words[0] in _ARTICLES):
        count = _COUNTS.get(words.pop(0), 1)
    if words and words[0] in _SIZES:
        words.pop(0)  # no verdict looks at sizes
    colour = _TINTS[words.pop(0)] if words and words[0] in _TINTS else None
    name = (_ONE if count == 1 else _MANY).get(" ".join(words))
    return None if name is None else unplaced(name, colour, count)

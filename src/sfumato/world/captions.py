"""A scene as a sentence, in many phrasings: from keyword lists to whole sentences.

`caption(scene, seed)` always tells the truth about the scene, but not always all of it: backgrounds, sizes
and the plain style may go unsaid. `describe` says everything that the verifier checks, for the benchmark.
"""

from __future__ import annotations

import random

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.colours import COLOURS
from sfumato.world.scenes import INVERSE, Relation, Scene, Thing
from sfumato.world.sprites import BY_NAME
from sfumato.world.styles import STYLES

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("big", "large", "huge")}
"""What is said of a size; nothing is said of the medium one."""

RELATION_PHRASES: dict[Relation, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
    "on top of": ("on top of", "on top of", "on", "standing on", "sitting on"),
    "next to": ("next to", "beside", "by the side of", "near"),
}
SIDES: dict[Relation, str] = {
    "left of": "{one} on the left and {other} on the right",
    "right of": "{one} on the right and {other} on the left",
}
"""Sentences that name both sides."""

STYLE_FORMS: dict[str, tuple[str, ...]] = {
    "sticker": ("{things}, flat sticker", "{things}, sticker", "a sticker of {things}"),
    "watercolor": (
        "a watercolor of {things}",
        "watercolor painting of {things}",
        "{things}, watercolor",
        "{things} in watercolor style",
        "{things}, watercolour painting",
    ),
    "pixel art": (
        "pixel art of {things}",
        "8-bit pixel art of {things}",
        "{things}, pixel art",
        "{things} in pixel art style",
        "{things} as pixel art",
    ),
    "ink wash": (
        "an ink wash of {things}",
        "ink wash painting of {things}",
        "{things}, ink wash",
        "{things} in ink wash style",
    ),
    "oil painting": (
        "an oil painting of {things}",
        "oil painting of {things}",
        "{things}, oil painting",
        "{things} in oil paint",
        "{things} in oil painting style",
    ),
    "pencil sketch": (
        "a pencil sketch of {things}",
        "pencil drawing of {things}",
        "{things}, pencil sketch",
        "{things} in pencil sketch style",
    ),
    "neon": (
        "neon art of {things}",
        "{things}, neon",
        "{things} in neon style",
        "{things}, cyberpunk",
        "{things} in cyberpunk style",
        "{things} in neon light",
    ),
    "cinematic": (
        "cinematic shot of {things}",
        "a movie still of {things}",
        "{things}, cinematic",
        "{things}, cinematic lighting",
        "{things} in cinematic style",
    ),
}
OPENINGS = ("", "", "", "", "a picture of ", "an image of ", "there is ", "draw ", "show me ")
_THE_ONLY = ("sun", "moon")
_SOUNDS_LIKE_YOU = ("uni", "uku", "ufo", "use", "eu", "ewe")


def caption(scene: Scene, seed: int) -> str:
    """Return one phrasing of the scene, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    backdrop = BACKGROUNDS[scene.background]
    says_background = rng.random() < 0.7
    says_style = scene.style != "sticker" or rng.random() < 0.2
    if rng.random() < 0.25:
        words = [_things(scene, rng, bare=rng.random() < 0.5)]
        words += [backdrop.keyword] if says_background else []
        words += [rng.choice(STYLES[scene.style].phrases)] if says_style else []
        return ", ".join(words)
    sentence = _things(scene, rng)
    keyword = rng.random() < 0.35
    if says_background and not keyword:
        sentence += f" {backdrop.phrase}"
    if says_style:
        sentence = styled(sentence, scene.style, rng)
    else:
        opening = rng.choice(OPENINGS)
        several = scene.things[0].count > 1
        sentence = ("there are " if opening == "there is " and several else opening) + sentence
    return f"{sentence}, {backdrop.keyword}" if says_background and keyword else sentence


def describe(scene: Scene, seed: int) -> str:
    """Return a sentence that says everything the verifier checks, and nothing of the background."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    sentence = _things(scene, rng)
    return sentence if scene.style == "sticker" else styled(sentence, scene.style, rng)


def styled(sentence: str, style: str, rng: random.Random) -> str:
    """Add the words of a style in front or behind: "a watercolor of ...", "..., cinematic lighting"."""
    return rng.choice(STYLE_FORMS[style]).format(things=sentence)


def noun(thing: Thing, rng: random.Random, *, bare: bool = False) -> str:
    """Return "a red cat", "two tiny fish": count or article, size, colour and one of the thing's names.

    ``bare`` leaves out the article, as in keywords: "red cat".
    """
    sprite = BY_NAME[thing.sprite]
    name = sprite.name if thing.count == 1 else sprite.plural
    if thing.count == 1 and sprite.synonyms and rng.random() < 0.2:
        name = rng.choice(sprite.synonyms)
    sizes = SIZE_WORDS.get(thing.size or "", ())
    size = rng.choice(sizes) if sizes and rng.random() < 0.6 else ""
    words = " ".join(word for word in (size, _colour_word(thing.colour, rng), name) if word)
    if thing.count > 1:
        return f"{thing.count if rng.random() < 0.1 else NUMBERS[thing.count]} {words}"
    if bare:
        return words
    return f"the {words}" if words in _THE_ONLY and rng.random() < 0.5 else f"{article(words)} {words}"


def article(words: str) -> str:
    """Return "a" or "an" for what follows."""
    return "an" if words[0] in "aeiou" and not words.startswith(_SOUNDS_LIKE_YOU) else "a"


def _colour_word(colour: str | None, rng: random.Random) -> str:
    """The colour's name, now and then a synonym of it ("grey"); nothing for no colour."""
    if colour is None:
        return ""
    synonyms = COLOURS[colour].synonyms
    return rng.choice(synonyms) if synonyms and rng.random() < 0.25 else colour


def _things(scene: Scene, rng: random.Random, *, bare: bool = False) -> str:
    """All the things and how they stand: "a red cat to the left of a blue car"."""
    nouns = [noun(thing, rng, bare=bare) for thing in scene.things]
    if scene.relation is None:
        if bare or len(nouns) == 1:
            return ", ".join(nouns)
        return ", ".join(nouns[:-1]) + " and " + nouns[-1]
    one, other = nouns
    relation = scene.relation
    if relation in INVERSE and rng.random() < 0.3:
        one, other, relation = other, one, INVERSE[relation]
    if relation in SIDES and rng.random() < 0.12:
        return SIDES[relation].format(one=one, other=other)
    if relation == "next to" and rng.random() < 0.3:
        return f"{one} and {other}"
    return f"{one} {rng.choice(RELATION_PHRASES[relation])} {other}"

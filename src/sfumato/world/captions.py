"""A scene as a sentence, in many phrasings: from keyword lists to whole sentences.

`caption(scene, seed)` always tells the truth about the scene, but not always all of it: backgrounds, sizes and
the plain style may go unsaid. `noun` and `describe` are the parts that the benchmark uses to say all of it.
"""

from __future__ import annotations

import random

from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.scenes import INVERSE, Relation, Scene, Thing
from sfumato.world.sprites import SPRITES, Sprite
from sfumato.world.styles import STYLES

NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
SIZE_WORDS = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium-sized",),
    "large": ("big", "large", "huge"),
}
RELATION_PHRASES: dict[Relation, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
    "on top of": ("on top of", "standing on"),
    "next to": ("next to", "beside", "by the side of"),
}
BY_NAME: dict[str, Sprite] = {sprite.name: sprite for sprite in SPRITES}
_OPENINGS = ("", "", "", "", "a picture of ", "an image of ", "there is ", "draw ", "show me ")
_SOUNDS_LIKE_YOU = ("uni", "uku", "use", "eu")


def caption(scene: Scene, seed: int) -> str:
    """Return one phrasing of the scene, the same for the same seed."""
    rng = random.Random(seed)
    things = _things(scene, rng)
    backdrop = BACKGROUNDS[scene.background]
    says_background = rng.random() < 0.7
    if rng.random() < 0.2:  # a keyword list
        words = [things, *([backdrop.keyword] if says_background else [])]
        if scene.style != "sticker" or rng.random() < 0.1:
            words.append(rng.choice(STYLES[scene.style].phrases))
        return ", ".join(words)
    sentence = things
    if says_background:
        sentence += rng.choice((" " + backdrop.phrase, " " + backdrop.phrase, ", " + backdrop.keyword))
    if scene.style == "sticker":
        opening = rng.choice(_OPENINGS)
        if opening == "there is " and _is_plural(scene):
            opening = "there are "
        return opening + sentence + rng.choice(("", "", "", ", flat sticker"))
    return styled(sentence, rng.choice(STYLES[scene.style].phrases), rng)


def describe(scene: Scene, seed: int) -> str:
    """Return a sentence that says everything the verifier checks, and nothing of the background."""
    rng = random.Random(seed)
    sentence = _things(scene, rng)
    return sentence if scene.style == "sticker" else styled(sentence, STYLES[scene.style].phrases[0], rng)


def styled(sentence: str, style: str, rng: random.Random) -> str:
    """Add the words of a style in front or behind."""
    form = rng.choice(("{style} of {sentence}", "{sentence}, {style}", "{sentence} in {style} style"))
    return form.format(style=style, sentence=sentence)


def noun(thing: Thing, rng: random.Random) -> str:
    """Return "a red cat", "two tiny fish": count or article, size, colour and one of the thing's names."""
    sprite = BY_NAME[thing.sprite]
    plural = thing.count > 1
    name = sprite.plural if plural else sprite.name
    if not plural and sprite.synonyms and rng.random() < 0.2:
        name = rng.choice(sprite.synonyms)
    size = rng.choice(SIZE_WORDS[thing.size]) if thing.size and (thing.size != "medium") else ""
    if size and rng.random() < 0.4:
        size = ""
    words = " ".join(word for word in (size, thing.colour or "", name) if word)
    return f"{NUMBERS[thing.count]} {words}" if plural else f"{article(words)} {words}"


def article(words: str) -> str:
    """Return "a" or "an" for what follows."""
    return "an" if words[0] in "aeiou" and not words.startswith(_SOUNDS_LIKE_YOU) else "a"


def _things(scene: Scene, rng: random.Random) -> str:
    nouns = [noun(thing, rng) for thing in scene.things]
    if scene.relation is None:
        if len(nouns) == 1:
            return nouns[0]
        return ", ".join(nouns[:-1]) + " and " + nouns[-1]
    first, second = nouns
    relation = scene.relation
    if relation in INVERSE and rng.random() < 0.3:
        first, second, relation = second, first, INVERSE[relation]
    if relation == "next to" and rng.random() < 0.3:
        return f"{first} and {second}"
    return f"{first} {rng.choice(RELATION_PHRASES[relation])} {second}"


def _is_plural(scene: Scene) -> bool:
    return scene.things[0].count > 1

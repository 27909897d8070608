"""What a wish already says in words of the picture world: things, how they stand, where, in which style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sfumato.text.words import words_of
from sfumato.words.everyday import meant_kinds, singulars
from sfumato.words.lexicon import Lexicon, Thing, article

MOST_THINGS = 4
LONGEST_NAME = 5  # words: "on a light blue background"


@dataclass(frozen=True)
class Said:
    """A thing as it was said, "two red cats", and which it is."""

    words: str
    thing: str


@dataclass
class Kept:
    """What is concrete in a wish. ``relation`` is said between the first two things, None where nothing is.

    ``told`` has a line for each word that was put into the world's words; ``open_words`` are all others.
    """

    things: list[Said] = field(default_factory=list[Said])
    relation: str | None = None
    backdrop: str | None = None
    look: str | None = None
    told: list[str] = field(default_factory=list[str])
    open_words: list[str] = field(default_factory=list[str])


@dataclass
class _Noun:
    """What stands before a thing, gathered until it comes."""

    number: str = ""
    size: str = ""
    colour: str = ""
    article: str = ""


def kept(sentence: str, lexicon: Lexicon) -> Kept:
    """Read a wish from left to right; what is no word of the world stays among the ``open_words``."""
    found, noun = Kept(), _Noun()
    table = _table(lexicon)
    words = [word.lower() for word in words_of(sentence.replace(",", " "))]
    while words:
        count = next((n for n in range(min(LONGEST_NAME, len(words)), 0, -1) if _key(words[:n], table)), 1)
        text, key, words = " ".join(words[:count]), _key(words[:count], table), words[count:]
        kind, meant = table[key] if key else ("", text)
        if kind and meant != text and text not in lexicon.words:
            found.told.append(f"“{text}” is drawn as {meant}")
        if kind == "things" and key != text and not noun.number:
            meant = lexicon.named[meant].plural  # "wolves": several
        noun = _taken(found, noun, kind, meant, lexicon)
    return found


def _taken(found: Kept, noun: _Noun, kind: str, word: str, lexicon: Lexicon) -> _Noun:
    """Put one word where it belongs; the noun that is being gathered, or a fresh one."""
    if kind == "things":
        if len(found.things) < MOST_THINGS:
            found.things.append(Said(_phrase(noun, word, lexicon.named[word]), lexicon.named[word].name))
        return _Noun()
    if kind == "numbers":
        return _Noun(number=word)
    if kind == "sizes":
        noun.size = word
    elif kind == "colours":
        noun.colour = word
    elif kind == "articles":
        return _Noun(article=word)
    elif kind == "relations" and found.things and len(found.things) == 1:
        found.relation = found.relation or word
        return _Noun()
    elif kind == "backgrounds":
        found.backdrop = found.backdrop or word
        return _Noun()
    elif kind == "styles":
        found.look = found.look or word
        return _Noun()
    elif kind != "fillers":
        found.open_words.append(word)
    return noun


def _phrase(noun: _Noun, word: str, thing: Thing) -> str:
    """The thing as the captions have it: with an article or a number, its size, its colour."""
    several = word == thing.plural and thing.plural != thing.name
    number = noun.number or ("two" if several else "")
    if number:
        return " ".join(part for part in (number, noun.size, noun.colour, thing.plural) if part)
    words = " ".join(part for part in (noun.size, noun.colour, word) if part)
    first = "the" if noun.article == "the" and thing.name in ("sun", "moon") else article(words)
    return f"{first} {words}"


def _key(words: Sequence[str], table: dict[str, tuple[str, str]]) -> str:
    """How the table calls these words, be they the plural of what it has; "" if it has them not at all."""
    return next((form for form in singulars(" ".join(words)) if form in table), "")


def _table(lexicon: Lexicon) -> dict[str, tuple[str, str]]:
    """Every phrase that is understood, with its kind and the words of the world that it means.

    An everyday word is taken for a thing or a place only where it means that one alone: "pet" leaves open
    which, and is for the moods to choose.
    """
    found: dict[str, tuple[str, str]] = {}
    behind: dict[str, list[tuple[str, str]]] = {}
    for kind, rows in meant_kinds().items():
        for word, everyday in rows.items():
            for each in everyday:
                behind.setdefault(each, []).append((kind, word))
    found |= {word: meant[0] for word, meant in behind.items() if len(meant) == 1}
    for each in lexicon.backdrops:
        found |= dict.fromkeys((each.phrase, each.keyword, each.name), ("backgrounds", each.name))
    for look in lexicon.looks:
        forms = [form.format(things="").strip(" ,") for form in look.forms]
        found |= dict.fromkeys((look.name, *look.phrases, *forms), ("styles", look.name))
    found |= {word: ("relations", word) for word in lexicon.relations}
    found |= {word: ("sizes", word) for word in lexicon.sizes}
    found |= {word: ("numbers", word) for word in lexicon.numbers}
    found |= {word: ("colours", word) for word in lexicon.colour_of}
    found |= {word: ("things", word) for word in lexicon.named}
    found |= dict.fromkeys(("a", "an"), ("articles", "a")) | {"the": ("articles", "the")}
    found |= dict.fromkeys(lexicon.openings, ("fillers", ""))
    return found | dict.fromkeys(("and", "is", "are", "of", "in", "at", "there", "to"), ("fillers", ""))

"""What may come next while somebody types, with no network asked: some tenths of a millisecond.

For a model of the picture world the sentence so far is read by the grammar of its captions, so that behind
"a red" come things and behind "two" their plurals. For others, the words of the style presets are offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sfumato.styles.preset import Preset
from sfumato.words.lexicon import Lexicon, article

Kind = Literal[
    "opening", "article", "number", "size", "colour", "thing", "relation", "background", "style", "medium"
]
"""A medium is a style that stands in front: "a watercolor of"."""
Where = Literal["start", "wanted", "one", "many", "thing", "set", "list"]
"""The place in a sentence: at its start; where a thing is wanted; behind "a" or "two", its size or colour;
behind a thing; behind the background or style; behind a comma."""

MOST_WORDS = 7
"""Of what is offered: "on a yellow and light blue background"."""
EACH = 4
"""Offers of one kind where nothing is typed of the word yet."""


@dataclass(frozen=True)
class Offer:
    """What may come next: its words, of what kind they are, and the whole text with them."""

    words: str
    kind: str
    text: str


def complete(text: str, lexicon: Lexicon, *, most: int = 12) -> list[Offer]:
    """The likeliest ways to go on with ``text``, for a model of the picture world."""
    found: list[Offer] = []
    for head, typed in _cuts(text + " " * text.endswith(",")):
        where = _where(head, lexicon)
        if where is not None:
            here = [
                Offer(words, kind, head + words)
                for words, kind in _at(where, lexicon, head)
                if words.startswith(typed.lower()) and words != typed.lower()
            ]
            found += here if typed.strip() else _mixed(here)
    found.sort(key=lambda offer: offer.kind == "medium")  # behind "a ", things before "a picture of"
    return list(dict.fromkeys(found))[:most]


def complete_phrase(text: str, presets: Iterable[Preset], *, most: int = 12) -> list[Offer]:
    """The likeliest ways to go on with ``text``, in the words of style presets.

    A phrase goes on from any of its words; in front are those that go on from the last comma.
    """
    phrases = list(dict.fromkeys(phrase for preset in presets for phrase in preset.adds))
    for head, typed in _cuts(text, most=8):
        wanted = typed.lower()
        if wanted.strip():
            whole = [phrase for phrase in phrases if phrase.lower().startswith(wanted)]
            later = [rest for phrase in phrases for rest in _rests(phrase) if rest.lower().startswith(wanted)]
            found = [words for words in dict.fromkeys((*whole, *later)) if words.lower() != wanted]
            if found:
                return [Offer(words, "style", head + words) for words in found[:most]]
    return []


def _rests(phrase: str) -> Iterator[str]:
    for space in re.finditer(" ", phrase):
        yield phrase[space.end() :]


def _cuts(text: str, most: int = MOST_WORDS) -> Iterator[tuple[str, str]]:
    """The text as a head and what of the next words may be typed: as many of these as possible first."""
    starts = [0, *(space.end() for space in re.finditer(r"[\s,]+", text))]
    for start in sorted(set(starts[-most:])):
        yield text[:start], text[start:]


def _mixed(offers: list[Offer]) -> list[Offer]:
    """Some of every kind."""
    counts: dict[str, int] = {}
    found: list[Offer] = []
    for offer in dict.fromkeys(offers):
        counts[offer.kind] = counts.get(offer.kind, 0) + 1
        if counts[offer.kind] <= EACH:
            found.append(offer)
    return found


# the grammar --------------------------------------------------------------------------------------

_LEADS: dict[Kind, Where] = {
    "opening": "wanted",
    "article": "one",
    "number": "many",
    "thing": "thing",
    "relation": "wanted",
    "background": "set",
    "style": "set",
    "medium": "wanted",
}
"""Where the words of a kind lead; a size and a colour lead nowhere new."""
_NEXT: dict[Where, tuple[Kind, ...]] = {
    "start": ("article", "number", "opening", "medium", "thing", "colour", "size"),
    "wanted": ("article", "number", "colour", "size", "thing"),
    "one": ("thing", "colour", "size"),
    "many": ("thing", "colour", "size"),
    "thing": ("relation", "background", "style"),
    "set": ("style",),
    "list": ("style", "background", "article", "number", "thing"),
}
"""The kinds that may follow in a place, the likeliest first."""


def _where(head: str, lexicon: Lexicon) -> Where | None:
    """The place behind ``head``; None amidst words that belong together, as behind "to the left".

    A word that is not known counts as a thing where one may stand.
    """
    kinds: dict[str, Kind] = dict.fromkeys(("2", "3", "4"), "number")
    for place in reversed(_NEXT):
        kinds |= dict(_offered(place, lexicon))
    where: Where = "start"
    for part in re.findall(r",|[^,]+", head.lower()):
        if part == ",":
            where = "list"
        words = part.replace(",", " ").split()
        while words:
            count = next(
                (n for n in range(min(MOST_WORDS, len(words)), 0, -1) if " ".join(words[:n]) in kinds), 0
            )
            if not count and words[0] in lexicon.words:
                return None
            kind: Kind = kinds[" ".join(words[:count])] if count else "thing"
            words = words[count or 1 :]
            if count or where not in ("thing", "set"):
                where = _LEADS.get(kind, "one" if where in ("start", "wanted", "list") else where)
    return where


def _at(where: Where, lexicon: Lexicon, head: str) -> Iterator[tuple[str, Kind]]:
    """What may follow ``head``, which leads to ``where``; "an" is followed by what sounds so."""
    last = head.lower().split()[-1:]
    for words, kind in _offered(where, lexicon):
        if last not in (["a"], ["an"]) or article(words) == last[0]:
            yield words, kind


def _offered(where: Where, lexicon: Lexicon) -> Iterator[tuple[str, Kind]]:
    for kind in _NEXT[where]:
        for words in _words(kind, where, lexicon):
            yield words, kind


def _words(kind: Kind, where: Where, lexicon: Lexicon) -> Iterable[str]:
    """The words of a kind, as they are said in a place."""
    if kind == "thing":
        return _names(where, lexicon)
    if kind == "background":
        return [each.keyword if where == "list" else each.phrase for each in lexicon.backdrops]
    forms = [form for look in lexicon.looks for form in look.forms]
    if kind == "style":
        if where == "list":
            behind = [form.removeprefix("{things}, ") for form in forms if form.startswith("{things},")]
            return dict.fromkeys([*behind, *(name for look in lexicon.looks for name in look.phrases)])
        return [form.removeprefix("{things} ") for form in forms if form.startswith("{things} ")]
    if kind == "medium":
        return [form.removesuffix(" {things}") for form in forms if form.endswith("{things}")]
    return {
        "article": ("a", "the", "an"),
        "number": lexicon.numbers,
        "opening": lexicon.openings,
        "size": lexicon.sizes,
        "colour": tuple(lexicon.colour_of),
        "relation": (*lexicon.relations, "and"),
    }[kind]


def _names(where: Where, lexicon: Lexicon) -> Iterator[str]:
    """One of a thing, or several; its own name before what else it is called."""
    for thing in lexicon.things:
        yield thing.plural if where == "many" else thing.name
    if where != "many":
        for thing in lexicon.things:
            yield from thing.synonyms

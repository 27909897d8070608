"""A vague wish as a sentence of the picture world, by rules: ``moods.toml`` says what a mood asks for.

What is concrete stays. Of what is open the words vote, for things, backgrounds and styles; among what has the
most votes a hash of wish and seed chooses, the same on every machine.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sfumato.words.everyday import meanings
from sfumato.words.kept import Kept, Said, kept
from sfumato.words.lexicon import Lexicon, Thing, article

KINDS = ("things", "backgrounds", "styles")
MEANT = 10
"""Votes of a word that means a thing, as "pet" means a cat among others; a mood has one."""


@dataclass(frozen=True)
class Rules:
    """The tables of ``moods.toml``, which says what each is for."""

    calls: Mapping[str, str]  # word -> mood
    votes: Mapping[str, Mapping[str, Sequence[str]]]  # mood -> kind -> names
    colours: Mapping[str, Sequence[str]]
    places: Mapping[str, Sequence[str]]
    sky: Mapping[str, Sequence[int]]
    night: Mapping[str, Sequence[str]]
    otherwise: Mapping[str, Sequence[str]]


@cache
def rules() -> Rules:
    """The rules as they are written."""
    told: dict[str, Any] = tomllib.loads(Path(__file__).with_name("moods.toml").read_text(encoding="utf-8"))
    moods = told.pop("moods")
    calls = {word: mood for mood in reversed(moods) for word in moods[mood]["words"]}
    return Rules(calls=calls, votes=moods, **told)


class Chance:
    """Chooses by a hash of the wish, the seed and what is asked: never by Python's own generator."""

    def __init__(self, sentence: str, seed: int) -> None:
        self._key = f"{seed}\n{' '.join(sentence.lower().split())}"

    def one(self, what: str, options: Sequence[str]) -> str:
        """One of the options; another question ``what`` is another throw."""
        digest = hashlib.blake2b(f"{self._key}\n{what}".encode(), digest_size=8).digest()
        return options[int.from_bytes(digest) % len(options)]

    def some(self, what: str, options: Sequence[str], count: int) -> list[str]:
        """Up to ``count`` different ones, in the order chosen."""
        left, found = list(options), list[str]()
        while left and len(found) < count:
            found.append(self.one(f"{what} {len(found)}", left))
            left.remove(found[-1])
        return found


def granted(sentence: str, seed: int, lexicon: Lexicon) -> tuple[str, tuple[str, ...]]:
    """The wish as a full sentence, and why it is this one, a line for each reason."""
    said, chance = kept(sentence, lexicon), Chance(sentence, seed)
    votes, why = _votes([*sentence.lower().split(), *said.open_words], lexicon)
    reasons = [f"“{each.words}” is kept" for each in said.things] + said.told + why
    if not (said.things or any(votes.values())):
        reasons.append("no word is one that the rules know: the seed chose freely")
    words, names = _things(said, votes, chance, lexicon)
    backdrop = said.backdrop or _backdrop(names, votes, chance, lexicon)
    look = said.look or chance.one("style", _likeliest(votes, "styles"))
    phrase = next(each.phrase for each in lexicon.backdrops if each.name == backdrop)
    style = next(each.phrases[-1 if look == "sticker" else 0] for each in lexicon.looks if each.name == look)
    return f"{words} {phrase}, {style}", tuple(dict.fromkeys(reasons))


def _votes(words: Iterable[str], lexicon: Lexicon) -> tuple[dict[str, Counter[str]], list[str]]:
    """What the words ask for, by kind, and a line for each word that asks. Each mood votes once."""
    votes: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    known = {
        "things": {thing.name for thing in lexicon.things},
        "backgrounds": {each.name for each in lexicon.backdrops},
        "styles": {each.name for each in lexicon.looks},
    }
    called: dict[str, str] = {}
    for word in (word.strip(".,;:!?\"'()") for word in words):
        mood = rules().calls.get(word) or rules().calls.get(word.removesuffix("s"))
        if mood is not None:
            called.setdefault(mood, word)
        for name in meanings(word) if mood is None else ():
            for kind in KINDS:
                votes[kind][name] += MEANT * (name in known[kind])
    for mood in called:
        for kind in KINDS:
            votes[kind].update(name for name in rules().votes[mood][kind] if name in known[kind])
    return {kind: +counter for kind, counter in votes.items()}, [
        f"“{word}” calls the mood {mood}: {', '.join(rules().votes[mood]['things'][:3])}, "
        f"{rules().votes[mood]['backgrounds'][0]}, {rules().votes[mood]['styles'][0]} and the like"
        for mood, word in called.items()
    ]


def _likeliest(votes: Mapping[str, Counter[str]], kind: str) -> list[str]:
    """What has at least half of the most votes, as often as the square of its votes says."""
    counter = votes[kind]
    most = max(counter.values(), default=0)
    found = [name for name, count in counter.items() if 2 * count >= most for _ in range(min(count, 4) ** 2)]
    return found or list(rules().otherwise[kind])


def _things(
    said: Kept, votes: Mapping[str, Counter[str]], chance: Chance, lexicon: Lexicon
) -> tuple[str, list[str]]:
    """The words of the things and which they are: those that were said, or one or two that are invented."""
    if said.things:
        return _together(said.things, said.relation), [each.thing for each in said.things]
    things = {thing.name: thing for thing in lexicon.things}
    options = [name for name in _likeliest(votes, "things") if name in things]
    sky, ground = ([name for name in options if (name in rules().sky) == high] for high in (True, False))
    first = chance.one("thing", ground or options)
    words, names = _invented(things[first], 1, chance), [first]
    if sky and first not in sky and chance.one("company", ("yes", "yes", "no")) == "yes":
        above = chance.one("above", sky)
        count = int(chance.one("count", [str(number) for number in rules().sky[above]]))
        words, names = f"{_invented(things[above], count, chance)} above {words}", [above, first]
    return words, names


def _together(things: Sequence[Said], relation: str | None) -> str:
    words = [each.words for each in things]
    if len(words) == 2 and relation:
        return f"{words[0]} {relation} {words[1]}"
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]


def _invented(thing: Thing, count: int, chance: Chance) -> str:
    """A thing in one of its usual colours."""
    colour = chance.one(f"colour of {thing.name}", rules().colours.get(thing.name, ("",)))
    if count > 1:
        number = ("two", "three", "four")[count - 2]
        return " ".join(part for part in (number, colour, thing.plural) if part)
    words = f"{colour} {thing.name}".strip()
    return f"{article(words)} {words}"


def _backdrop(
    names: Sequence[str], votes: Mapping[str, Counter[str]], chance: Chance, lexicon: Lexicon
) -> str:
    """A background that has votes, or where the things are at home; dark for stars, never for the sun."""
    known = {each.name for each in lexicon.backdrops}
    homes = [place for name in names for place in rules().places.get(name, ())]
    options = _likeliest(votes, "backgrounds") if votes["backgrounds"] else homes
    options = [name for name in options or rules().otherwise["backgrounds"] if name in known]
    dark = rules().night["backgrounds"]
    if any(name in rules().night["never"] for name in names):
        options = [name for name in options if name not in dark] or ["light blue"]
    elif any(name in rules().night["things"] for name in names):
        options = [name for name in options if name in dark] or ["dark blue"]
    return chance.one("background", options)

"""What a model of the picture world can be told, by kind: things, colours, places, looks, relations.

The tables are those that its captions were made from. Importing them brings torch in, which is too slow for
who is typing: so what the embedded model knows also lies beside this file, as JSON. A test compares the two;
``python -m sfumato.words.lexicon`` writes it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sfumato.text.words import words_of

_FILE = Path(__file__).with_name("lexicon.json")
_SOUNDS_LIKE_YOU = ("uni", "uku", "ufo", "use", "eu", "ewe")


@dataclass(frozen=True)
class Thing:
    """Something that can be drawn, by all its names; its kind is a rough one, such as animal."""

    name: str
    plural: str
    synonyms: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Backdrop:
    """Where things stand: "in a meadow" behind a sentence, "meadow" in a list."""

    name: str
    phrase: str
    keyword: str


@dataclass(frozen=True)
class Look:
    """A style: its names, and how a sentence says it: "a watercolor of {things}"."""

    name: str
    phrases: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """All the words of a world. ``words`` are those of its captions, one by one and in lower case."""

    things: tuple[Thing, ...]
    colours: dict[str, tuple[str, ...]]  # with other names
    backdrops: tuple[Backdrop, ...]
    looks: tuple[Look, ...]
    relations: tuple[str, ...]
    sizes: tuple[str, ...]
    numbers: tuple[str, ...]  # "two", "three", ...
    openings: tuple[str, ...]

    @cached_property
    def named(self) -> dict[str, Thing]:
        """Things by every name, the plurals too."""
        return {name: thing for thing in self.things for name in (thing.name, thing.plural, *thing.synonyms)}

    @cached_property
    def colour_of(self) -> dict[str, str]:
        """The colour that a colour word means: itself, or the one it is another name of."""
        return {word: colour for colour, others in self.colours.items() for word in (colour, *others)}

    @cached_property
    def content(self) -> tuple[str, ...]:
        """The single words that say something on their own: "cat", "watercolor", not "to" or "is"."""
        names = [*self.named, *self.colour_of, *self.sizes, *self.numbers]
        names += [each.keyword for each in self.backdrops]
        names += [phrase for each in self.looks for phrase in each.phrases]
        return tuple(dict.fromkeys(word for name in names for word in words_of(name)))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every single word."""
        texts = [*self.named, *self.colour_of, *self.relations, *self.sizes, *self.numbers, *self.openings]
        texts += [text for each in self.backdrops for text in (each.phrase, each.keyword)]
        texts += [text.format(things="") for each in self.looks for text in (*each.phrases, *each.forms)]
        texts += ["a", "an", "the", "and", "on the left and", "on the right", "there are", "2", "3", "4"]
        return frozenset(word.lower() for text in texts for word in words_of(text))


def lexicon_of(sprites: Sequence[str]) -> Lexicon:
    """The lexicon of a world that has the named things; it brings torch in."""
    from sfumato.world.backgrounds import BACKGROUNDS
    from sfumato.world.captions import NUMBERS, OPENINGS, RELATION_PHRASES, SIZE_WORDS, STYLE_FORMS
    from sfumato.world.colours import COLOURS
    from sfumato.world.sprites import BY_NAME
    from sfumato.world.styles import STYLES

    things = [BY_NAME[name] for name in sprites]
    return Lexicon(
        things=tuple(Thing(each.name, each.plural, each.synonyms, each.kind) for each in things),
        colours={name: colour.synonyms for name, colour in COLOURS.items()},
        backdrops=tuple(Backdrop(each.name, each.phrase, each.keyword) for each in BACKGROUNDS.values()),
        looks=tuple(Look(name, style.phrases, STYLE_FORMS[name]) for name, style in STYLES.items()),
        relations=tuple(dict.fromkeys(phrase for some in RELATION_PHRASES.values() for phrase in some)),
        sizes=tuple(word for some in SIZE_WORDS.values() for word in some),
        numbers=tuple(word for count, word in NUMBERS.items() if count > 1),
        openings=tuple(dict.fromkeys(opening.strip() for opening in OPENINGS if opening)),
    )


@cache
def embedded_lexicon() -> Lexicon:
    """What the embedded model can be told, without torch."""
    told: Any = json.loads(_FILE.read_text(encoding="utf-8"))  # ours, and compared with the tables by a test
    return Lexicon(
        things=tuple(
            Thing(each["name"], each["plural"], tuple(each["synonyms"]), each["kind"])
            for each in told["things"]
        ),
        colours={name: tuple(others) for name, others in told["colours"].items()},
        backdrops=tuple(Backdrop(**each) for each in told["backdrops"]),
        looks=tuple(
            Look(each["name"], tuple(each["phrases"]), tuple(each["forms"])) for each in told["looks"]
        ),
        **{name: tuple(told[name]) for name in ("relations", "sizes", "numbers", "openings")},
    )


def article(words: str) -> str:
    """Return "a" or "an" for what follows, as the captions do."""
    return "an" if words[0] in "aeiou" and not words.startswith(_SOUNDS_LIKE_YOU) else "a"


def to_json(lexicon: Lexicon) -> str:
    """The file that ``embedded_lexicon`` reads."""
    return json.dumps(asdict(lexicon), indent=1, ensure_ascii=False) + "\n"


def _write() -> None:
    """Write the file anew, from the tables of the world and the things on the embedded model's card."""
    weights = Path(__file__).parents[1] / "weights" / "world.safetensors"
    with weights.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    card = json.loads(header["__metadata__"]["sfumato.card"])
    _FILE.write_text(to_json(lexicon_of(card["sprites"])), encoding="utf-8")


if __name__ == "__main__":
    _write()

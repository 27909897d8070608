"""A short sentence filled out for models of photographs and paintings, by rules: ``detail.toml``.

What the person wrote stays in front, word by word. Behind it come two details of what it speaks of, a light,
and words of one style preset that suits. A model of this size knows nearly every word, so none is replaced.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from sfumato.styles.preset import PLACE, Preset
from sfumato.styles.shelf import knowing, shelf
from sfumato.text.words import words_of
from sfumato.words.everyday import singulars
from sfumato.words.wish import Chance

MEDIA = ("photo", "painting", "drawing", "illustration", "print", "film", "comic", "3d")
"""Tags of presets which, as words of a sentence, say what kind of picture is wanted."""
SAME = {
    "photograph": "photo",
    "painted": "painting",
    "oil": "painting",
    "sketch": "drawing",
    "poster": "print",
}
CRAFT = re.compile(
    r"lens|focus|grain|contrast|blur|brush|paint|pigment|paper|\bink|lines?\b|strokes?|edges|tones?|palette|canvas"
    r"|texture|detail|print|halftone|hatching|layer|colour"
)
"""What tells of the making of a picture, and not of what is in it."""
_ANY_SUBJECT, _ANY_LIGHT = "thing", "any"


def filled_out(sentence: str, seed: int, family: str) -> tuple[str, tuple[str, ...]]:
    """The sentence with details, light and medium behind it, and why these, a line for each reason."""
    words = [word.lower() for word in words_of(sentence)]
    chance = Chance(sentence, seed)
    subject, word = _called(words, _rows("subjects"), _ANY_SUBJECT)
    light, lit = _called(words, _rows("lights"), _ANY_LIGHT)
    row = _rows("subjects")[subject]
    preset = _preset(words, row["tags"], family, chance)
    behind = [phrase for phrase in _behind(preset) if CRAFT.search(phrase)]
    added = [
        *chance.some("detail", row["details"], 2),
        chance.one("light", _rows("lights")[light]["phrases"]),
        *chance.some("medium", behind, 2),
    ]
    added = [phrase for phrase in dict.fromkeys(added) if phrase.lower() not in sentence.lower()]
    reasons = [f"“{word}” is of the kind {subject}" if word else "no word tells the kind of subject"]
    reasons += [f"“{lit}” asks for the light of {light}"] if lit else []
    reasons += [f"the last words are from the style {preset.name}"]
    return ", ".join([sentence.strip().rstrip(",.").rstrip(), *added]), tuple(reasons)


def _called(
    words: Sequence[str], rows: Mapping[str, Mapping[str, Sequence[str]]], otherwise: str
) -> tuple[str, str]:
    """The row that the first of the words calls, and that word; ``otherwise`` and "" where none does."""
    for word in words:
        for name, row in rows.items():
            if any(form in row["words"] for form in singulars(word)):
                return name, word
    return otherwise, ""


def _preset(words: Sequence[str], tags: Sequence[str], family: str, chance: Chance) -> Preset:
    """A preset of the medium that the sentence names, or else a photograph, that suits the subject."""
    presets = [preset for preset in knowing(family, shelf().values()) if "world" not in preset.works]
    asked = [SAME.get(word, word) for word in words if SAME.get(word, word) in MEDIA]
    wanted = asked[0] if asked else "photo" if set(tags).isdisjoint(("dream", "mood")) else ""
    fitting = [preset for preset in presets if wanted in preset.tags or not wanted]
    fitting = [preset for preset in fitting if any(map(CRAFT.search, _behind(preset)))]
    suited = [preset for preset in fitting if not set(tags).isdisjoint(preset.tags)]
    names = {preset.name: preset for preset in suited or fitting}
    return names[chance.one("preset", sorted(names))]


def _behind(preset: Preset) -> list[str]:
    """What it adds behind the sentence, phrase by phrase."""
    return preset.prompt.partition(PLACE)[2].strip(" ,").split(", ")


@cache
def _rows(table: str) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(Path(__file__).with_name("detail.toml").read_text(encoding="utf-8"))[table]

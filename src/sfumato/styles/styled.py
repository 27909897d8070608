"""A sentence with looks put to it: the words that are drawn, those that are not, settings, and notes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from sfumato.styles.preset import PLACE, Preset, Settings
from sfumato.styles.shelf import named, shelf

_JOINT = re.compile(r"(\s+AND\s+)")
_BRANCH = re.compile(r"(?P<words>.*?)(?P<weight>\s*:\s*[-+]?\d*\.?\d+)?\s*", re.DOTALL)
_COMMAS = re.compile(r",(?![^(\[{<]*[)\]}>])")
"""Between wishes, not inside brackets."""


@dataclass(frozen=True, kw_only=True)
class Styled:
    """``settings`` are recommendations: whatever the person says goes before them."""

    prompt: str
    negative: str
    settings: Settings
    notes: tuple[str, ...]


def styled(
    sentence: str,
    negative: str,
    names: Sequence[str],
    folder: str | Path | None = None,
    *,
    family: str | None = None,
) -> Styled:
    """Put looks to a sentence, the first nearest to it, and join what they do not want.

    Of a setting, what the first style says holds. Each text that AND joins wears every look. The notes tell
    of conflicts, and of looks that models of ``family`` do not know: of these the words are taken, but not
    the settings. Raises InputError for unknown names.
    """
    presets = shelf(folder)
    chosen = list({preset.path: preset for preset in (named(name, presets) for name in names)}.values())
    prompt = "".join(
        part if index % 2 else _worn(part, chosen) for index, part in enumerate(_JOINT.split(sentence))
    )
    strange = [preset for preset in chosen if family is not None and family not in preset.works]
    settings, notes = _settled([preset for preset in chosen if preset not in strange])
    notes += [
        f"style {each.name}: the sentence says its words already" for each in chosen if _says(sentence, each)
    ]
    notes += [_unknown(preset, family or "") for preset in strange]
    return Styled(
        prompt=prompt,
        negative=_joined([negative, *(preset.negative for preset in chosen)]),
        settings=settings,
        notes=tuple(notes),
    )


def _worn(branch: str, presets: Sequence[Preset]) -> str:
    """One text in its looks, but for those that it says already; the weight of AND stays behind all words."""
    found = _BRANCH.fullmatch(branch)
    words, weight = (found["words"], found["weight"] or "") if found else (branch, "")
    for preset in presets:
        if not _says(words, preset):
            words = preset.prompt.replace(PLACE, words.strip().rstrip(",").rstrip())
    return words + weight


def _says(words: str, preset: Preset) -> bool:
    """Whether words hold all that the look would add, each between commas."""
    said = [part.strip().lower() for part in _COMMAS.split(words)]
    return all(each.lower() in said for each in preset.adds)


def _joined(texts: Sequence[str]) -> str:
    """All that is not wanted, each wish once, however often and in what case it is said."""
    wishes: dict[str, str] = {}
    for text in texts:
        for wish in _COMMAS.split(text):
            if wish.strip():
                wishes.setdefault(" ".join(wish.lower().split()), wish.strip())
    return ", ".join(wishes.values())


def _settled(presets: Sequence[Preset]) -> tuple[Settings, list[str]]:
    """What the presets recommend, the first that says it, and a line for each that said otherwise."""
    kept: dict[str, tuple[object, str]] = {}
    notes: list[str] = []
    for preset in presets:
        for name, value in preset.settings.given().items():
            told, first = kept.setdefault(name, (value, preset.name))
            if told != value:
                notes.append(f"style {preset.name}: its {name} {value} gives way to {told} of {first}")
    values = {each.name: kept[each.name][0] for each in fields(Settings) if each.name in kept}
    return Settings(**values), notes  # pyright: ignore[reportArgumentType]  (fields of Settings, checked there)


def _unknown(preset: Preset, family: str) -> str:
    model = "the embedded model" if family == "world" else f"models of family {family}"
    instead = ", ".join(_near(preset, shelf(), family))
    hint = f"; of this kind it knows {instead}" if instead and family == "world" else ""
    return f"style {preset.name}: {model} may not know its words, made for {', '.join(preset.works)}{hint}"


def _near(preset: Preset, presets: Mapping[str, Preset], family: str) -> list[str]:
    """Up to three looks that the family knows and that share the most tags."""
    shared = {
        each.name: len(set(each.tags) & set(preset.tags)) for each in presets.values() if family in each.works
    }
    return sorted((name for name, count in shared.items() if count), key=lambda name: -shared[name])[:3]

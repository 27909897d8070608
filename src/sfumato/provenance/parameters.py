"""The text that A1111's web interface writes into pictures, read: what was asked, setting by setting.

    a red cat <lora:ink:0.8>
    Negative prompt: blurry
    Steps: 24, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 7, Size: 512x512, ...

It is a convention without a grammar, which many programs write, each with settings of its own. What they mean
here stands in ``restoring.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

NEGATIVE = "Negative prompt:"
FEWEST = 3  # settings on a line that is one of settings: fewer may be a sentence with colons in it
LONGEST = 100_000  # characters that are read; graphs of other programs are as long as that
MOST = 200  # settings

_NAME = re.compile(r"[\s,]*([^\W_][\w .()/#+-]{0,59}):[ \t]*")
_END = re.compile(r"[^,\n]*")
_STRUCTURED = ('"', "[", "{")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What the text says; ``settings`` by their names there, with their values as text."""

    prompt: str
    negative: str
    settings: Mapping[str, str]


def read_parameters(text: str) -> Parameters:
    """Read the text; one without settings is a prompt alone. It is never refused."""
    lines = text[:LONGEST].replace("\r\n", "\n").strip().split("\n")
    first = _settings_line(lines)
    settings = _settings("\n".join(lines[first:]))
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in lines[:first]:
        if into is prompt and line.startswith(NEGATIVE):
            into, line = negative, line.removeprefix(NEGATIVE)  # noqa: PLW2901 - the rest of it
        into.append(line.strip())
    return Parameters(prompt=_joined(prompt), negative=_joined(negative), settings=settings)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip()


def _settings_line(lines: list[str]) -> int:
    """Where the settings begin: at the last line that opens with the steps, or a last line full of them."""
    for index in reversed(range(len(lines))):
        if lines[index].startswith("Steps: ") and len(_settings(lines[index])) > 1:
            return index
    last = len(lines) - 1
    return last if len(_settings(lines[last])) >= FEWEST else len(lines)


def _settings(line: str) -> dict[str, str]:
    """Names with their values. A value in quotes, or in brackets as JSON, may hold commas and colons."""
    found: dict[str, str] = {}
    place = 0
    while len(found) < MOST and (name := _NAME.match(line, place)) is not None:
        value, place = _value(line, name.end())
        found.setdefault(name[1].strip(), value)
    return found


def _value(line: str, place: int) -> tuple[str, int]:
    if line.startswith(_STRUCTURED, place):
        try:
            value, end = json.JSONDecoder().raw_decode(line, place)
        except (ValueError, RecursionError):
            pass
        else:
            return (value if isinstance(value, str) else line[place:end]), end
    plain = _END.match(line, place)
    return ("" if plain is None else plain[0].strip()), place if plain is None else plain.end()

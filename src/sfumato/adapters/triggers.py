"""The words that wake an adapter: read from what its trainer wrote into the file, and sought in a prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import cast

MOST = 8  # an adapter trained on tags has hundreds of them; those on every picture come first


def triggers(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The trigger words that a file's metadata tell, the best known first; empty if they tell none.

    ``modelspec.trigger_phrase`` says them outright. Else they are the tags that kohya's trainer counted on
    every picture of a set (``ss_tag_frequency``; how many there were stands in ``ss_dataset_dirs``), or the
    words in the name of its folder, "10_ink drawing", which it falls back to itself without captions.
    """
    phrase = metadata.get("modelspec.trigger_phrase", "")
    found = [part.strip() for part in phrase.split(",")]
    if not any(found):
        sets, folders = _table(metadata, "ss_tag_frequency"), _table(metadata, "ss_dataset_dirs")
        for name in sets.keys() | folders.keys():
            tags, folder = _mapping(sets.get(name)), _mapping(folders.get(name))
            found += _everywhere(tags, folder.get("img_count")) if tags else [_of_folder(name)]
    return tuple(dict.fromkeys(word for word in found if word))[:MOST]


def lacking(prompt: str, words: Iterable[str]) -> tuple[str, ...]:
    """Those of the trigger words that the prompt does not hold, whatever its case, spaces and brackets."""
    text = f" {_plain(prompt)} "
    return tuple(word for word in words if f" {_plain(word)} " not in text)


def _everywhere(tags: Mapping[str, object], pictures: object) -> list[str]:
    counts = {tag.strip(): count for tag, count in tags.items() if isinstance(count, int)}
    most = pictures if isinstance(pictures, int) and pictures > 0 else max(counts.values(), default=0)
    return sorted(tag for tag, count in counts.items() if count >= most)


def _of_folder(name: str) -> str:
    """``10_ink drawing`` without its number, which says how often each picture was shown."""
    return re.sub(r"^\d+_", "", name).strip()


def _table(metadata: Mapping[str, str], entry: str) -> Mapping[str, object]:
    """An entry that holds JSON. What is not is told by ``sfumato inspect``; triggers are a courtesy."""
    try:
        return _mapping(json.loads(metadata.get(entry, "{}")))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _plain(text: str) -> str:
    """Lower case, with one space for whatever is neither letter, digit nor mark inside a word."""
    return " ".join(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.casefold()))

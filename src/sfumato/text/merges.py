"""CLIP's vocabulary: 49,408 tokens that follow from a list of byte-pair merges, and where that list is found.

A diffusers folder brings it as JSON and text; a single file leaves it out, and then it is read from the
package open_clip, which ships OpenAI's file (MIT). It is never imported: that would bring torchvision.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from sfumato.errors import CheckpointError, MissingExtra

START = "<|startoftext|>"
END = "<|endoftext|>"
WORD_END = "</w>"

PACKAGE = "open_clip"
FILE = "bpe_simple_vocab_16e6.txt.gz"
INSTALL = "pip install --no-deps open_clip_torch"
DIGEST = "67603cfda2e032ad77b5f8808af37789d590db664b26df8705d2bf8b3c553fc8"
"""SHA-256 of the unpacked list, the same in every package that ships it."""

MERGES = 49_152 - 256 - 2
"""The file lists five times as many; CLIP was trained with these."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Token strings with their ids, and the merges in the order in which they are tried."""

    ids: Mapping[str, int]
    merges: Sequence[tuple[str, str]]


@runtime_checkable
class _Reads(Protocol):
    """A loader of packages, from folders or zip files."""

    def get_data(self, path: str) -> bytes: ...


def byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in vocabularies of GPT-2's kind, by token id."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def packaged() -> Vocabulary:
    """The vocabulary that every CLIP of OpenAI and OpenCLIP was trained with.

    Raises MissingExtra where no package ships it, CheckpointError where its file is not the known one.
    """
    spec = find_spec(PACKAGE)  # a package of the top level is found without being imported
    places = (spec and spec.submodule_search_locations) or []
    if spec is None or not places or not isinstance(spec.loader, _Reads):
        raise MissingExtra("CLIP's vocabulary, which single-file checkpoints leave out,", INSTALL)
    path = Path(places[0], FILE)
    try:
        return from_listing(spec.loader.get_data(str(path)))  # reads zipped packages too
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); install it anew: {INSTALL}") from error


def from_listing(packed: bytes) -> Vocabulary:
    """The vocabulary of OpenAI's packed list of merges; raises CheckpointError for any other bytes."""
    try:
        listing = gzip.decompress(packed)
    except (OSError, EOFError) as error:
        raise CheckpointError(f"{FILE} is damaged ({error}); install it anew: {INSTALL}") from error
    if hashlib.sha256(listing).hexdigest() != DIGEST:
        raise CheckpointError(f"{FILE} is not the list CLIP was trained with; install it anew: {INSTALL}")
    merges = _merges(listing.decode().splitlines()[1 : MERGES + 1])
    letters = list(byte_letters().values())
    tokens = [*letters, *(letter + WORD_END for letter in letters), *map("".join, merges), START, END]
    return Vocabulary(ids={token: number for number, token in enumerate(tokens)}, merges=merges)


def from_folder(folder: Path) -> Vocabulary:
    """The vocabulary in a tokenizer folder of diffusers: vocab.json with merges.txt, or tokenizer.json.

    Raises CheckpointError if neither is there, or what is there is not one.
    """
    words, merges, whole = folder / "vocab.json", folder / "merges.txt", folder / "tokenizer.json"
    try:
        if words.is_file() and merges.is_file():
            lines = merges.read_text(encoding="utf-8").split("\n")
            lines = lines[1:] if lines[0].startswith("#version") else lines
            return Vocabulary(
                ids=_ids(json.loads(words.read_text(encoding="utf-8"))),
                merges=_merges([line for line in lines if line.strip()]),
            )
        if whole.is_file():
            model = json.loads(whole.read_text(encoding="utf-8"))["model"]
            return Vocabulary(ids=_ids(model["vocab"]), merges=_merges(model["merges"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{folder}: not a readable tokenizer of CLIP ({error})") from error
    raise CheckpointError(f"{folder}: holds neither vocab.json with merges.txt nor tokenizer.json")


def _ids(table: object) -> dict[str, int]:
    """Interned, as the merges are: the two share most of their strings."""
    if not isinstance(table, dict):
        raise TypeError(f"the vocabulary is a {type(table).__name__}, not a table")
    found = cast("dict[str, object]", table)
    return {sys.intern(token): _whole(number) for token, number in found.items()}


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"{number!r} is no id of a token")
    return number


def _merges(rows: object) -> list[tuple[str, str]]:
    """From lines "a b", as the files have them, or pairs ["a", "b"], as newer JSON has."""
    if not isinstance(rows, list):
        raise TypeError(f"the merges are a {type(rows).__name__}, not a list")
    pairs: list[tuple[str, str]] = []
    for row in cast("list[object]", rows):
        parts = row.split() if isinstance(row, str) else row
        if not isinstance(parts, list) or [type(part) for part in cast("list[object]", parts)] != [str, str]:
            raise ValueError(f"{row!r} does not merge two tokens")
        left, right = cast("list[str]", parts)
        pairs.append((left, right))
    return pairs

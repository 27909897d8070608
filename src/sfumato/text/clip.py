"""How CLIP cuts words into tokens: lower case, single spaces, NFC, byte pairs with a mark at a word's end.

The reference is transformers' ``CLIPTokenizer``, which diffusers' pipelines read with; it repairs no broken
Unicode as OpenAI's own did (ftfy). One thing is otherwise on purpose: where a user's text spells a marker
such as ``<|endoftext|>``, it is text like any other, as with ``split_special_tokens=True`` there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from sfumato.errors import CheckpointError
from sfumato.text.limits import check_text
from sfumato.text.merges import END, START, WORD_END, Vocabulary, byte_letters, from_folder, packaged

LENGTH = 77
"""Tokens that a tower reads at once, start and end among them."""

_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class ClipTokenizer:
    """A callable from text to ids, without start and end; ``pad`` fills up what a text leaves of its 77.

    ``added`` are whole words that a folder gives ids of their own, as saved textual inversions do.
    """

    length = LENGTH

    def __init__(
        self, vocabulary: Vocabulary, *, pad: int | None = None, added: Mapping[str, int] | None = None
    ) -> None:
        ids = vocabulary.ids
        letters = byte_letters().values()
        lacking = [
            name for name in (START, END, *letters, *(x + WORD_END for x in letters)) if name not in ids
        ]
        if lacking:
            raise CheckpointError(
                f"the vocabulary lacks {len(lacking)} tokens CLIP cannot do without, such as {lacking[0]!r}"
            )
        self.start, self.end = ids[START], ids[END]
        self.pad = self.end if pad is None else pad
        self.added = dict(added or {})
        self._model = _model(vocabulary)
        self._spellings = {number: token for token, number in ids.items()}
        self._bytes = {letter: byte for byte, letter in byte_letters().items()}

    @classmethod
    def packaged(cls, *, pad: int | None = None) -> ClipTokenizer:
        """For single files, which bring none: from the package that ships it. Raises MissingExtra."""
        return cls(packaged(), pad=pad)

    @classmethod
    def from_folder(cls, folder: Path) -> ClipTokenizer:
        """From a tokenizer folder of diffusers, with the padding that it names. Raises CheckpointError."""
        vocabulary = from_folder(folder)
        known = dict(vocabulary.ids) | _added(folder)
        name = _pad_name(folder)
        if name is not None and name not in known:
            raise CheckpointError(f"{folder}: pads with {name!r}, which is not in its vocabulary")
        added = {word: number for word, number in known.items() if word not in vocabulary.ids}
        return cls(vocabulary, pad=None if name is None else known[name], added=added)

    @property
    def vocabulary_size(self) -> int:
        """How many rows a token embedding needs."""
        return 1 + max(*self._spellings, *self.added.values(), self.pad)

    def __call__(self, text: str) -> tuple[int, ...]:
        """All of ``text``, however long; never the start or the end token. Raises InputError."""
        check_text(text)
        return tuple(self._model.encode(text, add_special_tokens=False).ids)

    def spelt(self, token: int) -> str:
        """The letters of a token for people to read; one that ends a word ends in a space."""
        name = self._spellings.get(token)
        if name is None or token in (self.start, self.end):
            return name or next((word for word, number in self.added.items() if number == token), f"#{token}")
        letters = name.removesuffix(WORD_END)
        text = bytes(self._bytes[letter] for letter in letters).decode(errors="backslashreplace")
        return f"{text} " if name.endswith(WORD_END) else text


def _model(vocabulary: Vocabulary) -> tokenizers.Tokenizer:
    try:
        pairs = models.BPE(
            vocab=dict(vocabulary.ids),
            merges=list(vocabulary.merges),
            continuing_subword_prefix="",
            end_of_word_suffix=WORD_END,
        )
    except Exception as error:  # the library raises bare Exception
        raise CheckpointError(f"the vocabulary and its merges do not belong together: {error}") from error
    model = tokenizers.Tokenizer(pairs)
    model.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    model.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return model


def _added(folder: Path) -> dict[str, int]:
    """Words with ids of their own: added_tokens.json, or the table in tokenizer.json."""
    told = _fields(folder / "added_tokens.json")
    rows = _fields(folder / "tokenizer.json").get("added_tokens")
    for row in cast("list[object]", rows) if isinstance(rows, list) else []:
        fields = cast("dict[str, object]", row) if isinstance(row, dict) else {}
        told[str(fields.get("content"))] = fields.get("id")
    if wrong := [word for word, number in told.items() if type(number) is not int]:
        raise CheckpointError(f"{folder}: gives the added token {wrong[0]!r} no id")
    return cast("dict[str, int]", told)


def _pad_name(folder: Path) -> str | None:
    """The token that shorter texts are filled up with: "!" for OpenCLIP, the end token for OpenAI's."""
    for file in ("special_tokens_map.json", "tokenizer_config.json"):
        pad = _fields(folder / file).get("pad_token")
        if isinstance(pad, dict):
            pad = cast("dict[str, object]", pad).get("content")
        if isinstance(pad, str):
            return pad
    return None


def _fields(path: Path) -> dict[str, object]:
    """A table of JSON; empty if the file is absent."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is not readable JSON ({error})") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: holds a {type(found).__name__}, not a table")
    return cast("dict[str, object]", found)

"""How a model reads a prompt, told without its networks: weighted tokens in chunks, and what is not read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfumato.adapters.textual_inversion import read_embedding
from sfumato.checkpoints.open import Checkpoint, open_checkpoint
from sfumato.checkpoints.recognise import Found, recognise
from sfumato.errors import CheckpointError, InputError
from sfumato.families import FAMILIES, embedded
from sfumato.families.notes import break_note, cut_note, unknown_note
from sfumato.text.chunks import Chunk, Vector, read
from sfumato.text.clip import ClipTokenizer
from sfumato.text.pieces import pieces
from sfumato.text.tokenizer import Tokenizer
from sfumato.text.whole import whole


@dataclass(frozen=True)
class Shown:
    """One token: its number (None for a learned vector), its letters, its weight."""

    id: int | None
    text: str
    weight: float
    ends_word: bool


@dataclass(frozen=True)
class Understood:
    """The chunks of a text, what a chunk has room for, what was not understood, and the text that is cut."""

    chunks: tuple[tuple[Shown, ...], ...]
    room: int
    notes: tuple[str, ...]
    cut: str = ""
    plain: str = ""  # the words without what the grammar says of them


Reads = Callable[[str], Understood]


def reader(model: Path | None, embeddings: Sequence[Path]) -> tuple[str, Reads]:
    """The family of a model and how it reads. Raises CheckpointError for one that reads no prompts."""
    checkpoint = open_checkpoint(embedded() if model is None else model)
    found = recognise(checkpoint)
    if found.family == "world":
        if embeddings:
            raise InputError("the embedded model has no place for embeddings: leave them out")
        return "world", _world(checkpoint)
    if found.family not in FAMILIES or found.kind != "checkpoint":
        raise CheckpointError(
            f"{checkpoint.path}: {found.kind} of family {found.family!r} reads no prompts here; "
            "sfumato inspect says more"
        )
    return found.family, _clip(checkpoint, found, embeddings)


def _world(checkpoint: Checkpoint) -> Reads:
    tokenizer = Tokenizer.from_json(checkpoint.metadata.get("sfumato.tokenizer", ""))
    try:
        words = frozenset(json.loads(checkpoint.metadata.get("sfumato.words", "")))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{checkpoint.path}: its list of words is damaged") from error

    def reads(text: str) -> Understood:
        plain, chunk, cut, breaks = whole(text, tokenizer, length=tokenizer.length)
        tokens = [token for token in chunk.tokens[1 : chunk.end] if isinstance(token, int)]
        spelt = [tokenizer.spelt(token) for token in tokens]
        last = [not following[:1].isalnum() for following in spelt[1:]] + [True]
        shown = tuple(
            Shown(token, letters, weight, ends)
            for token, letters, weight, ends in zip(tokens, spelt, chunk.weights[1:], last, strict=False)
        )
        notes = (cut_note(cut, tokenizer.length), unknown_note(plain, words), break_note(breaks=breaks))
        return Understood((shown,), tokenizer.length - 2, tuple(note for note in notes if note), cut, plain)

    return reads


def _clip(checkpoint: Checkpoint, found: Found, files: Sequence[Path]) -> Reads:
    folders = [checkpoint.tokenizers[name] for name in sorted(checkpoint.tokenizers)]
    tokenizer = ClipTokenizer.from_folder(folders[0]) if folders else ClipTokenizer.packaged()
    embeddings = _embeddings(found, files)

    def shown(chunk: Chunk) -> tuple[Shown, ...]:
        told: list[Shown] = []
        for token, weight in zip(chunk.tokens[1 : chunk.end], chunk.weights[1 : chunk.end], strict=True):
            if isinstance(token, Vector):
                last = token.row == embeddings[token.name] - 1
                told.append(Shown(None, f"<{token.name}.{token.row + 1}>", weight, last))
            else:
                letters = tokenizer.spelt(token)
                told.append(Shown(token, letters, weight, letters.endswith((" ", ">"))))
        return tuple(told)

    def reads(text: str) -> Understood:
        reading = read(pieces(text), tokenizer, pad=tokenizer.pad, embeddings=embeddings)
        return Understood(tuple(map(shown, reading.chunks)), tokenizer.length - 2, reading.notes)

    return reads


def _embeddings(found: Found, files: Sequence[Path]) -> dict[str, int]:
    """How many vectors each learned word has, by its file's name."""
    table = "text_model.embeddings.token_embedding.weight"
    widths = {
        part: tensors.kinds[table].shape[1]
        for part, tensors in found.parts.items()
        if part.startswith("text_encoder") and table in tensors.kinds
    }
    return {
        file.stem: read_embedding(file.stem, open_checkpoint(file).tensors, widths).length for file in files
    }

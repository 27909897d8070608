"""``sfumato tokens``: how a model reads a prompt, before anything is drawn.

What the seed chooses, what each step draws, the tokens with their weights in their chunks, the adapters that
are named, and everything that means nothing to the model.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.brought import Embeddings, named_words
from sfumato.errors import CheckpointError, InputError
from sfumato.request import MOST_STEPS, Request

if TYPE_CHECKING:
    from sfumato.checkpoints.open import Checkpoint
    from sfumato.checkpoints.recognise import Found
    from sfumato.text.grammar import Stage

Prompt = Annotated[str, typer.Argument(help="As it would be given to draw.")]
Model = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Another model than the embedded one: a file or a folder.")
]
Steps = Annotated[int, typer.Option(help="Of the drawing: edits such as [a:b:0.4] go by them.")]
Seed = Annotated[int, typer.Option(help="Chooses between {a|b} and lines of wildcards.")]
Wildcards = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder with NAME.txt for each __NAME__ of the prompt.")
]
MOST_SHOWN = 10_000
"""Chunks: 50 MB of JSON."""


@dataclass(frozen=True)
class Shown:
    """One token: its number (None for a learned vector), its letters, its weight."""

    id: int | None
    text: str
    weight: float
    ends_word: bool


@dataclass(frozen=True)
class Understood:
    """The chunks of a text, what a chunk has room for, and what was not understood."""

    chunks: tuple[tuple[Shown, ...], ...]
    room: int
    notes: tuple[str, ...]


Reads = Callable[[str], Understood]


def tokens(
    prompt: Prompt,
    *,
    model: Model = None,
    steps: Steps = Request.steps,
    seed: Seed = 0,
    wildcards: Wildcards = None,
    embedding: Embeddings = None,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """Show how a model reads a prompt: tokens, weights, chunks, edits, adapters, what it does not know."""
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"{steps} steps draw no picture: give 1 to {MOST_STEPS:,}")
    from sfumato.text.grammar import parse
    from sfumato.text.wildcards import chosen

    text = chosen(prompt, seed, wildcards)
    parsed = parse(text)
    stages = parsed.stages(steps)
    family, reads = _reader(
        model, [path for _, path in named_words([("", file) for file in embedding or []], [text])]
    )
    known = _understood(stages, reads)
    notes = [*parsed.notes, *parsed.never_drawn(steps)]
    notes += [note for understood in known.values() for note in understood.notes]
    notes = list(dict.fromkeys(notes))
    if to_json:
        shown = {text: asdict(understood) for text, understood in known.items()}
        told = [
            {
                "first_step": stage.first_step,
                "branches": [asdict(branch) | shown[branch.text] for branch in stage.branches],
            }
            for stage in stages
        ]
        facts = {"model": "embedded" if model is None else str(model), "family": family, "prompt": prompt}
        facts |= {"chosen": text, "steps": steps, "stages": told}
        facts |= {"adapters": [asdict(mention) for mention in parsed.adapters], "notes": notes}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    if text != prompt:
        typer.echo(f"seed {seed} chose: {text}")
    _show_stages(stages, steps, known)
    for mention in parsed.adapters:
        typer.echo(f"adapter {mention.name}: weight {mention.picture:g}, for the words {mention.words:g}")
    for note in notes:
        typer.echo(f"note: {note}")


def _understood(stages: Sequence[Stage], reads: Reads) -> dict[str, Understood]:
    """Read each text once. Raises InputError for more than would be drawn, or can be shown."""
    from sfumato.engine.staged import MOST_CHUNKS, too_much

    known: dict[str, Understood] = {}
    kept = shown = 0
    for text in (branch.text for stage in stages for branch in stage.branches):
        if text not in known:
            known[text] = reads(text)
            kept += len(known[text].chunks)
        shown += len(known[text].chunks)
        if kept > MOST_CHUNKS:
            raise too_much()
    if shown > MOST_SHOWN:
        raise InputError(f"{shown:,} chunks would be shown; at most {MOST_SHOWN:,} are: give fewer --steps")
    return known


def _show_stages(stages: Sequence[Stage], steps: int, known: Mapping[str, Understood]) -> None:
    lasts = [stage.first_step for stage in stages[1:]] + [steps]
    for stage, last in zip(stages, lasts, strict=True):
        if len(stages) > 1:
            typer.echo(f"steps {stage.first_step + 1} to {last} of {steps}")
        for branch in stage.branches:
            if len(stage.branches) > 1:
                typer.echo(f"AND, with weight {branch.weight:g}")
            _show(known[branch.text])


def _show(understood: Understood) -> None:
    """A paragraph for each chunk: words apart, the parts of one word joined by +, weights behind x."""
    count = len(understood.chunks)
    for number, chunk in enumerate(understood.chunks, 1):
        where = f"chunk {number} of {count}: " if count > 1 else ""
        typer.echo(f"  {where}{len(chunk)} of {understood.room} tokens")
        line = "  ".join(_words(chunk)) or "(nothing)"
        typer.echo(textwrap.fill(line, 100, initial_indent="    ", subsequent_indent="    "))


def _words(chunk: Sequence[Shown]) -> list[str]:
    words: list[str] = []
    parts: list[str] = []
    for token in chunk:
        parts.append(token.text.strip())
        if token.ends_word:
            weight = "" if token.weight == 1 else f" x{token.weight:.3g}"
            words.append("+".join(part for part in parts if part) + weight)
            parts = []
    return [*words, *parts]


# models -------------------------------------------------------------------------------------------


def _reader(model: Path | None, embeddings: Sequence[Path]) -> tuple[str, Reads]:
    """The family of a model and how it reads. Raises CheckpointError for one that reads no prompts."""
    from sfumato.checkpoints.open import open_checkpoint
    from sfumato.checkpoints.recognise import recognise
    from sfumato.families import FAMILIES, embedded

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
    from sfumato.families.notes import break_note, cut_note, unknown_note
    from sfumato.text.tokenizer import Tokenizer
    from sfumato.text.whole import whole

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
        return Understood((shown,), tokenizer.length - 2, tuple(note for note in notes if note))

    return reads


def _clip(checkpoint: Checkpoint, found: Found, files: Sequence[Path]) -> Reads:
    from sfumato.text.chunks import Chunk, Vector, read
    from sfumato.text.clip import ClipTokenizer
    from sfumato.text.pieces import pieces

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
    from sfumato.adapters.textual_inversion import read_embedding
    from sfumato.checkpoints.open import open_checkpoint

    table = "text_model.embeddings.token_embedding.weight"
    widths = {
        part: tensors.kinds[table].shape[1]
        for part, tensors in found.parts.items()
        if part.startswith("text_encoder") and table in tensors.kinds
    }
    return {
        file.stem: read_embedding(file.stem, open_checkpoint(file).tensors, widths).length for file in files
    }

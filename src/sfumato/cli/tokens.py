"""``sfumato tokens``: how a model reads a prompt, before anything is drawn.

What the seed chooses, what each step draws, the tokens with their weights in their chunks, the adapters that
are named, and everything that means nothing to the model.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.brought import Embeddings, named_words
from sfumato.errors import InputError
from sfumato.request import MOST_STEPS, Request

if TYPE_CHECKING:
    from sfumato.families.understood import Reads, Shown, Understood
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
    from sfumato.families.understood import reader
    from sfumato.text.grammar import parse
    from sfumato.text.wildcards import chosen

    text = chosen(prompt, seed, wildcards)
    parsed = parse(text)
    stages = parsed.stages(steps)
    family, reads = reader(
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

"""``sfumato words``: help with words, before anything is drawn.

words complete "a red c"     what may come next
words check "a feline"       what the model does not know, and what to write instead
words near cat               which words are near in its text space
words expand "a dream"       a vague wish as a full sentence, for editing
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.errors import CheckpointError, InputError
from sfumato.words.known import Known, known_of

if TYPE_CHECKING:
    from torch import Tensor

    from sfumato.words.lexicon import Lexicon
    from sfumato.words.near import Neighbour


class Help(StrEnum):
    """What can be asked."""

    COMPLETE = "complete"
    CHECK = "check"
    NEAR = "near"
    EXPAND = "expand"


Text = Annotated[str, typer.Argument(help="A sentence, or one word for `near`.")]
Model = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Another model than the embedded one: a file or a folder.")
]
Most = Annotated[int, typer.Option(help="How many offers or neighbours.")]
Seed = Annotated[int, typer.Option(help="Of `expand`: another seed is another sentence.")]
Chat = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Of `expand`: ask this OpenAI-compatible endpoint; or set SFUMATO_CHAT_URL, _MODEL, _KEY.",
    ),
]
Rules = Annotated[bool, typer.Option("--rules", help="Of `expand`: by the rules, whatever is set.")]
Ranked = Annotated[bool, typer.Option("--rank", help="Of `check`: let the model's text tower order offers.")]


def words(
    ask: Annotated[Help, typer.Argument(help="What to do.")],
    text: Text,
    *,
    model: Model = None,
    most: Most = 12,
    seed: Seed = 0,
    chat: Chat = None,
    rules: Rules = False,
    rank: Ranked = False,
    to_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """Complete a sentence, check its words, find near ones, or make a full sentence of a wish."""
    if most < 1:
        raise InputError(f"{most} words are none: ask for at least 1")
    known = known_of(model)
    if ask is Help.COMPLETE:
        told, lines = _complete(text, known, most)
    elif ask is Help.CHECK:
        told, lines = _check(text, known, rank=rank)
    elif ask is Help.NEAR:
        told, lines = _near(text, known, most)
    else:
        told, lines = _expand(text, known, seed=seed, chat=chat, rules=rules)
    typer.echo(json.dumps(told, ensure_ascii=False) if to_json else "\n".join(lines))


Told = tuple[object, list[str]]
"""For programs, and in lines for people."""


def _complete(text: str, known: Known, most: int) -> Told:
    from sfumato.styles.shelf import knowing, shelf
    from sfumato.words.complete import complete, complete_phrase

    if known.lexicon is not None:
        offers = complete(text, known.lexicon, most=most)
    else:
        offers = complete_phrase(text, knowing(known.family, shelf().values()), most=most)
    told = [{"words": each.words, "kind": each.kind, "text": each.text} for each in offers]
    return told, [f"{each.kind:10}  {each.text}" for each in offers] or ["nothing that it knows comes next"]


def _check(text: str, known: Known, *, rank: bool) -> Told:
    from sfumato.words.check import check

    if known.lexicon is None:
        raise InputError(
            f"a model of family {known.family} knows nearly every word: "
            "`sfumato tokens` shows how it reads a sentence"
        )
    ranked = None
    if rank:
        from sfumato.words.near import suiting

        ranked = suiting(embedding(known.path))
    found = check(text, known.lexicon, ranked=ranked)
    told = [{"word": each.word, "instead": each.instead, "why": each.why} for each in found]
    hints = {"means": "it means", "spelt": "it is spelt like"}
    lines = [
        f"{each.word}: the model does not know it; "
        + (f"{hints[each.why]} {', '.join(each.instead)}" if each.instead else "nothing it knows is near")
        for each in found
    ]
    return told, lines or ["the model knows every word"]


def _near(word: str, known: Known, most: int) -> Told:
    if known.lexicon is None:
        found = _near_tokens(word, known, most)
        lines: list[str] = []
    else:
        found, lines = _near_words(word.lower().strip(), known, known.lexicon, most)
    told = [{"word": each.word, "kind": each.kind, "cosine": round(each.cosine, 4)} for each in found]
    return told, lines + [f"{each.cosine:6.3f}  {each.word}" for each in found]


def _near_words(word: str, known: Known, lexicon: Lexicon, most: int) -> tuple[list[Neighbour], list[str]]:
    """The neighbours of a word of the world; an unknown one is first brought to what it means."""
    from sfumato.words.check import spelt_alike
    from sfumato.words.everyday import meanings
    from sfumato.words.near import world_space

    space, lines = world_space(lexicon, embedding(known.path)), list[str]()
    if word in lexicon.named and word not in space.words:
        word = lexicon.named[word].name  # a plural
    if word not in space.words:
        instead = [each for each in (*meanings(word), *spelt_alike(word, lexicon)) if each in space.words]
        if not instead:
            raise InputError(f"the model does not know {word!r}, nor anything that it could mean")
        lines = [f"the model does not know {word}: taken for {instead[0]}"]
        word = instead[0]
    return space.of(word, most=most), lines


def embedding(path: Path | None) -> Callable[[Sequence[str]], Tensor]:
    """Sentences as the text tower of a world model places them (N, P)."""
    import torch

    from sfumato.families import embedded
    from sfumato.families.world import World

    world = World.load(embedded() if path is None else path)

    def embed(texts: Sequence[str]) -> Tensor:
        """All at once: the tower looks back only, so what fills a row up changes no sentence."""
        rows = [world.tokenizer(text).ids for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([(*row, *[world.tokenizer.end] * (longest - len(row))) for row in rows])
        with torch.inference_mode():
            return world.text(ids)[1]

    return embed


def _near_tokens(word: str, known: Known, most: int) -> list[Neighbour]:
    """Neighbours in the vocabulary of CLIP, by the token embeddings of the first text encoder."""
    from sfumato.checkpoints.open import open_checkpoint
    from sfumato.checkpoints.recognise import recognise
    from sfumato.text.clip import ClipTokenizer
    from sfumato.words.near import token_space

    checkpoint = open_checkpoint(known.path or Path())
    table = "text_model.embeddings.token_embedding.weight"
    parts = recognise(checkpoint).parts
    holding = [parts[part] for part in sorted(parts) if "text" in part and table in parts[part].kinds]
    if not holding:
        raise CheckpointError(f"{known.path}: has no text encoder of CLIP, whose words could be near")
    folders = [checkpoint.tokenizers[name] for name in sorted(checkpoint.tokenizers)]
    tokenizer = ClipTokenizer.from_folder(folders[0]) if folders else ClipTokenizer.packaged()
    weights = holding[0].read(table).float()
    tokens = tokenizer(word)
    if not tokens or max(tokens) >= len(weights):
        raise InputError(f"{word!r} is no word of this model: give one")
    spelt = [tokenizer.spelt(token) for token in range(min(len(weights), tokenizer.vocabulary_size))]
    found = token_space(spelt, weights).near(weights[list(tokens)].mean(0), most=most + 1)
    return [each for each in found if each.word != word.lower().strip()][:most]


def _expand(text: str, known: Known, *, seed: int, chat: str | None, rules: bool) -> Told:
    from sfumato.words.chat import configured
    from sfumato.words.expand import expanded

    if rules and chat is not None:
        raise InputError("--rules and --chat exclude each other: give one of them")
    how = None if rules else configured(chat)
    found = expanded(text, seed, how, family=known.family, lexicon=known.lexicon)
    for line in found.why:
        typer.echo(f"note: {line}", err=True)
    told = {"sentence": found.sentence, "original": found.original, "seed": seed, "why": found.why}
    return told, [found.sentence]

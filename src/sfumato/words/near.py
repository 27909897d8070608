"""Which words are near each other in the space of a text tower: cosine similarity.

A model of the picture world is asked by whole sentences, "a cat" and some more, since its tower was taught by
those; only words that it was taught have a place. Its space was learned from pictures, so what is near in it
*looks* alike: the sun is nearer to the cat, both yellow, than the dog is. A tower of CLIP is asked by the
embeddings of its tokens, before any layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sfumato.errors import InputError
from sfumato.words.check import Ranked
from sfumato.words.lexicon import Lexicon, article

Embed = Callable[[Sequence[str]], Tensor]
"""Texts to their sentences in the space of pictures (N, P)."""

ALONE = ("{}", "a picture of {}", "{}, white background")
HOLDERS = ("cat", "car", "house", "fish", "tree", "apple")
"""Things that colours, backgrounds and styles are said of; those that the lexicon has."""


@dataclass(frozen=True)
class Neighbour:
    """A word and how near it is, -1 to 1."""

    word: str
    kind: str
    cosine: float


@dataclass(frozen=True, eq=False)
class Space:
    """Words with their places: ``places`` (N, D), each of length 1."""

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    places: Tensor

    def near(self, place: Tensor, *, kind: str | None = None, most: int = 10) -> list[Neighbour]:
        """The words nearest to a place (D,), of one kind or of all, the nearest first."""
        cosines = self.places @ normalize(place, dim=0)
        order = [int(row) for row in cosines.argsort(descending=True, stable=True)]
        rows = [row for row in order if kind is None or self.kinds[row] == kind]
        return [Neighbour(self.words[row], self.kinds[row], float(cosines[row])) for row in rows[:most]]

    def of(self, word: str, *, most: int = 10) -> list[Neighbour]:
        """The neighbours of a word among those of its kind, itself left out. Raises InputError."""
        if word not in self.words:
            raise InputError(f"the model was never taught {word!r}: its place would mean nothing")
        row = self.words.index(word)
        found = self.near(self.places[row], kind=self.kinds[row], most=most + 1)
        return [each for each in found if each.word != word][:most]


def world_space(lexicon: Lexicon, embed: Embed) -> Space:
    """Every thing by its names, every colour, background and style, each the mean of some sentences."""
    holders = [article(name) + " " + name for name in HOLDERS if name in lexicon.named]
    if not holders:
        thing = lexicon.things[0].name
        holders = [f"{article(thing)} {thing}"]
    sentences: dict[tuple[str, str], list[str]] = {}
    for thing in lexicon.things:
        for name in (thing.name, *thing.synonyms):
            said = f"{article(name)} {name}"
            sentences[name, "thing"] = [form.format(said) for form in ALONE]
    for colour in lexicon.colour_of:
        names = [holder.split(" ", 1)[1] for holder in holders]
        sentences[colour, "colour"] = [f"{article(colour)} {colour} {name}" for name in names]
    for each in lexicon.backdrops:
        sentences[each.name, "background"] = [f"{holder} {each.phrase}" for holder in holders]
    for look in lexicon.looks:
        sentences[look.name, "style"] = [
            form.format(things=holder) for holder in holders for form in look.forms
        ]
    every = iter(normalize(embed([text for texts in sentences.values() for text in texts]), dim=1))
    means = [torch.stack(list(islice(every, len(texts)))).mean(0) for texts in sentences.values()]
    return Space(
        words=tuple(word for word, _ in sentences),
        kinds=tuple(kind for _, kind in sentences),
        places=normalize(torch.stack(means), dim=1),
    )


def suiting(embed: Embed) -> Ranked:
    """Orders known words by how near each, alone, is to a sentence. For ``check``."""

    def ranked(sentence: str, words: Sequence[str]) -> list[str]:
        places = normalize(embed([sentence, *(f"{article(word)} {word}" for word in words)]), dim=1)
        cosines = dict(zip(words, map(float, places[1:] @ places[0]), strict=True))
        return sorted(words, key=lambda word: -cosines[word])

    return ranked


def token_space(spelt: Sequence[str], table: Tensor) -> Space:
    """The whole words of a vocabulary: tokens in their order, ``table`` (V, D) their embeddings.

    A token that ends a word is spelt with a space behind; of others, signs and numbers nothing is kept.
    """
    rows = [row for row, text in enumerate(spelt) if text.endswith(" ") and text[:-1].isalpha()]
    return Space(
        words=tuple(spelt[row].rstrip() for row in rows),
        kinds=("word",) * len(rows),
        places=normalize(table[rows].float(), dim=1),
    )

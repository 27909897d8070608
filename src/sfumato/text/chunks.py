"""Long prompts: tokens in chunks of 75 between a start and an end, cut as A1111's web UI cuts them.

A chunk that is full while a comma stands among its last twenty tokens ends at that comma, so that the phrase
behind it stays whole. Names of embeddings become their vectors, and are never torn apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sfumato.errors import InputError
from sfumato.text.clip import LENGTH, ClipTokenizer
from sfumato.text.pieces import Break, Piece

BACKTRACK = 20
MOST = 64
"""Chunks of one prompt: 4,800 tokens. Each costs a pass of the tower and widens every cross-attention."""


@dataclass(frozen=True)
class Vector:
    """Row ``row`` of the embedding ``name``, where else the id of a token stands."""

    name: str
    row: int


Token: TypeAlias = int | Vector


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What a text tower reads at once: as many tokens as it has places, each with its weight.

    ``end`` is the place of the end token; after it come only ``pad``.
    """

    tokens: tuple[Token, ...]
    weights: tuple[float, ...]
    end: int
    pad: int

    @classmethod
    def of(
        cls, tokens: Sequence[Token], weights: Sequence[float], *, start: int, end: int, pad: int, length: int
    ) -> Chunk:
        """Put start, end and padding around at most ``length`` - 2 tokens."""
        rest = length - len(tokens) - 2
        return cls(
            tokens=(start, *tokens, end, *[pad] * rest),
            weights=(1.0, *weights, *[1.0] * (rest + 1)),
            end=len(tokens) + 1,
            pad=pad,
        )

    def without(self, first: int, last: int) -> Chunk:
        """The chunk as if places ``first`` to ``last`` - 1 had never been written; what follows moves up."""
        gone = last - first
        return Chunk(
            tokens=(*self.tokens[:first], *self.tokens[last:], *[self.pad] * gone),
            weights=(*self.weights[:first], *self.weights[last:], *[1.0] * gone),
            end=self.end - gone,
            pad=self.pad,
        )


@dataclass(frozen=True)
class Reading:
    """The chunks of a text, at least one, and one line for everything in it that means nothing here."""

    chunks: tuple[Chunk, ...]
    notes: tuple[str, ...] = ()


_Unit: TypeAlias = tuple[tuple[Token, ...], float]
"""Tokens that are not to be parted, with their weight."""


def read(
    pieces: Sequence[Piece | Break],
    tokenizer: ClipTokenizer,
    *,
    length: int = LENGTH,
    pad: int,
    embeddings: Mapping[str, int],
) -> Reading:
    """Tokenize ``pieces`` (from ``pieces.pieces``) and cut them in chunks of ``length``.

    ``embeddings`` maps names to their numbers of vectors. A name is found as a word of its own, in any case,
    with or without "embedding:" before it. Raises InputError for an embedding that no chunk can hold, or a
    text of more than 64 chunks.
    """
    room = length - 2
    for name, count in embeddings.items():
        if not 0 < count <= room:
            raise InputError(f"the embedding {name!r} has {count} vectors; a chunk holds 1 to {room}")
    names = _Names(embeddings, tokenizer.added)
    units = [unit for piece in pieces for unit in _units(piece, tokenizer, names)]
    (comma,) = tokenizer(",")
    chunks: list[Chunk] = []
    for line in _lines(units, room, comma):
        if len(chunks) == MOST:
            raise InputError(f"the text is longer than {MOST} chunks of {room} tokens: shorten it")
        tokens, weights = [token for token, _ in line], [weight for _, weight in line]
        chunks.append(
            Chunk.of(tokens, weights, start=tokenizer.start, end=tokenizer.end, pad=pad, length=length)
        )
    return Reading(tuple(chunks), tuple(dict.fromkeys(names.unknown)))


class _Names:
    """Finds the names of embeddings and of a folder's added tokens in a text; ``unknown`` are notes."""

    def __init__(self, embeddings: Mapping[str, int], added: Mapping[str, int]) -> None:
        self._tokens: dict[str, tuple[Token, ...]] = {
            word.lower(): (number,) for word, number in added.items()
        }
        for name, count in embeddings.items():
            self._tokens[name.lower()] = tuple(Vector(name, row) for row in range(count))
        known = [_bounded(name) for name in sorted(self._tokens, key=len, reverse=True)]
        asked = r"(?<!\w)embedding:(?P<asked>[^\s,:()\[\]]+)"
        self._found = re.compile(
            "|".join([rf"(?:(?<!\w)embedding:)?(?P<name>{'|'.join(known)})", asked] if known else [asked]),
            re.IGNORECASE,
        )
        self.unknown: list[str] = []

    def split(self, text: str) -> Iterator[str | tuple[Token, ...]]:
        """``text`` in order: plain stretches, and the tokens of each name."""
        done = 0
        for match in self._found.finditer(text):
            if match["asked"] is not None:
                self.unknown.append(f"no embedding is called {match['asked']!r}; it was read as words")
                continue
            yield text[done : match.start()]
            yield self._tokens[match["name"].lower()]
            done = match.end()
        yield text[done:]


def _bounded(name: str) -> str:
    """A name is a word of its own: "bad" is not found in "bad-hands" nor in "badly"."""
    before = r"(?<![\w-])" if re.match(r"\w", name) else ""
    after = r"(?![\w-])" if re.search(r"\w$", name) else ""
    return f"{before}{re.escape(name)}{after}"


def _units(piece: Piece | Break, tokenizer: ClipTokenizer, names: _Names) -> Iterator[_Unit | Break]:
    if isinstance(piece, Break):
        yield piece
        return
    for part in names.split(piece.text):
        if isinstance(part, tuple):
            yield part, piece.weight
        else:
            yield from (((token,), piece.weight) for token in tokenizer(part))


def _lines(units: Sequence[_Unit | Break], room: int, comma: int) -> Iterator[list[tuple[Token, float]]]:
    """Lines of at most ``room`` tokens; at least one, which may be empty."""
    line: list[tuple[Token, float]] = []
    after_comma: int | None = None  # where in the line the last comma is done
    ended = False  # by a break, so that no empty line need follow
    for unit in units:
        if isinstance(unit, Break):
            yield line
            line, after_comma, ended = [], None, True
            continue
        tokens, weight = unit
        if len(line) + len(tokens) > room:
            keep = len(line)
            near = after_comma is not None and keep - after_comma < BACKTRACK
            if after_comma is not None and near and keep == room and tokens != (comma,):
                keep = after_comma
            yield line[:keep]
            line, after_comma = line[keep:], None
            if len(line) + len(tokens) > room:  # an embedding behind what has just moved
                yield line
                line = []
        elif tokens == (comma,):
            after_comma = len(line) + 1
        line += [(token, weight) for token in tokens]
        ended = False
    if line or not ended:
        yield line

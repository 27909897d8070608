"""A text read at once, by a model whose one window is all it has: its weights, and what lies beyond."""

from __future__ import annotations

from typing import NamedTuple

from sfumato.text.chunks import Chunk
from sfumato.text.pieces import BREAK, Piece, pieces
from sfumato.text.tokenizer import Tokenizer


class Whole(NamedTuple):
    """The ``text`` without its signs, its tokens with their weights in one chunk, and what has no effect."""

    text: str
    chunk: Chunk
    cut: str
    breaks: bool  # whether it asks for further chunks, which there are not


def whole(text: str, tokenizer: Tokenizer, *, length: int) -> Whole:
    """Read ``text`` into a chunk of ``length`` places; a token weighs what its last letter does."""
    parts = pieces(text)
    weighed = [part if isinstance(part, Piece) else Piece(" ") for part in parts]
    plain = "".join(part.text for part in weighed)
    weights = [part.weight for part in weighed for _ in part.text]
    tokens = tokenizer(plain)
    chunk = Chunk.of(
        tokens.ids[1:-1],
        [weights[end - 1] for end in tokens.ends],
        start=tokenizer.start,
        end=tokenizer.end,
        pad=tokenizer.end,
        length=length,
    )
    return Whole(plain, chunk, tokens.cut, BREAK in parts)

"""A byte-pair tokenizer that never loses a word silently: what does not fit is handed back as ``cut``.

The vocabulary and the normalisation (lower case, single spaces, NFKC) live in the tokenizer's JSON, which
travels in the header of the weights; ``sfumato.train.tokenizer`` makes it. Every byte is in the vocabulary,
so there is no unknown token.
"""

from __future__ import annotations

from typing import NamedTuple

import tokenizers
from tokenizers import decoders

from sfumato.errors import CheckpointError

START = "<|startoftext|>"
END = "<|endoftext|>"
LENGTH = 77


class Tokens(NamedTuple):
    """The ids of a prompt, from start to end token and unpadded; ``cut`` is the user's text left out.

    ``ends`` are the places in the prompt behind the last letter of every token between start and end.
    """

    ids: tuple[int, ...]
    cut: str
    ends: tuple[int, ...]


class Tokenizer:
    """A callable from prompts to ``Tokens``: id 0 starts a text, id 1 ends and pads it."""

    start = 0
    end = 1
    length = LENGTH

    def __init__(self, model: tokenizers.Tokenizer) -> None:
        for name, wanted in ((START, self.start), (END, self.end)):
            found = model.token_to_id(name)
            if found != wanted:
                raise CheckpointError(
                    f"the tokenizer has {name} at id {found}, not {wanted}: it is not one of ours"
                )
        model.no_truncation()
        model.no_padding()
        model.encode_special_tokens = True  # a special token in the user's words is text like any other
        self._model = model

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        """Read what ``to_json`` wrote; raises CheckpointError for anything else."""
        try:
            model = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the library raises bare Exception
            raise CheckpointError(f"the tokenizer is not readable: {error}") from error
        return cls(model)

    def to_json(self) -> str:
        """The whole tokenizer as JSON of the ``tokenizers`` library."""
        return self._model.to_str()

    @property
    def vocabulary_size(self) -> int:
        """How many rows a token embedding needs."""
        return self._model.get_vocab_size()

    def spelt(self, token: int) -> str:
        """The letters of a token for people to read; one that begins a word begins with a space."""
        return decoders.ByteLevel().decode([self._model.id_to_token(token) or f"#{token}"])

    def __call__(self, prompt: str) -> Tokens:
        """Tokenize; a word is kept whole or cut whole, unless it alone is longer than the window."""
        encoding = self._model.encode(prompt, add_special_tokens=False)
        ids, room = encoding.ids, self.length - 2
        ends = tuple(end for _, end in encoding.offsets)
        if len(ids) <= room:
            return Tokens((self.start, *ids, self.end), "", ends)
        words = encoding.word_ids
        keep = words.index(words[room]) or room
        cut_at = encoding.offsets[keep][0]  # in the prompt as it was typed
        return Tokens((self.start, *ids[:keep], self.end), prompt[cut_at:].strip(), ends[:keep])

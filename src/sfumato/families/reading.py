"""A text tower as a family reads it: a text in chunks, each through the tower, weighted, and put in a row.

Which layer is listened to, whether the final norm follows, and what a short text is filled up with are facts
of the family. Embeddings learned by textual inversion stand in the place of tokens: arXiv:2208.01618.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from sfumato.adapters.attach import Wardrobe
from sfumato.adapters.closet import Tower
from sfumato.errors import InputError
from sfumato.families.model import Wording
from sfumato.models.clip import TextTower
from sfumato.text.chunks import Chunk, Vector, read
from sfumato.text.clip import ClipTokenizer
from sfumato.text.pieces import pieces
from sfumato.text.weighting import weighting


class Read(NamedTuple):
    """What a tower made of a text: a vector for each token, and one for the first chunk as a whole."""

    hidden: Tensor  # (1, T, D)
    sentence: Tensor  # (1, P)
    notes: tuple[str, ...]
    words: tuple[str, ...]  # those of its words that were learned, by their names


@dataclass(frozen=True, kw_only=True, eq=False)
class Reader:
    """One text tower and all that its family knows of how to read with it."""

    part: str  # what diffusers calls it: text_encoder, text_encoder_2
    tower: TextTower
    tokenizer: ClipTokenizer
    pad: int  # the token that fills up a chunk
    layer: int  # the one that is listened to, counted from the end of the whole tower: 1 is the last
    missing: int = 0  # layers of the whole tower that are not here, behind the last that is
    normed: bool  # whether the tower's final norm follows that layer
    embeddings: dict[str, Tensor] = field(default_factory=dict[str, Tensor])  # vectors (n, D) by name
    wardrobe: Wardrobe = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wardrobe", Wardrobe(self.tower))

    @property
    def of_closet(self) -> Tower:
        """The tower as adapters and learned words find it."""
        return Tower(wardrobe=self.wardrobe, vectors=self.embeddings, width=self.tower.config.width)

    def read(self, wording: Wording) -> Read:
        """Read a text, however long. Raises InputError for layers and adapters that there are not."""
        convention = weighting(wording.weighting)
        lengths = {name: len(vectors) for name, vectors in self.embeddings.items()}
        reading = read(pieces(wording.text), self.tokenizer, pad=self.pad, embeddings=lengths)
        layer = self.layer_of(wording)
        hidden: list[Tensor] = []
        sentences: list[Tensor] = []
        with self.wardrobe.worn([[(name, words) for name, _, words in wording.adapters]]):
            for chunk in reading.chunks:
                vectors, sentence = self._states(chunk, layer)
                others = [self._states(each, layer)[0] for each in convention.asks(chunk)]
                hidden.append(convention.weigh(vectors, chunk, others))
                sentences.append(sentence)
        tokens = (token for chunk in reading.chunks for token in chunk.tokens)
        words = dict.fromkeys(token.name for token in tokens if isinstance(token, Vector))
        return Read(torch.cat(hidden)[None].float(), sentences[0].float(), reading.notes, tuple(words))

    def layer_of(self, wording: Wording) -> int:
        """The place of the layer to listen to, from the end of those that are here. Raises InputError."""
        layer = wording.clip_skip or self.layer
        least, most = 1 + self.missing, self.tower.config.layers + self.missing
        if not least <= layer <= most:
            raise InputError(f"clip_skip {layer} cannot be had: this text tower has layers {least} to {most}")
        return layer - self.missing

    def _states(self, chunk: Chunk, layer: int) -> tuple[Tensor, Tensor]:
        """Hidden states (L, D) behind a layer, and the sentence (1, P), which always comes from the last."""
        ids, tokens = self._tokens(chunk)
        states, norm = self.tower.states(tokens), self.tower.text_model.final_layer_norm
        wanted = norm(states[-layer]) if self.normed else states[-layer]
        return wanted[0], self.tower.sentence(norm(states[-1]), ids)

    def _tokens(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """Ids (1, L), and what the tokens mean (1, L, D), which learned vectors have of their own."""
        table = self.tower.text_model.embeddings.token_embedding
        stand_in = self.tokenizer.start  # never the end, by whose place the sentence is read
        numbers = [stand_in if isinstance(token, Vector) else token for token in chunk.tokens]
        ids = torch.tensor([numbers], device=table.weight.device)
        meanings = table(ids)
        for place, token in enumerate(chunk.tokens):
            if isinstance(token, Vector):
                meanings[0, place] = self.embeddings[token.name][token.row].to(meanings)
        return ids, meanings

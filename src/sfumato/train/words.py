"""The captions of a pool as token ids, several phrasings of each scene."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from sfumato.text.tokenizer import Tokenizer


class Words:
    """Token ids (N, P, T) of P phrasings of each of N scenes, padded with the token that ends them.

    A share ``dropped`` of what a batch gets is the empty sentence, which is what guidance compares with.
    """

    def __init__(
        self, tokenizer: Tokenizer, captions: Iterable[Sequence[str]], *, dropped: float = 0.0
    ) -> None:
        self.dropped = dropped
        self.end = tokenizer.end
        self.empty = torch.tensor(tokenizer("").ids)
        tokens = [[tokenizer(text).ids for text in phrasings] for phrasings in captions]
        longest = max(len(ids) for phrasings in tokens for ids in phrasings)
        self.ids = torch.full((len(tokens), len(tokens[0]), longest), self.end, dtype=torch.int16)
        self.lengths = torch.zeros(len(tokens), len(tokens[0]), dtype=torch.int64)
        for row, phrasings in enumerate(tokens):
            for column, ids in enumerate(phrasings):
                self.ids[row, column, : len(ids)] = torch.tensor(ids)
                self.lengths[row, column] = len(ids)

    def batch(self, rows: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a phrasing of each row: ids (B, T), as short as can be, and which of them count (B, T)."""
        device = generator.device
        chance = torch.rand(2, len(rows), generator=generator, device=device).cpu()
        columns = (chance[0] * self.ids.shape[1]).long()
        ids, mask = self.said(rows, columns, chance[1] < self.dropped)
        return ids.to(device), mask.to(device)

    def said(self, rows: Tensor, columns: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
        """As ``batch``, of the phrasing that ``columns`` (B,) name, or where ``empty`` (B,) of no words."""
        ids, lengths = self.ids[rows, columns].long(), self.lengths[rows, columns]
        ids[empty] = self.end
        ids[empty, : len(self.empty)] = self.empty
        lengths[empty] = len(self.empty)
        longest = int(lengths.max())
        mask = torch.arange(longest)[None] < lengths[:, None]
        return ids[:, :longest], mask

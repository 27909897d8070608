"""Learn a byte-level BPE vocabulary from captions (Sennrich et al. 2015, arXiv:1508.07909).

All 256 bytes are in the vocabulary from the beginning, so any Unicode text has tokens, and a word carries
its leading space, so the pieces of different words do not run together.
"""

from __future__ import annotations

from collections.abc import Iterable

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from sfumato.text.tokenizer import END, START, Tokenizer

SMALLEST = 256 + 2


def train_tokenizer(captions: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most ``size`` ids: two specials, 256 bytes, and the merges that captions earn.

    The same captions in the same order give the same tokenizer. Raises ValueError below 258 ids.
    """
    if size < SMALLEST:
        raise ValueError(
            f"a vocabulary of {size} has no room for 256 bytes and 2 special tokens: {SMALLEST} or more"
        )
    model = tokenizers.Tokenizer(models.BPE())
    model.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[START, END],  # in this order: they become ids 0 and 1
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(captions, trainer)
    return Tokenizer(model)

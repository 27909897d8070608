"""Words that were learned from pictures: Gal et al. 2022, arXiv:2208.01618.

An embedding is some vectors that stand in a prompt where the vectors of tokens would, one set for each text
tower. Files differ in how they name them: ``string_to_param`` in A1111's pickles, ``emb_params``, the towers'
names for SDXL, or the word itself, as diffusers has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError
from sfumato.text.clip import LENGTH

FIRST, SECOND = "text_encoder", "text_encoder_2"
TOWERS = {"clip_l": FIRST, "clip_g": SECOND}
A1111 = "string_to_param."
PLAIN = "emb_params"


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """A learned word: ``vectors`` (n, D) for each text tower, n at a time."""

    name: str  # by which a prompt calls it: the file's, as people are used to from A1111
    word: str | None  # the one under which diffusers saved it, "<cat-toy>"
    vectors: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """How many tokens it takes the place of."""
        return len(next(iter(self.vectors.values())))


def read_embedding(name: str, tensors: Tensors, widths: Mapping[str, int]) -> Embedding:
    """The learned word ``name`` for a model whose text towers are as wide as ``widths`` says, by part.

    Raises CheckpointError for a file that is no embedding, one of another family, or one that is longer than
    a chunk of a prompt, within which its vectors stay together.
    """
    word, found = _found(name, tensors.kinds)
    if None in found:
        found = {_tower(name, tensors.kinds[found[None]], widths): found[None]}
    vectors = {part: _vectors(name, tensors, found[part]) for part in widths if part in found}
    _check_family(name, vectors, widths)
    room = LENGTH - 2  # beside start and end
    if (count := max(map(len, vectors.values()), default=0)) > room:
        raise CheckpointError(
            f"the embedding {name!r} has {count} vectors; a prompt has room for {room} in a row"
        )
    unheard = tuple(
        f"the embedding {name!r} has vectors for the {part}, which this model does not have"
        for part in found
        if part not in widths
    )
    return Embedding(name=name, word=word, vectors=vectors, notes=unheard)


def _check_family(name: str, vectors: Mapping[str, Tensor], widths: Mapping[str, int]) -> None:
    """Raise CheckpointError unless there are equally many vectors for each tower, as wide as it is."""
    if missing := widths.keys() - vectors.keys():
        raise CheckpointError(
            f"the embedding {name!r} says nothing to the {' and the '.join(sorted(missing))} of this model: "
            "it was made for another family"
        )
    shapes = {part: list(each.shape) for part, each in vectors.items()}
    if any(shapes[part][1] != width for part, width in widths.items()):
        raise CheckpointError(
            f"the embedding {name!r} has {shapes} where this model's towers are {dict(widths)} wide: "
            "it was made for another family"
        )
    if len({count for count, _ in shapes.values()}) > 1:
        raise CheckpointError(f"the embedding {name!r} has unequal numbers of vectors: {shapes}")


def _found(name: str, kinds: Mapping[str, Kind]) -> tuple[str | None, Mapping[str | None, str]]:
    """The word that the file itself names, and the tensor for each tower; None where it says none."""
    by_tower: dict[str | None, str] = {TOWERS[tensor]: tensor for tensor in kinds if tensor in TOWERS}
    if by_tower and len(by_tower) == len(kinds):
        return None, by_tower
    if len(kinds) != 1:
        raise CheckpointError(
            f"the embedding {name!r} has {len(kinds)} tensors ({', '.join(list(kinds)[:6])}); "
            "one is a learned word, or clip_l and clip_g are"
        )
    (tensor,) = kinds
    known = tensor == PLAIN or tensor.startswith(A1111)
    return None if known else tensor, {None: tensor}


def _tower(name: str, kind: Kind, widths: Mapping[str, int]) -> str:
    """Of which tower a tensor is that does not say so: of the one that is as wide. None is never guessed."""
    width = kind.shape[-1] if kind.shape else 0
    parts = [part for part, each in widths.items() if each == width]
    if len(parts) != 1:
        towers = " and ".join(f"{part} ({each})" for part, each in widths.items())
        raise CheckpointError(f"the embedding {name!r} is {width} wide, and this model's towers are {towers}")
    return parts[0]


def _vectors(name: str, tensors: Tensors, tensor: str) -> Tensor:
    """(n, D), copied: the file may change while it is used."""
    vectors = tensors.read(tensor)
    if vectors.ndim == 1:
        vectors = vectors[None]
    if vectors.ndim != 2 or not len(vectors) or not vectors.is_floating_point():
        shape = list(vectors.shape)
        raise CheckpointError(
            f"the embedding {name!r} has {tensor} of {vectors.dtype} {shape}, not vectors (n, D)"
        )
    vectors = vectors.detach().to(torch.float32, copy=True)
    if not bool(vectors.isfinite().all()):
        raise CheckpointError(f"the embedding {name!r} holds numbers that are not finite")
    return vectors

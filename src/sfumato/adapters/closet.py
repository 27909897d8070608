"""All that hangs beside one model: adapters in the wardrobes of its networks, learned words in its towers.

A file is hung under a name, by which requests wear it; hanging it costs a picture that does not wear it
nothing, not even a bit.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields

from torch import Tensor, nn

from sfumato.adapters.attach import Wardrobe
from sfumato.adapters.deltas import Delta, Full, Hadamard, Kronecker, LowRank
from sfumato.adapters.lora import Adapter, read_lora
from sfumato.adapters.names import Names
from sfumato.adapters.textual_inversion import Embedding, read_embedding
from sfumato.checkpoints import keys
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError

Vectors = MutableMapping[str, Tensor]
"""What a text tower knows beside its tokens: vectors (n, D) by the word that means them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tower:
    """One network that adapters may change. ``vectors`` and ``width`` are a text tower's, else None and 0."""

    wardrobe: Wardrobe
    vectors: Vectors | None = None
    width: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Closet:
    """The networks of one model by their parts (unet, text_encoder, ...), and what hangs there by name."""

    towers: Mapping[str, Tower]
    adapters: dict[str, Adapter] = field(default_factory=dict[str, Adapter], init=False)
    embeddings: dict[str, Embedding] = field(default_factory=dict[str, Embedding], init=False)

    def hang(self, name: str, tensors: Tensors, metadata: Mapping[str, str]) -> tuple[str, ...]:
        """Make an adapter wearable as ``name``, with the learned words that it brings; what to tell of it.

        Raises InputError for a name that is taken, CheckpointError for a file that does not fit; then
        nothing has changed.
        """
        self._check_free(name)
        networks = {part: _names(part, tower.wardrobe.network) for part, tower in self.towers.items()}
        adapter = read_lora(tensors, networks, metadata)
        _check_distinct(adapter.embeddings)
        learned = {word: self._read(word, found) for word, found in adapter.embeddings.items()}
        hung: list[Wardrobe] = []
        try:
            for part, deltas in adapter.deltas.items():
                self.towers[part].wardrobe.hang(name, deltas)
                hung.append(self.towers[part].wardrobe)
            for part in self.towers.keys() - adapter.deltas.keys():
                self.towers[part].wardrobe.hang(name, {})  # known everywhere, so that rows may name it
                hung.append(self.towers[part].wardrobe)
        except Exception:
            for wardrobe in hung:
                wardrobe.remove(name)
            raise
        self.adapters[name] = adapter
        for word, embedding in learned.items():
            self._keep(word, embedding)
        notes = [note for embedding in learned.values() for note in embedding.notes]
        return (*adapter.report, *notes)

    def learn(self, name: str, tensors: Tensors) -> tuple[str, ...]:
        """Make ``name`` a word of prompts that means what a file has learned; what to tell of it.

        Raises InputError for a name that is taken or no word, CheckpointError for a file that does not fit.
        """
        if not name.strip() or any(mark in name for mark in " ,()[]:|<>{}\\"):
            raise InputError(
                f"{name!r} cannot be a word of a prompt: name it without blanks, commas and brackets"
            )
        embedding = self._read(name, tensors)
        self._keep(name, embedding)
        size = f"{embedding.length} token" + "s" * (embedding.length > 1)
        notes = [f"the word {name!r} stands for {size} in a prompt"]
        if embedding.word not in (None, name):
            notes.append(f"its file calls it {embedding.word!r}: prompts call it {name!r}")
        return (*notes, *embedding.notes)

    def remove(self, name: str) -> None:
        """Take off an adapter with the words it brought, or a learned word. Raises InputError for others.

        A word that came with an adapter goes with it, and is refused alone.
        """
        if name in self.adapters:
            for tower in self.towers.values():
                tower.wardrobe.remove(name)
            for word in self.adapters.pop(name).embeddings:
                self._forget(word)
        elif name in self.embeddings:
            bringer = next(
                (each for each, adapter in self.adapters.items() if name in adapter.embeddings), None
            )
            if bringer is not None:
                raise InputError(f"the word {name!r} came with the adapter {bringer!r}: remove that")
            self._forget(name)
        else:
            raise InputError(self._unknown(name, (*self.adapters, *self.embeddings)))

    def check(self, names: Iterable[str]) -> None:
        """Raise InputError, with the nearest names, for an adapter that does not hang here."""
        for name in names:
            if name not in self.adapters:
                raise InputError(self._unknown(name, self.adapters))

    def is_felt(self, name: str, *, picture: float, words: float) -> bool:
        """Whether an adapter at these weights changes anything that a network computes."""
        return any(
            (words if part.startswith("text_encoder") else picture) and any(map(_changes, deltas.values()))
            for part, deltas in self.adapters[name].deltas.items()
        )

    def _check_free(self, name: str) -> None:
        for taken in (*self.adapters, *self.embeddings):
            if taken.casefold() == name.casefold():  # prompts call words in any case
                known = "" if taken == name else f", as {taken!r}"
                raise InputError(
                    f"{name!r} hangs here already{known}: remove it first, or give this one another name"
                )

    def _read(self, word: str, tensors: Tensors) -> Embedding:
        self._check_free(word)
        widths = {part: tower.width for part, tower in self.towers.items() if tower.vectors is not None}
        return read_embedding(word, tensors, widths)

    def _keep(self, word: str, embedding: Embedding) -> None:
        self.embeddings[word] = embedding
        for part, vectors in embedding.vectors.items():
            table = self.towers[part].vectors
            if table is not None:
                table[word] = vectors

    def _forget(self, word: str) -> None:
        for part in self.embeddings.pop(word).vectors:
            table = self.towers[part].vectors
            if table is not None:
                del table[word]

    @staticmethod
    def _unknown(name: str, known: Iterable[str]) -> str:
        names = list(known)
        near = difflib.get_close_matches(name, names, n=2, cutoff=0.5) or names[:6]
        return f"no adapter {name!r} hangs here; there is: {', '.join(near) or 'none: name its file'}"


def _changes(delta: Delta) -> bool:
    """Whether it adds anything but zeros: with an alpha of 0, or a factor of zeros, it does not."""
    change = delta.change
    if delta.bias is not None and _any(delta.bias):
        return True
    if not isinstance(change, Full | LowRank | Hadamard | Kronecker):
        return change is not None  # a new length changes the weight, whatever else is added
    if not isinstance(change, Full) and change.scale == 0:
        return False
    parts = (getattr(change, part.name) for part in fields(change))
    return all(_any(part) for part in parts if isinstance(part, Tensor))


def _any(tensor: Tensor) -> bool:
    return bool(tensor.float().any())  # a float of eight bits knows no any()


def _check_distinct(words: Iterable[str]) -> None:
    """Raise CheckpointError for words of one file that differ by case alone, which no prompt tells apart."""
    known: dict[str, str] = {}
    for word in words:
        if (first := known.setdefault(word.casefold(), word)) != word:
            raise CheckpointError(f"it brings the embeddings {first} and {word}, which prompts take for one")


def _names(part: str, network: nn.Module) -> Names:
    """A network's leaves by all their names; only of the U-Net do adapters use the original file's."""
    return Names.of(network, keys.unet(tuple(network.state_dict())).names if part == "unet" else None)

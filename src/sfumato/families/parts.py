"""What a family's model is made of: the tensors of each part in our names, and what was said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.recognise import Found, recognise
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.prediction import FLOW, PREDICTIONS, Prediction
from sfumato.errors import CheckpointError
from sfumato.families.placing import PLACE, Place
from sfumato.families.shapes import Settings
from sfumato.text.clip import ClipTokenizer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A checkpoint taken apart. Parts bear the names of diffusers' folders: unet, vae, text_encoder."""

    name: str
    family: str
    path: Path
    tensors: Mapping[str, Tensors]
    prediction: str
    configs: Mapping[str, Settings] = field(default_factory=dict[str, Settings])
    """config.json of each part; "scheduler": its own; "": model_index.json. Empty for single files."""
    tokenizers: Mapping[str, Path] = field(default_factory=dict[str, Path])  # folders
    zero_snr: bool = False  # whether a marker says that it was trained down to pure noise
    place: Place = PLACE

    def part(self, name: str) -> Tensors:
        """The tensors of a part. Raises CheckpointError, saying what to do, if it is not there."""
        if name not in self.tensors:
            there = ", ".join(self.tensors) or "nothing"
            raise CheckpointError(
                f"{self.name} has no {name} (there is: {there}): name a file that has it beside this one"
            )
        return self.tensors[name]

    def settings(self, name: str) -> Settings:
        return self.configs.get(name, {})

    def tokenizer(self, name: str) -> ClipTokenizer:
        """The one of the folder; for single files the packaged one. Raises CheckpointError, MissingExtra."""
        folder = self.tokenizers.get(name)
        return ClipTokenizer.packaged() if folder is None else ClipTokenizer.from_folder(folder)

    def meaning(self) -> Prediction:
        """What the network's output means. Raises CheckpointError."""
        known = [name for name in PREDICTIONS if name != FLOW.name]
        if self.prediction not in known:
            raise CheckpointError(
                f"{self.name} predicts {self.prediction!r}; models of its family predict {', '.join(known)}"
            )
        return PREDICTIONS[self.prediction]


def opened(path: str | Path, *, place: Place, prediction: str | None = None) -> Parts:
    """The parts of a file or folder, recognised. Raises CheckpointError, with the reason."""
    checkpoint = open_checkpoint(path)
    found = recognise(checkpoint, prediction=prediction)
    _check_whole(checkpoint.path, found)
    return Parts(
        name=checkpoint.path.stem if checkpoint.layout == "file" else checkpoint.path.name,
        family=found.family,
        path=checkpoint.path,
        tensors=found.parts,
        prediction=found.prediction,
        configs=checkpoint.configs,
        tokenizers=checkpoint.tokenizers,
        zero_snr=found.zero_snr,
        place=place,
    )


def _check_whole(path: Path, found: Found) -> None:
    """Raise CheckpointError unless a picture can be drawn with what was found, and all of it is used."""
    if found.family == "unknown":
        why = found.obstacle or f"it is {found.kind}"
        raise CheckpointError(f"{path}: no family that sfumato knows ({why}); see: sfumato inspect")
    if found.obstacle:
        raise CheckpointError(f"{path}: {found.obstacle}")
    if found.unused:
        raise CheckpointError(f"{path}: tensors that belong to no network: {shortened(found.unused)}")

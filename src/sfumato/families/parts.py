"""What a family's model is made of: the tensors of each part in our names, and what was said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sfumato.checkpoints.computed import Settings
from sfumato.checkpoints.distilled import FewSteps
from sfumato.checkpoints.placing import PLACE, Place
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.prediction import FLOW, PREDICTIONS, Prediction
from sfumato.errors import CheckpointError
from sfumato.text.clip import ClipTokenizer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A checkpoint taken apart. Parts bear the names of diffusers' folders: unet, vae, text_encoder."""

    name: str
    family: str
    path: Path
    tensors: Mapping[str, Tensors]
    prediction: str
    decided_by: str = ""  # why it is that
    configs: Mapping[str, Settings] = field(default_factory=dict[str, Settings])
    """config.json of each part; "scheduler": its own; "": model_index.json. Empty for single files."""
    tokenizers: Mapping[str, Path] = field(default_factory=dict[str, Path])  # folders
    zero_snr: bool = False  # whether a marker says that it was trained down to pure noise
    place: Place = PLACE
    few_steps: FewSteps | None = None  # how it wants to be asked, if it was distilled
    notes: tuple[str, ...] = ()  # what was found out about the checkpoint, for people

    def part(self, name: str) -> Tensors:
        """The tensors of a part. Raises CheckpointError, saying what to do, if it is not there."""
        if name not in self.tensors:
            there = ", ".join(self.tensors) or "nothing"
            raise CheckpointError(
                f"{self.name} has no {name} (there is: {there}): name a file that has it, {name}=FILE"
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

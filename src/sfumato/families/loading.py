"""How a checkpoint is to be loaded, and the parts that it then has: opened, recognised, some replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import torch

from sfumato.checkpoints.distilled import distilled, hints
from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.open import Checkpoint, open_checkpoint
from sfumato.checkpoints.placing import Place
from sfumato.checkpoints.recognise import NEEDED, Found, recognise
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.families.parts import Parts

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HALVES = {"F16": torch.float16, "BF16": torch.bfloat16}


class LoadingOptions(TypedDict, total=False):
    """What may be said of a checkpoint that is loaded; ``Loading`` says what each means."""

    device: str
    dtype: str | None
    variant: str | None
    prediction: str | None
    ema: bool
    refiner: str | Path | None
    unet: str | Path | None
    vae: str | Path | None
    text_encoder: str | Path | None
    text_encoder_2: str | Path | None


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How a checkpoint is to be loaded. A part that is named comes from there, not from it."""

    device: str = "cpu"
    dtype: str | None = None  # a name in DTYPES; None: float32 on a CPU, elsewhere half precision
    variant: str | None = None  # of a folder: "fp16"
    prediction: str | None = None  # overrides what the U-Net's file says that it predicts
    ema: bool = False  # whether the averages of the training are taken for the U-Net, from its own file
    refiner: str | Path | None = None  # a checkpoint that ends what this one begins
    unet: str | Path | None = None
    vae: str | Path | None = None
    text_encoder: str | Path | None = None
    text_encoder_2: str | Path | None = None

    @property
    def replacements(self) -> Mapping[str, str | Path]:
        """The files that are named for single parts."""
        named = {
            "unet": self.unet,
            "vae": self.vae,
            "text_encoder": self.text_encoder,
            "text_encoder_2": self.text_encoder_2,
        }
        return {part: path for part, path in named.items() if path is not None}

    def place(self, tensors: Tensors) -> Place:
        """Where networks go: halves on a GPU are of the kind that is stored. Raises InputError."""
        if self.dtype is None:
            halves = (HALVES[kind.dtype] for kind in tensors.kinds.values() if kind.dtype in HALVES)
            half = next(halves, torch.float16)
            return Place(device=self.device, dtype=torch.float32 if self.device == "cpu" else half)
        if self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r} cannot be drawn with: there are {', '.join(DTYPES)}")
        return Place(device=self.device, dtype=DTYPES[self.dtype])


LOADING = Loading()


def opened(path: str | Path, how: Loading) -> Parts:
    """The parts of a file or folder, some replaced. Raises CheckpointError, with the reason."""
    checkpoint = open_checkpoint(path, variant=how.variant)
    own = "unet" not in how.replacements
    found = recognise(checkpoint, prediction=how.prediction, ema=how.ema and own)
    _check_whole(checkpoint.path, found)
    _check_asked(checkpoint.path, found.family, how)
    parts = Parts(
        name=checkpoint.path.stem if checkpoint.layout == "file" else checkpoint.path.name,
        family=found.family,
        path=checkpoint.path,
        tensors=found.parts,
        prediction=found.prediction,
        decided_by=found.decided_by,
        configs=checkpoint.configs,
        tokenizers=checkpoint.tokenizers,
        zero_snr=found.zero_snr,
        place=how.place(checkpoint.tensors),
        few_steps=distilled(checkpoint),
        notes=(*checkpoint.notes, *((*found.notes, *hints(checkpoint)) if own else ())),  # of its U-Net
    )
    for part, source in how.replacements.items():
        parts = _replaced(parts, part, source, how)
    return replace(parts, notes=(*parts.notes, f"predicts {parts.prediction}: {parts.decided_by}"))


def _check_whole(path: Path, found: Found) -> None:
    """Raise CheckpointError unless it can be drawn with what was found, and a network reads all of it."""
    if found.family == "unknown":
        why = found.obstacle or f"it is {found.kind}"
        raise CheckpointError(f"{path}: no family that sfumato knows ({why}); see: sfumato inspect")
    if found.obstacle:
        raise CheckpointError(f"{path}: {found.obstacle}")
    if found.kind not in ("checkpoint", "unet"):
        raise CheckpointError(
            f"{path}: a {found.kind} of {found.family}, which goes beside a model: load that, and name this"
        )
    if found.unused:
        raise CheckpointError(f"{path}: tensors that belong to no network: {shortened(found.unused)}")


def _check_asked(path: Path, family: str, how: Loading) -> None:
    """Raise CheckpointError for a part that a family does not have, InputError for what changes nothing."""
    if family == "world":
        wrong = {
            f"dtype={how.dtype!r}": how.dtype not in (None, "float32"),
            f"prediction={how.prediction!r}": how.prediction not in (None, "flow"),
            f"ema={how.ema}": how.ema,
        }
        if asked := ", ".join(option for option, given in wrong.items() if given):
            raise InputError(
                f"{path}: a model of the picture world is in float32 and predicts flow: leave out {asked}"
            )
        for part in how.replacements:
            raise CheckpointError(f"{path}: a model of the picture world takes no other {part}")
        return
    for part in how.replacements:
        if part not in NEEDED[family]:
            made_of = ", ".join(NEEDED[family])
            raise CheckpointError(f"{path}: a model of {family} has no {part}: it is made of {made_of}")


def _replaced(parts: Parts, part: str, source: str | Path, how: Loading) -> Parts:
    """The same with one part from elsewhere: a file of that part alone, or a checkpoint that has it."""
    checkpoint = open_checkpoint(source)
    unet = part == "unet"
    found = recognise(checkpoint, prediction=how.prediction if unet else None, ema=how.ema and unet)
    names = [name for name in found.parts if name == part or len(found.parts) == 1]
    kinds = {name.removesuffix("_2") for name in names}
    if kinds != {part.removesuffix("_2")}:
        there = ", ".join(found.parts) or "nothing of ours"
        raise CheckpointError(f"{source}: {found.kind} of {found.family} has no {part} (there is: {there})")
    if found.unused:
        raise CheckpointError(f"{source}: tensors that belong to no network: {shortened(found.unused)}")
    if unet and found.obstacle:
        raise CheckpointError(f"{source}: {found.obstacle}")
    if part == "vae" and _latents_of(found.family) not in ("", _latents_of(parts.family)):
        raise CheckpointError(
            f"{source}: has latents of {found.family}, {parts.name} those of {parts.family}"
        )
    (name,) = names
    told = checkpoint.configs.get(name) or _alone(checkpoint)
    swapped = replace(
        parts,
        tensors={**parts.tensors, part: found.parts[name]},
        configs={**parts.configs, part: {**parts.settings(part), **told}},
        notes=(*parts.notes, f"{part} from {Path(source).name}", *checkpoint.notes, *found.notes),
    )
    return _taught(swapped, checkpoint, found, told) if unet else swapped


def _taught(parts: Parts, checkpoint: Checkpoint, found: Found, told: Mapping[str, object]) -> Parts:
    """The same, but all that is said of a U-Net is what its own file says: nothing holds of the former."""
    scheduler = checkpoint.configs.get("scheduler", {})
    return replace(
        parts,
        prediction=found.prediction,
        decided_by=found.decided_by,
        zero_snr=found.zero_snr,
        few_steps=distilled(checkpoint),
        configs={**parts.configs, "unet": told, "scheduler": scheduler},
        notes=(*parts.notes, *hints(checkpoint)),
    )


def _latents_of(family: str) -> str:
    """Families of one name here share their latents; "" is an autoencoder alone that could be anyone's."""
    return {"sd": "", "sd1": "sd1 and sd2", "sd2": "sd1 and sd2", "sdxl-refiner": "sdxl"}.get(family, family)


def _alone(checkpoint: Checkpoint) -> Mapping[str, object]:
    """The configuration of a folder that is one part; a whole model's is of another kind."""
    told = checkpoint.configs.get("", {})
    return {} if str(told.get("_class_name", "")).endswith("Pipeline") else told

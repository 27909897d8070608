"""The ControlNet that was taught for a model of the picture world: one network for several kinds of picture.

`sfumato train controlnet` writes it, in eight bits; its header says which kinds it was taught, and its shape
is told by its tensors, as in every ControlNet's file (`controlnet.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sfumato.adapters.controlnet import HintedNet, UnionNet, read_controlnet
from sfumato.checkpoints import int8, safetensors
from sfumato.checkpoints.header import read_header
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.models.unet import UNet

KIND = "controlnet"
ALIKE = {"canny": "edges"}
"""Kinds that are read as another which was taught: outlines of one pixel are outlines of one pixel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TaughtNet:
    """A ControlNet that knows what it was taught. It tells the kinds of pictures apart by what they show."""

    hinted: HintedNet
    kinds: tuple[str, ...]
    flows: bool = False  # what it adds goes to the skips alone

    def prepare(self, picture: Tensor, kind: str) -> tuple[Tensor, ...]:
        """The embedded hint (1, C0, h, w) of a picture (1, 3, H, W) in 0..1. Raises InputError."""
        if kind not in self.kinds:
            known = ", ".join(self.kinds)
            raise InputError(f"this control was taught {known}, not {kind!r}: bring one of those")
        return self.hinted.prepare(picture, kind)

    def residuals(
        self,
        x: Tensor,
        times: Tensor,
        context: Tensor,
        hint: tuple[Tensor, ...],
        *,
        vector: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """One for each skip and the last for the middle, unweighted."""
        return self.hinted.residuals(x, times, context, hint, vector=vector, attention_mask=attention_mask)


def read_taught(path: str | Path, unet: UNet) -> TaughtNet:
    """The control in a file of `sfumato train controlnet`, for the U-Net that it was taught beside.

    Raises CheckpointError for another file, and for one that does not fit.
    """
    metadata = read_header(path).metadata
    if metadata.get("sfumato.kind") != KIND:
        raise CheckpointError(f"{path}: no control that sfumato trained; its header says nothing of one")
    tensors = int8.unpacked(safetensors.load(path, "cpu", torch.float32))
    read = read_controlnet(Tensors.of(tensors), {}, unet)
    if isinstance(read, UnionNet):
        raise CheckpointError(f"{path}: a ControlNet Union cannot be a control that sfumato trained")
    return TaughtNet(hinted=read, kinds=_and_alike(_kinds(path, metadata.get("sfumato.kinds", ""))))


def taught_kinds(path: str | Path) -> tuple[str, ...]:
    """The kinds of pictures that a control was taught, from its file's header. Raises CheckpointError."""
    return _and_alike(_kinds(path, read_header(path).metadata.get("sfumato.kinds", "")))


def _and_alike(taught: tuple[str, ...]) -> tuple[str, ...]:
    return (*taught, *(kind for kind, like in ALIKE.items() if like in taught and kind not in taught))


def _kinds(path: str | Path, text: str) -> tuple[str, ...]:
    try:
        kinds = json.loads(text)
    except json.JSONDecodeError:
        kinds = None
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) for kind in kinds):  # pyright: ignore[reportUnknownVariableType]
        raise CheckpointError(f"{path}: sfumato.kinds is {text[:60]!r}, not a list of names")
    return tuple(str(kind) for kind in kinds)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

"""The embedded model's reader of reference pictures: its file, and the ``ImageReader`` that is in it.

The network is `models/reference.py`; it was taught by `sfumato train ip-adapter` and sees by the model's own
image tower. What the file holds is written by `train/ip_adapter.py`, and its shape is told by its tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sfumato.adapters.ip_adapter import adapter_config
from sfumato.adapters.sight import Sight
from sfumato.checkpoints import int8, safetensors
from sfumato.checkpoints.header import read_header
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.protocol import Look
from sfumato.errors import CheckpointError, InputError
from sfumato.models.clip import ImageTower
from sfumato.models.image_prompt import ResamplerConfig
from sfumato.models.reference import ROLES, ArrangementConfig, Reference, ReferenceConfig
from sfumato.models.unet import UNet

KIND = "reference"
HALF = (0.5, 0.5, 0.5)  # the model's tower was taught with colours from -1 to 1
SHIPPED = Path(__file__).parents[1] / "weights" / "reference.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class WorldReference:
    """What reads references for a model of the picture world; implements ``ImageReader``."""

    network: Reference
    sight: Sight
    layers: int

    @property
    def roles(self) -> tuple[str, ...]:
        return ROLES

    def look(self, picture: Tensor, role: str) -> tuple[Tensor, Tensor]:
        """The tokens (1, N, D) of a picture (1, 3, H, W) in 0..1, and those for rows of unwanted words.

        The latter are zeros, of which every layer makes zero: such a row has no reference, as in training.
        """
        self._check(role)
        tokens = self.network.tokens(self.sight.patches(picture), role)
        return tokens, torch.zeros_like(tokens)

    def weights(self, role: str, weight: float) -> tuple[float, ...]:
        """Every layer heeds every role: each has keys and values of its own."""
        self._check(role)
        return (weight,) * self.layers

    def mixed(self, what: Look, tokens: Tensor, role: str) -> Tensor:
        """What a layer's places (B, N, D) get of the tokens, as (B, N, D); unweighted."""
        return self.network.mixed(what, tokens, role)

    def _check(self, role: str) -> None:
        if role not in ROLES:
            raise InputError(f"a reference cannot be taken as {role!r}: take it as {', '.join(ROLES)}")


def read_world_reference(path: str | Path, unet: UNet, tower: ImageTower) -> WorldReference:
    """The reader in a file, for a U-Net and the image tower beside it.

    Raises CheckpointError for a file of another kind, for one of another model, and for what is not whole.
    """
    found = read_header(path).metadata.get("sfumato.kind")
    if found != KIND:
        raise CheckpointError(
            f"{path}: no reader of references for the embedded model, but {found or 'other weights'}"
        )
    tensors = Tensors.of(int8.unpacked(safetensors.load(path, "cpu")))
    config = _config(path, tensors)
    wide = (config.style.features, config.composition.features, config.style.width)
    own = (tower.config.width, tower.config.width, unet.config.context_width)
    if wide != own:
        raise CheckpointError(
            f"{path}: a reader for another model: of widths {wide}, where this one has {own}"
        )
    weight = unet.conv_in.weight
    place = Place(device=str(weight.device), dtype=weight.dtype)
    network = placed(f"{path}", lambda: Reference(unet, config), tensors, place)
    return WorldReference(
        network=network, sight=Sight(tower=tower, mean=HALF, deviation=HALF), layers=len(unet.layers)
    )


def _config(path: str | Path, tensors: Tensors) -> ReferenceConfig:
    """The shape of the network that has these tensors. Raises CheckpointError."""
    first, last = (tensors.kinds.get(f"composition.read.{index}.weight") for index in (0, 4))
    if first is None or last is None or len(first.shape) != 4 or len(last.shape) != 4:
        raise CheckpointError(f"{path}: composition.read is not whole; a damaged file")
    style = adapter_config(tensors.under("style."))
    if not isinstance(style, ResamplerConfig):
        raise CheckpointError(f"{path}: styles are read by a resampler, not by {type(style).__name__}")
    inner, features = first.shape[:2]
    return ReferenceConfig(
        style=style, composition=ArrangementConfig(features=features, inner=inner, width=last.shape[0])
    )

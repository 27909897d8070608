"""Reads a T2I-Adapter's file for a U-Net: full, light and XL, in diffusers' and the authors' names.

What it says flows on down the U-Net from the end of each level, as diffusers adds it (`Extras.inner`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.checkpoints import keys
from sfumato.checkpoints.computed import Settings
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.structure import numbered
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError, InputError
from sfumato.models.t2i_adapter import FullAdapter, LightAdapter, T2IConfig
from sfumato.models.unet import UNet, UNetConfig

ORIGINAL = re.compile(r"body\.\d+\.(?:block1|body)\.")
GRAY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode L has it

HALVED: Mapping[str, tuple[bool, ...]] = {
    "full_adapter": (False, True, True, True),
    "light_adapter": (False, True, True, True),
    "full_adapter_xl": (False, False, True, False),
}
"""Where each kind halves the picture."""

UNSHUFFLED = (8, 16)  # pixels that become one place: of SD 1's adapters, and of XL's


@dataclass(frozen=True, kw_only=True, eq=False)
class T2INet:
    """A T2I-Adapter as a control of its U-Net."""

    network: FullAdapter | LightAdapter
    places: tuple[int, ...]  # of its features, among the U-Net's skips and, last, its middle
    count: int  # of those
    flows: bool = True  # what it adds flows on down the U-Net
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """None: no file says what its adapter was taught."""
        return ()

    def prepare(self, picture: Tensor, kind: str) -> tuple[Tensor, ...]:  # noqa: ARG002
        """Its features (1, C, h, w) of a picture (1, 3, H, W) in 0..1. Raises InputError for its size."""
        config = self.network.config
        if any(side % config.unshuffle for side in picture.shape[2:]):
            height, width = picture.shape[2:]
            raise InputError(
                f"this T2I-Adapter reads squares of {config.unshuffle} pixels, and {width}x{height} does not "
                f"divide into such: take sides that do"
            )
        shown = picture.to(next(self.network.parameters()))
        if config.hint_channels == 1:
            shown = (shown * torch.tensor(GRAY).to(shown).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        return self.network(shown)

    def residuals(
        self,
        x: Tensor,
        times: Tensor,  # noqa: ARG002
        context: Tensor,  # noqa: ARG002
        hint: tuple[Tensor, ...],
        *,
        vector: Tensor | None = None,  # noqa: ARG002
        attention_mask: Tensor | None = None,  # noqa: ARG002
    ) -> tuple[Tensor, ...]:
        """Its features at their places, and zeros (B, 1, 1, 1) at all others; unweighted."""
        made = [x.new_zeros(len(x), 1, 1, 1)] * self.count
        for place, feature in zip(self.places, hint, strict=True):
            made[place] = feature
        return tuple(made)


def read_t2i(tensors: Tensors, settings: Settings, unet: UNet) -> T2INet:
    """The T2I-Adapter of a file, on the device of `unet` and in its kind of numbers.

    `settings` are its config.json. Raises CheckpointError for what is none, or for another family.
    """
    if "style_embedding" in tensors.kinds:
        raise CheckpointError(
            "a T2I-Adapter for style is not read here: take an IP-Adapter to hand over a style"
        )
    own = tensors.under("adapter.") if any(name.startswith("adapter.") for name in tensors.kinds) else tensors
    if strange := [name for name in tensors.kinds if own is not tensors and not name.startswith("adapter.")]:
        raise CheckpointError(f"tensors {', '.join(strange[:6])} are none of a T2I-Adapter's")
    if any(map(ORIGINAL.match, own.kinds)):
        own = keys.t2i(own.kinds).ours(own)
    config = _config(own.kinds, settings)
    places = _places(config, unet.config)
    light = "body.0.out_conv.weight" in own.kinds
    place = Place(device=str(unet.conv_in.weight.device), dtype=unet.conv_in.weight.dtype)
    make = LightAdapter if light else FullAdapter
    return T2INet(
        network=placed("t2i-adapter", lambda: make(config), own, place),
        places=places,
        count=1 + len(unet.config.block_out_channels) * (unet.config.layers_per_block + 1),
    )


def _config(kinds: Mapping[str, Kind], settings: Settings) -> T2IConfig:
    """The shape of the adapter that has these tensors; where no settings say it, of a published one."""
    light = "body.0.out_conv.weight" in kinds
    entry = _shape(kinds, "body.0.in_conv.weight" if light else "conv_in.weight")[1]
    likely = (each for each in UNSHUFFLED if entry in (each**2, 3 * each**2))
    unshuffle = settings.get("downscale_factor", next(likely, None))
    if type(unshuffle) is not int or entry % unshuffle**2:
        raise CheckpointError(f"a T2I-Adapter that reads {entry} channels is not known here")
    xl = "full_adapter_xl" if unshuffle == UNSHUFFLED[1] else "full_adapter"
    kind = settings.get("adapter_type", "light_adapter" if light else xl)
    levels = numbered(kinds, "body.")
    if kind not in HALVED or (kind == "light_adapter") != light or levels != len(HALVED[str(kind)]):
        raise CheckpointError(f"a T2I-Adapter of kind {kind!r} with {levels} levels is not known here")
    last = "out_conv" if light else "resnets.0.block2"
    return T2IConfig(
        hint_channels=entry // unshuffle**2,
        unshuffle=unshuffle,
        widths=tuple(_shape(kinds, f"body.{level}.{last}.weight")[0] for level in range(levels)),
        halved=HALVED[str(kind)],
        layers=numbered(kinds, "body.0.resnets."),
    )


def _places(config: T2IConfig, unet: UNetConfig) -> tuple[int, ...]:
    """Where in the U-Net each feature is added: at the end of its level, and one beyond them in the middle.

    Diffusers adds it behind the last block of a level that attends, and behind the halving of one that does
    not. Raises CheckpointError unless widths and sizes are those of the U-Net there.
    """
    levels, length = len(unet.block_out_channels), unet.layers_per_block + 1
    places: list[int] = []
    shrinks: list[int] = []  # of the latent, at those places
    for level in range(levels):
        halved = unet.transformer_depth[level] == 0 and level < levels - 1
        places.append(level * length + unet.layers_per_block + halved)
        shrinks.append(2 ** (level + halved))
    places.append(levels * length)
    shrinks.append(2 ** (levels - 1))
    widths = (*unet.block_out_channels, unet.block_out_channels[-1])[: len(config.widths)]
    steps = {mine / theirs for mine, theirs in zip(config.shrinks, shrinks, strict=False)}
    if config.widths != widths or len(steps) > 1:
        raise CheckpointError(
            f"a T2I-Adapter of {'sdxl' if config.unshuffle == UNSHUFFLED[1] else 'sd1'}, with features "
            f"{', '.join(map(str, config.widths))} wide of places of {', '.join(map(str, config.shrinks))} "
            f"pixels, does not fit a model of levels {', '.join(map(str, unet.block_out_channels))} wide"
            + (", which is sdxl" if unet.vector_width else "")
        )
    return tuple(places[: len(config.widths)])


def _shape(kinds: Mapping[str, Kind], name: str) -> tuple[int, ...]:
    if name not in kinds or len(kinds[name].shape) < 2:
        raise CheckpointError(f"there is no tensor {name}, by whose shape a T2I-Adapter is told: it is none")
    return kinds[name].shape

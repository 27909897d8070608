"""Reads a ControlNet's file for a U-Net: in diffusers' and the authors' names, also SDXL's Union.

What shapes cannot tell (heads, groups of norms) is the U-Net's, whose way down a ControlNet copies. The
networks are `models/controlnet.py` and `models/controlnet_union.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import torch
from torch import Tensor

from sfumato.checkpoints import keys
from sfumato.checkpoints.computed import UNET_SETTINGS, Settings, check_settings
from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.marks import WIDTHS
from sfumato.checkpoints.parts import IGNORED
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.structure import numbered
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.diffusion.protocol import Extras
from sfumato.errors import CheckpointError, InputError
from sfumato.models.controlnet import ControlNet, ControlNetConfig
from sfumato.models.controlnet_union import ControlNetUnion, UnionConfig
from sfumato.models.unet import UNet, UNetConfig

UNION_KINDS = (
    ("pose", "openpose"),
    ("depth",),
    ("softedge", "hed", "pidi", "scribble", "ted"),
    ("canny", "lineart", "anime_lineart", "mlsd"),
    ("normal",),
    ("segmentation", "segment"),
    ("tile", "blur"),
    ("repaint", "inpaint"),
)
"""What xinsir's Union was taught, by the numbers of its kinds; the last two are ProMax's."""

PREFIXES = ("control_model.", "model.control_model.", "controlnet.")
WHOLE = r"(?:model\.diffusion_model|first_stage_model|cond_stage_model|conditioner)\."
"""The model that a ControlNet was trained beside, in files of its first days."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HintedNet:
    """A ControlNet as a control of its U-Net."""

    network: ControlNet
    flows: bool = False  # what it adds goes to the skips alone
    flipped: bool = False  # reads blue before green before red
    pooled: bool = False  # speaks of the picture as a whole: residuals are averaged over their places
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """None: no file says what its ControlNet was taught."""
        return ()

    def prepare(self, picture: Tensor, kind: str) -> tuple[Tensor, ...]:  # noqa: ARG002
        """The embedded hint (1, C0, h, w) of a picture (1, 3, H, W) in 0..1."""
        return (self.network.embed(_shown(self.network, picture, flipped=self.flipped)),)

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
        extras = Extras(attention_mask=attention_mask)
        made = self.network(x, times, context, hint[0], extras, vector=vector)
        return tuple(each.mean(dim=(2, 3), keepdim=True) for each in made) if self.pooled else made


@dataclass(frozen=True, kw_only=True, eq=False)
class UnionNet:
    """A ControlNet of many kinds. It sees one hint at a time: several are several passes, and add up.

    (The network can weigh several hints of different kinds against each other in one pass. That is not used.)
    """

    network: ControlNetUnion
    flows: bool = False  # what it adds goes to the skips alone
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(name for names in UNION_KINDS[: self.network.config.kinds] for name in names)

    def prepare(self, picture: Tensor, kind: str) -> tuple[Tensor, ...]:
        """The embedded hint (1, C0, h, w), and ones and zeros (1, kinds). Raises InputError for its kind."""
        numbers = {name: number for number, names in enumerate(UNION_KINDS) for name in names}
        if kind not in self.kinds:
            raise InputError(
                f"this ControlNet was not taught {kind!r}: say what the picture is, {', '.join(self.kinds)}"
            )
        shown = _shown(self.network, picture)
        kinds = torch.zeros(1, self.network.config.kinds).to(shown)
        kinds[0, numbers[kind]] = 1.0
        return self.network.embed(shown, kinds), kinds

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
        extras = Extras(attention_mask=attention_mask)
        return self.network(x, times, context, (hint[0], hint[1]), extras, vector=vector)


def _shown(network: ControlNet | ControlNetUnion, picture: Tensor, *, flipped: bool = False) -> Tensor:
    picture = picture.to(network.conv_in.weight)
    return picture.flip(1) if flipped else picture


def read_controlnet(
    tensors: Tensors, settings: Settings, unet: UNet, *, name: str = ""
) -> HintedNet | UnionNet:
    """The ControlNet of a file, on the device of `unet` and in its kind of numbers.

    `settings` are its config.json; `name` is the file's, by whose "shuffle" alone one that averages its
    residuals is known where there are none. Raises CheckpointError for what is none, or for another family.
    """
    own, notes = _renamed(tensors)
    net = _net(own.kinds, settings, unet.config)
    place = Place(device=str(unet.conv_in.weight.device), dtype=unet.conv_in.weight.dtype)
    if "task_embedding" in own.kinds:
        union = _union(own.kinds, net)
        return UnionNet(network=placed("controlnet", lambda: ControlNetUnion(union), own, place), notes=notes)
    pooled = settings.get("global_pool_conditions", not settings and "shuffle" in name.lower())
    return HintedNet(
        network=placed("controlnet", lambda: ControlNet(net), own, place),
        flipped=settings.get("controlnet_conditioning_channel_order") == "bgr",
        pooled=bool(pooled),
        notes=(*notes, *(("it speaks of the whole picture: its residuals are averaged",) if pooled else ())),
    )


def _renamed(tensors: Tensors) -> tuple[Tensors, tuple[str, ...]]:
    """Under our names, and what of the file was passed over."""
    notes: tuple[str, ...] = ()
    if "difference" in tensors.kinds:
        raise CheckpointError(
            "this ControlNet holds differences to the weights of the model that it was trained from, and is "
            "none without them: take the file that has its own weights"
        )
    prefix = next((prefix for prefix in PREFIXES if any(map(_begins(prefix), tensors.kinds))), "")
    if prefix:
        rules = re.compile("|".join((WHOLE, *IGNORED.values())))
        others = [each for each in tensors.kinds if not each.startswith(prefix)]
        if strange := [each for each in others if not rules.match(each)]:
            raise CheckpointError(f"{len(strange)} tensors are none of a ControlNet's: {shortened(strange)}")
        if others:
            notes = (f"{len(others)} tensors of the model that it was trained beside are not used",)
        tensors = tensors.under(prefix)
    if any(map(_begins("input_blocks."), tensors.kinds)):
        tensors = keys.controlnet(tensors.kinds).ours(tensors)
    return tensors, notes


def _begins(prefix: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefix)


def _net(kinds: Mapping[str, Kind], settings: Settings, unet: UNetConfig) -> ControlNetConfig:
    """The shape of the ControlNet that has these tensors. Raises CheckpointError unless it fits the U-Net."""
    computed = {**UNET_SETTINGS, "norm_num_groups": unet.norm_groups}
    computed["controlnet_conditioning_channel_order"] = ("rgb", "bgr")
    check_settings("controlnet", settings, computed)
    build, theirs = _Build.of(kinds), _Build.of_unet(unet)
    if not build.fits(theirs):
        raise CheckpointError(f"a ControlNet of {build} does not fit a model of {theirs}")
    depths = tuple(_depth(kinds, f"down_blocks.{level}") for level in range(len(build.widths)))
    middle = _depth(kinds, "mid_block")
    shape = replace(
        unet,
        in_channels=build.channels,
        transformer_depth=depths,
        mid_transformer_depth=middle,
        linear_projection=build.linear,
        guidance_width=0,
    )
    _check_heads(settings, shape)
    return ControlNetConfig(
        unet=shape,
        hint_channels=_hint_channels(kinds),
        hint_widths=_hint_widths(kinds),
        bare_middle=not middle and "mid_block.attentions.0.norm.weight" in kinds,
    )


class _Build(NamedTuple):
    """What a ControlNet shares with its U-Net."""

    channels: int  # of the latent
    widths: tuple[int, ...]
    layers: int
    words: int  # their width; 0: it reads none
    vector: int
    linear: bool

    @classmethod
    def of(cls, kinds: Mapping[str, Kind]) -> _Build:
        levels = range(numbered(kinds, "down_blocks."))
        inward = next((kind.shape for name, kind in kinds.items() if name.endswith(".proj_in.weight")), ())
        words = (kind.shape[1] for name, kind in kinds.items() if name.endswith("attn2.to_k.weight"))
        vector = kinds.get("add_embedding.linear_1.weight", Kind("", (0, 0))).shape[1]
        return cls(
            channels=_shape(kinds, "conv_in.weight")[1],
            widths=tuple(_shape(kinds, f"down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels),
            layers=numbered(kinds, "down_blocks.0.resnets."),
            words=next(words, 0),
            vector=vector,
            linear=len(inward) == 2,
        )

    @classmethod
    def of_unet(cls, unet: UNetConfig) -> _Build:
        return cls(
            channels=unet.out_channels,
            widths=unet.block_out_channels,
            layers=unet.layers_per_block,
            words=unet.context_width,
            vector=unet.vector_width,
            linear=unet.linear_projection,
        )

    def fits(self, unet: _Build) -> bool:
        """Whether its residuals have the U-Net's shapes, and it can be told what that is told."""
        return self._replace(words=self.words or unet.words, linear=unet.linear) == unet

    def __str__(self) -> str:
        """The family by its width of words; one of another width by what it is built like."""
        built = "sdxl" if self.vector else "sd2" if self.linear else "sd1"
        family = WIDTHS.get(self.words, built if not self.words else f"the build of {built}")
        told = f", a vector of {self.vector}" if self.vector else ""
        levels = ", ".join(map(str, self.widths))
        return f"{family} (latents of {self.channels}, levels {levels}, words {self.words} wide{told})"


def _check_heads(settings: Settings, shape: UNetConfig) -> None:
    """Raise CheckpointError if config.json tells other heads than the U-Net has where there is attention."""
    told = settings.get("num_attention_heads") or settings.get("attention_head_dim")
    levels = range(len(shape.heads))
    heads = cast("list[object]", told) if isinstance(told, list) else [told] * len(levels)
    depths = (*shape.transformer_depth[:-1], shape.transformer_depth[-1] or shape.mid_transformer_depth)
    attending = [level for level in levels if depths[level]]
    if told is not None and (
        len(heads) != len(levels) or any(heads[level] != shape.heads[level] for level in attending)
    ):
        raise CheckpointError(f"controlnet: config.json says {told} heads; the model has {list(shape.heads)}")


def _union(kinds: Mapping[str, Kind], net: ControlNetConfig) -> UnionConfig:
    count = _shape(kinds, "task_embedding")[0]
    waves = _shape(kinds, "control_add_embedding.linear_1.weight")[1]
    if not 0 < count <= len(UNION_KINDS) or waves % count:
        raise CheckpointError(
            f"a Union of {count} kinds, told in {waves} waves, is not known: there are {len(UNION_KINDS)}"
        )
    layers = numbered(kinds, "transformer_layes.")
    return UnionConfig(net=net, kinds=count, kind_waves=waves // count, layers=layers)


def _hint_channels(kinds: Mapping[str, Kind]) -> int:
    channels = _shape(kinds, "controlnet_cond_embedding.conv_in.weight")[1]
    if channels != 3:
        raise CheckpointError(
            f"this ControlNet reads {channels} channels of its hint; conditioning pictures have 3"
        )
    return channels


def _hint_widths(kinds: Mapping[str, Kind]) -> tuple[int, ...]:
    embedder = "controlnet_cond_embedding"
    halvings = range(1, numbered(kinds, f"{embedder}.blocks."), 2)
    names = ["conv_in", *(f"blocks.{block}" for block in halvings)]
    return tuple(_shape(kinds, f"{embedder}.{name}.weight")[0] for name in names)


def _depth(kinds: Mapping[str, Kind], block: str) -> int:
    return numbered(kinds, f"{block}.attentions.0.transformer_blocks.")


def _shape(kinds: Mapping[str, Kind], name: str) -> tuple[int, ...]:
    if name not in kinds or len(kinds[name].shape) < 2:
        raise CheckpointError(f"there is no tensor {name}, by whose shape a ControlNet is told: it is none")
    return kinds[name].shape

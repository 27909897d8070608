"""The configuration of a network, read from the names and shapes of its tensors.

What shapes cannot tell (heads, groups of a norm) is told by a folder's config.json, else by the family. What
such a file says otherwise than our networks compute is refused: it would draw, and draw wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from sfumato.checkpoints.computed import (
    AUTOENCODER_SETTINGS,
    TEXT_SETTINGS,
    UNET_SETTINGS,
    Settings,
    check_settings,
)
from sfumato.checkpoints.tensors import Kind
from sfumato.errors import CheckpointError
from sfumato.models.clip import TextConfig
from sfumato.models.unet import UNetConfig
from sfumato.models.vae import AutoencoderConfig

Kinds: TypeAlias = Mapping[str, Kind]
Heads: TypeAlias = Callable[[int], int]
"""From the width of a level to its number of heads."""

GROUPS = 32
HEAD = 64  # the width of a head in every CLIP text tower


def heads_of_width(width: int) -> Heads:
    """As many heads as have this width: Stable Diffusion 2 and XL have heads of 64."""
    return lambda channels: max(channels // width, 1)


def heads_in_number(count: int) -> Heads:
    """As many at every level, however wide: Stable Diffusion 1 has 8."""
    return lambda _: count


def unet_config(kinds: Kinds, settings: Settings, heads: Heads) -> UNetConfig:
    """The shape of the U-Net that has these tensors. Raises CheckpointError."""
    check_settings("unet", settings, UNET_SETTINGS)
    levels = range(_count(kinds, "down_blocks."))
    widths = tuple(_shape(kinds, f"down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels)
    projection = next((kind.shape for name, kind in kinds.items() if name.endswith(".proj_in.weight")), ())
    context = next((kind.shape for name, kind in kinds.items() if name.endswith("attn2.to_k.weight")), (0, 1))
    vector = kinds.get("add_embedding.linear_1.weight", Kind("", (0, 0))).shape[1]
    inputs, outputs = _shape(kinds, "conv_in.weight")[1], _shape(kinds, "conv_out.weight")[0]
    return UNetConfig(
        in_channels=inputs,
        out_channels=outputs,
        block_out_channels=widths,
        layers_per_block=_count(kinds, "down_blocks.0.resnets."),
        transformer_depth=tuple(_depth(kinds, f"down_blocks.{level}.") for level in levels),
        mid_transformer_depth=_depth(kinds, "mid_block."),
        heads=_heads(settings, widths, heads),
        context_width=context[1],
        norm_groups=_number(settings, "norm_num_groups", GROUPS),
        linear_projection=len(projection) == 2,
        vector_width=vector,
        guidance_width=kinds.get("time_embedding.cond_proj.weight", Kind("", (0, 0))).shape[1],
    )


def autoencoder_config(kinds: Kinds, settings: Settings) -> AutoencoderConfig:
    """The shape of the autoencoder that has these tensors. Raises CheckpointError."""
    check_settings("vae", settings, AUTOENCODER_SETTINGS)
    levels = range(_count(kinds, "encoder.down_blocks."))
    return AutoencoderConfig(
        in_channels=_shape(kinds, "encoder.conv_in.weight")[1],
        latent_channels=_shape(kinds, "decoder.conv_in.weight")[1],
        block_out_channels=tuple(
            _shape(kinds, f"encoder.down_blocks.{level}.resnets.0.conv1.weight")[0] for level in levels
        ),
        layers_per_block=_count(kinds, "encoder.down_blocks.0.resnets."),
        norm_groups=_number(settings, "norm_num_groups", GROUPS),
        patch_size=1,
        mid_attention="encoder.mid_block.attentions.0.to_q.weight" in kinds,
        quant_conv="quant_conv.weight" in kinds,
    )


def text_config(part: str, kinds: Kinds, settings: Settings, *, activation: str, end: int) -> TextConfig:
    """The shape of the text tower that has these tensors; ``end`` is the tokenizer's."""
    check_settings(part, settings, TEXT_SETTINGS)
    vocabulary, width = _shape(kinds, "text_model.embeddings.token_embedding.weight")
    return TextConfig(
        vocabulary=vocabulary,
        length=_shape(kinds, "text_model.embeddings.position_embedding.weight")[0],
        end=end,
        width=width,
        layers=_count(kinds, "text_model.encoder.layers."),
        heads=_number(settings, "num_attention_heads", max(width // HEAD, 1)),
        hidden=_shape(kinds, "text_model.encoder.layers.0.mlp.fc1.weight")[0],
        activation=str(settings.get("hidden_act", activation)),
        projection=kinds.get("text_projection.weight", Kind("", (0,))).shape[0],
    )


def _shape(kinds: Kinds, name: str) -> tuple[int, ...]:
    if name not in kinds:
        raise CheckpointError(
            f"there is no tensor {name}, by whose shape the network is told; not such a model"
        )
    return kinds[name].shape


def _count(kinds: Kinds, prefix: str) -> int:
    """How many numbered modules follow ``prefix``."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
    return len({found[1] for found in map(pattern.match, kinds) if found})


def _depth(kinds: Kinds, block: str) -> int:
    return _count(kinds, f"{block}attentions.0.transformer_blocks.")


def _heads(settings: Settings, widths: tuple[int, ...], heads: Heads) -> tuple[int, ...]:
    """Heads per level. Diffusers' older U-Nets call their number ``attention_head_dim``."""
    told = settings.get("num_attention_heads") or settings.get("attention_head_dim")
    if told is None:
        return tuple(heads(width) for width in widths)
    numbers = cast("list[object]", told) if isinstance(told, list) else [told] * len(widths)
    if not all(type(number) is int for number in numbers):
        raise CheckpointError(
            f"unet: config.json says {told!r} heads, where a number or a list of them belongs"
        )
    return tuple(cast("list[int]", numbers))


def _number(settings: Settings, name: str, default: int) -> int:
    found = settings.get(name, default)
    if type(found) is not int:
        raise CheckpointError(f"config.json says {name} = {found!r}, which is no whole number")
    return found

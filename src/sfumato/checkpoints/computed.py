"""What our networks compute one way only, as a config.json of diffusers or transformers would say it.

What such a file says otherwise is refused: the network would draw, and draw wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from sfumato.errors import CheckpointError

Settings: TypeAlias = Mapping[str, object]
"""What a part's config.json says; empty where there is none."""

UNET_SETTINGS: Settings = {
    "act_fn": "silu",
    "addition_embed_type": (None, "text_time"),
    "attention_type": "default",
    "center_input_sample": False,
    "class_embed_type": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "downsample_padding": 1,
    "cross_attention_norm": None,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-5,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "time_embedding_act_fn": None,
    "time_embedding_type": "positional",
    "timestep_post_act": None,
}
AUTOENCODER_SETTINGS: Settings = {"act_fn": "silu", "latents_mean": None, "latents_std": None}
TEXT_SETTINGS: Settings = {"layer_norm_eps": 1e-5}


def check_settings(part: str, settings: Settings, computed: Settings) -> None:
    """Raise CheckpointError where ``settings`` say otherwise than our network computes."""
    for name, value in computed.items():
        allowed = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
        if name in settings and settings[name] not in allowed:
            raise CheckpointError(
                f"{part}: config.json says {name} = {settings[name]!r}; sfumato draws with {allowed[0]!r}"
            )

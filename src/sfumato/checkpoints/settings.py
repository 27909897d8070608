"""The configurations that diffusers and transformers want beside weights, from the shapes of the weights.

What shapes do not tell (heads, the scale of latents, noise levels) are facts of the published models of each
family, as their folders have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sfumato.checkpoints.recognise import Found
from sfumato.checkpoints.structure import numbered
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

VERSION = "0.31.0"  # of diffusers, whose formats these are
Settings = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the published folders of a family say; ``side`` and ``v_side`` are of latents."""

    pipelines: Mapping[str, str]  # by variant
    scheduler: str
    side: int
    v_side: int
    scale: float
    heads: int | None  # at every level; None: as many as have a width of 64
    activations: Mapping[str, str]
    pads: Mapping[str, str]


CLIP_L, BIG_G, END = "quick_gelu", "gelu", "<|endoftext|>"
SD = {
    "base": "StableDiffusionPipeline",
    "inpaint": "StableDiffusionInpaintPipeline",
    "pix2pix": "StableDiffusionInstructPix2PixPipeline",
}
SDXL = {
    "base": "StableDiffusionXLPipeline",
    "inpaint": "StableDiffusionXLInpaintPipeline",
    "pix2pix": "StableDiffusionXLInstructPix2PixPipeline",
}
FACTS: Mapping[str, Facts] = {
    "sd1": Facts(
        pipelines=SD, scheduler="PNDMScheduler", side=64, v_side=64, scale=0.18215, heads=8,
        activations={"text_encoder": CLIP_L}, pads={"tokenizer": END},
    ),
    "sd2": Facts(
        pipelines=SD, scheduler="DDIMScheduler", side=64, v_side=96, scale=0.18215, heads=None,
        activations={"text_encoder": BIG_G}, pads={"tokenizer": "!"},
    ),
    "sdxl": Facts(
        pipelines=SDXL, scheduler="EulerDiscreteScheduler", side=128, v_side=128, scale=0.13025, heads=None,
        activations={"text_encoder": CLIP_L, "text_encoder_2": BIG_G},
        pads={"tokenizer": END, "tokenizer_2": "!"},
    ),
    "sdxl-refiner": Facts(
        pipelines={"base": "StableDiffusionXLImg2ImgPipeline"}, scheduler="EulerDiscreteScheduler", side=128,
        v_side=128, scale=0.13025, heads=None, activations={"text_encoder_2": BIG_G},
        pads={"tokenizer_2": "!"},
    ),
}  # fmt: skip

CLASSES: Mapping[str, tuple[str, str]] = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "tokenizer_2": ("transformers", "CLIPTokenizer"),
}


PREDICTIONS: Mapping[str, str] = {"v": "v_prediction", "clean": "sample"}
"""What diffusers calls predictions that have other names here."""


def settings(found: Found) -> dict[str, Settings]:
    """By the names of ``open.Checkpoint.configs``. Raises CheckpointError for what such files cannot say."""
    facts = FACTS.get(found.family)
    if facts is None or found.variant not in facts.pipelines:
        what = f"{found.family}, {found.variant}" if facts else found.family
        raise CheckpointError(f"{what}: diffusers' folder of this kind of model is not known here")
    made: dict[str, Settings] = {"": _index(facts, found), "scheduler": _scheduler(facts, found)}
    for part, tensors in found.parts.items():
        if part == "unet":
            made[part] = _unet(facts, found, tensors.kinds)
        elif part == "vae":
            made[part] = _vae(facts, found, tensors.kinds)
        else:
            made[part] = _text(part, facts, tensors)
    return made


def tokenizer_files(
    family: str, ids: Mapping[str, int], merges: str
) -> dict[str, Mapping[str, object] | str]:
    """The files of a family's tokenizers by their places in the folder: objects of JSON, and text."""
    made: dict[str, Mapping[str, object] | str] = {}
    for folder, pad in FACTS[family].pads.items():
        special = {
            "bos_token": "<|startoftext|>",
            "eos_token": END,
            "unk_token": END,
            "pad_token": pad,
        }
        made[f"{folder}/vocab.json"] = ids
        made[f"{folder}/merges.txt"] = merges
        made[f"{folder}/special_tokens_map.json"] = special
        made[f"{folder}/tokenizer_config.json"] = {
            **special, "add_prefix_space": False, "do_lower_case": True, "errors": "replace",
            "model_max_length": 77, "tokenizer_class": "CLIPTokenizer",
        }  # fmt: skip
    return made


def _index(facts: Facts, found: Found) -> Settings:
    parts = [*found.parts, *facts.pads]
    index: dict[str, object] = {
        "_class_name": facts.pipelines[found.variant],
        "_diffusers_version": VERSION,
        "scheduler": ["diffusers", facts.scheduler],
        "feature_extractor": [None, None],
        **{part: list(CLASSES[part]) for part in parts},
    }
    if found.family in ("sd1", "sd2"):
        return index | {"safety_checker": [None, None], "requires_safety_checker": False}
    if found.family == "sdxl-refiner":
        nothing = {"text_encoder": [None, None], "tokenizer": [None, None]}
        return index | nothing | {"requires_aesthetics_score": True}
    return index


def _scheduler(facts: Facts, found: Found) -> Settings:
    """Noise levels as Stable Diffusion was trained; walks to pure noise go evenly from the noisiest level."""
    made: dict[str, object] = {
        "_class_name": facts.scheduler,
        "_diffusers_version": VERSION,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": PREDICTIONS.get(found.prediction, found.prediction),
        "steps_offset": 1,
        "timestep_spacing": "trailing" if found.zero_snr else "leading",
    }
    by_class: Mapping[str, Settings] = {
        "PNDMScheduler": {"set_alpha_to_one": False, "skip_prk_steps": True},
        "DDIMScheduler": {"set_alpha_to_one": False, "clip_sample": False},
        "EulerDiscreteScheduler": {"interpolation_type": "linear"},
    }
    if not found.zero_snr:
        return made | dict(by_class[facts.scheduler])
    noise = {"_class_name": "EulerDiscreteScheduler", "rescale_betas_zero_snr": True}  # PNDM cannot
    return made | dict(by_class["EulerDiscreteScheduler"]) | noise


def _unet(facts: Facts, found: Found, kinds: Mapping[str, Kind]) -> Settings:
    levels = numbered(kinds, "down_blocks.")
    widths = [_shape(kinds, f"down_blocks.{level}.resnets.0.conv1.weight")[0] for level in range(levels)]
    depths = [
        numbered(kinds, f"down_blocks.{level}.attentions.0.transformer_blocks.") for level in range(levels)
    ]
    middle = numbered(kinds, "mid_block.attentions.0.transformer_blocks.")
    if depths[-1] not in (0, middle):
        raise CheckpointError(
            f"a U-Net {middle} transformers deep in the middle, {depths[-1]} above: diffusers cannot say so"
        )
    down = ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths]
    reading = next((name for name in kinds if name.endswith("attn2.to_k.weight")), "attn2.to_k.weight")
    made: dict[str, object] = {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": VERSION,
        "sample_size": facts.v_side if found.prediction == "v" else facts.side,
        "in_channels": _shape(kinds, "conv_in.weight")[1],
        "out_channels": _shape(kinds, "conv_out.weight")[0],
        "down_block_types": down,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": [name.replace("Down", "Up") for name in reversed(down)],
        "block_out_channels": widths,
        "layers_per_block": numbered(kinds, "down_blocks.0.resnets."),
        "cross_attention_dim": _shape(kinds, reading)[1],
        "transformer_layers_per_block": [*(max(depth, 1) for depth in depths[:-1]), max(middle, 1)],
        "attention_head_dim": facts.heads or [max(width // 64, 1) for width in widths],
        "use_linear_projection": found.family != "sd1",
        "norm_num_groups": 32,
        "act_fn": "silu",
    }
    if found.family.startswith("sdxl"):
        made |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": _shape(kinds, "add_embedding.linear_1.weight")[1],
        }
    return made


def _vae(facts: Facts, found: Found, kinds: Mapping[str, Kind]) -> Settings:
    levels = numbered(kinds, "encoder.down_blocks.")
    widths = [
        _shape(kinds, f"encoder.down_blocks.{level}.resnets.0.conv1.weight")[0] for level in range(levels)
    ]
    return {
        "_class_name": "AutoencoderKL",
        "_diffusers_version": VERSION,
        "sample_size": 8 * (facts.v_side if found.prediction == "v" else facts.side),
        "in_channels": _shape(kinds, "encoder.conv_in.weight")[1],
        "out_channels": _shape(kinds, "decoder.conv_out.weight")[0],
        "latent_channels": _shape(kinds, "decoder.conv_in.weight")[1],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "block_out_channels": widths,
        "layers_per_block": numbered(kinds, "encoder.down_blocks.0.resnets."),
        "norm_num_groups": 32,
        "scaling_factor": facts.scale,
        "force_upcast": found.family.startswith("sdxl"),
        "act_fn": "silu",
    }


def _text(part: str, facts: Facts, tensors: Tensors) -> Settings:
    kinds = tensors.kinds
    vocabulary, width = _shape(kinds, "text_model.embeddings.token_embedding.weight")
    layers = numbered(kinds, "text_model.encoder.layers.")
    # of SD 2's whole tower all layers but the last are read; a folder says so by counting one less
    unread = 1 if part == "text_encoder" and "text_projection.weight" in kinds else 0
    pad = {CLIP_L: 1, BIG_G: 0}[facts.activations[part]]
    return {
        "architectures": [CLASSES[part][1]],
        "model_type": "clip_text_model",
        "hidden_size": width,
        "intermediate_size": _shape(kinds, "text_model.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": layers - unread,
        "num_attention_heads": max(width // 64, 1),
        "vocab_size": vocabulary,
        "max_position_embeddings": _shape(kinds, "text_model.embeddings.position_embedding.weight")[0],
        "hidden_act": facts.activations[part],
        "layer_norm_eps": 1e-05,
        "projection_dim": kinds.get("text_projection.weight", Kind("", (width,))).shape[0],
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": pad,
    }


def _shape(kinds: Mapping[str, Kind], name: str) -> tuple[int, ...]:
    """The shape of a matrix or of convolutions, whose first two lengths are the channels out and in."""
    shape = kinds[name].shape if name in kinds else ()
    if len(shape) not in (2, 4):
        what = f"has shape {list(shape)}" if name in kinds else "is not there"
        raise CheckpointError(f"tensor {name}, from which the configuration is read, {what}")
    return shape

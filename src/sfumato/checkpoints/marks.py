"""What people keep beside the models of our families, told apart by the names of its tensors.

One line for each kind of file, the first that fits holds; the order matters, since an adapter of a family has
names of that family within. Names and shapes as public loaders test them, state of August 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sfumato.checkpoints.tensors import Kind

OWNERS = (
    "model.diffusion_model",
    "diffusion_model",
    "model",
    "net",
    "transformer",
    "control_model",
    "model.control_model",
    "controlnet",
    "adapter",
)
PREFIX = rf"^(?:(?:{'|'.join(map(re.escape, OWNERS))})\.)?"
LORA = (
    r"\.(?:lora_(?:down|up|mid|A|B)\b|lora_linear_layer\.|lora\.(?:down|up)\.|hada_[wt]|lokr_[wt]|dora_scale$|"
    r"oft_blocks$|oft_diag$|diff$|diff_b$|w_norm$|b_norm$)|^lora_\w+\.[ab][12]\.weight$|_lora\.(?:down|up)\.|_lora\d\.(?:down|up)\."
)


class Mark(NamedTuple):
    """Files that have a name for each expression of `signs`. They match at a line's beginning or anywhere."""

    kind: str
    family: str
    signs: tuple[str, ...]
    variant: str = "base"


ADAPTERS = (
    Mark("control-lora", "", (r"^lora_controlnet$",)),
    Mark("control-lllite", "sdxl", (r"^lllite_",)),
    Mark("image-prompt", "flux", (r"^ip_adapter_proj_model\.",), "ip-adapter"),
    Mark("image-prompt", "flux", (r"^redux_up\.weight$",), "redux"),
    Mark("image-prompt", "", (r"^ip_adapter\.", r"^image_proj\.latents$"), "ip-adapter plus"),
    Mark(
        "image-prompt",
        "",
        (r"^ip_adapter\.", r"^image_proj\.perceiver_resampler\."),
        "ip-adapter faceid plus",
    ),
    Mark("image-prompt", "", (r"^ip_adapter\.0\.to_q_lora\.",), "ip-adapter faceid"),
    Mark("image-prompt", "", (r"^ip_adapter\.", r"^image_proj\.proj\.3\.weight$"), "ip-adapter full face"),
    Mark("image-prompt", "", (r"^ip_adapter\.\d",), "ip-adapter"),
    Mark("lora", "flux", (r"^img_in\.lora_A\.", r"norm\.(?:key_norm|query_norm)\.scale$"), "control"),
    Mark("lora", "", (LORA,)),
    Mark("embedding", "", (r"^emb_params$",)),
    Mark("embedding", "", (r"^string_to_param\.",)),
    Mark("embedding", "sdxl", (r"^clip_l$", r"^clip_g$")),
    Mark("controlnet", "flux", (r"controlnet_x_embedder\.weight$",)),
    Mark(
        "controlnet", "flux", (r"^controlnet_blocks\.", r"double_blocks\.0\.img_attn\.norm\.key_norm\.scale$")
    ),
    Mark("controlnet", "sd3", (r"^controlnet_blocks\.", r"^transformer_blocks\.0\.")),
    Mark("controlnet", "", (PREFIX + r"controlnet_cond_embedding\.", PREFIX + r"task_embedding$"), "union"),
    Mark("controlnet", "", (PREFIX + r"controlnet_cond_embedding\.conv_in\.weight$",)),
    Mark("controlnet", "", (PREFIX + r"zero_convs\.0\.0\.weight$",)),
    Mark("t2i-adapter", "", (PREFIX + r"body\.0\.(?:block1|in_conv|resnets\.0\.block1)\.weight$",)),
    Mark("t2i-adapter", "", (r"^style_embedding$",), "style"),
    Mark("motion-module", "", (r"\.motion_modules\.",)),
)
"""What goes beside a network or into it."""

OTHERS = (
    Mark("checkpoint", "svd", (PREFIX + r"input_blocks\.\d+\.\d+\.time_stack\.",)),
    Mark("transformer", "chroma", (PREFIX + r"nerf_blocks\.0\.",), "radiance"),
    Mark("transformer", "chroma", (PREFIX + r"distilled_guidance_layer\.",)),
    Mark("transformer", "flux2", (PREFIX + r"double_stream_modulation_img\.lin\.weight$",)),
    Mark("transformer", "flux2", (PREFIX + r"single_stream_modulation\.lin\.weight$",)),
    Mark(
        "transformer",
        "flux",
        (PREFIX + r"double_blocks\.0\.", PREFIX + r"guidance_in\.in_layer\.weight$"),
        "dev",
    ),
    Mark("transformer", "flux", (PREFIX + r"double_blocks\.0\.", PREFIX + r"img_in\.weight$"), "schnell"),
    Mark(
        "transformer", "flux", (PREFIX + r"single_transformer_blocks\.0\.", PREFIX + r"x_embedder\.weight$")
    ),
    Mark("transformer", "sd3", (PREFIX + r"joint_blocks\.0\.x_block\.attn2\.qkv\.weight$",), "3.5 medium"),
    Mark("transformer", "sd3", (PREFIX + r"joint_blocks\.37\.",), "3.5 large"),
    Mark("transformer", "sd3", (PREFIX + r"joint_blocks\.0\.",)),
    Mark(
        "transformer", "sd3", (PREFIX + r"transformer_blocks\.0\.attn\.add_q_proj\.", PREFIX + r"pos_embed\.")
    ),
    Mark(
        "transformer",
        "z-image",
        (PREFIX + r"cap_embedder\.0\.weight$", PREFIX + r"layers\.0\.adaLN_modulation\.0\."),
    ),
    Mark("transformer", "lumina2", (PREFIX + r"cap_embedder\.0\.weight$",)),
    Mark("vae", "taesd", (r"^taesd_decoder\.1\.weight$",)),
    Mark("vae", "taesd", (r"^(?:decoder\.)?layers\.1\.weight$|^decoder\.1\.weight$",)),
    Mark("text_encoder", "t5", (r"(?:^|\.)encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight$",)),
    Mark("text_encoder", "t5", (r"^enc\.blk\.0\.",)),
    Mark("upscaler", "", (r"^(?:model\.1\.sub\.0\.RDB1|RRDB_trunk\.0|body\.0\.rdb1)\.",)),
)
"""Networks of families that cannot be drawn with yet."""

QUANTISED: Mapping[str, str] = {
    "bitsandbytes, 4 bits": r"\.quant_state\.bitsandbytes__",
    "ComfyUI's per-layer quantisation": r"\.comfy_quant$",
    "scaled 8-bit floats": r"(?:^|\.)scaled_fp8$",
    "SVDQuant": r"\.wscales$",
    "LLM.int8": r"\.SCB$",
    "GPTQ or AWQ": r"\.qweight$",
}
"""Ways to store fewer bits, by what their files have beside the weights."""


def first_mark(marks: tuple[Mark, ...], names: str) -> Mark | None:
    """The first that fits; `names` is one to a line."""
    return next((mark for mark in marks if all(has(names, sign) for sign in mark.signs)), None)


def has(names: str, sign: str) -> bool:
    """Whether one of the names, one to a line, matches."""
    return re.search(sign, names, re.MULTILINE) is not None


def quantisation(names: str) -> str | None:
    """How the numbers of a file are packed, or None if they lie there as they are."""
    return next((how for how, sign in QUANTISED.items() if has(names, sign)), None)


FAMILY_SIGNS = (
    ("flux", r"double_blocks_?\.?\d|single_blocks_?\.?\d|single_transformer_blocks"),
    ("sd3", r"joint_blocks_?\.?\d|transformer_blocks[_.]\d+[_.]attn[_.]add_"),
    ("sdxl", r"lora_te2_text_model|text_encoder_2\.|_te1_text_model|label_emb|add_embedding"),
    ("sdxl", r"down_blocks[_.]\d+[_.]attentions[_.]\d+[_.]transformer_blocks[_.][2-9]"),
    (
        "sdxl",
        r"(?:input|output)_blocks[_.]\d+[_.]1[_.]transformer_blocks[_.][2-9]|middle_block[_.]1[_.]\w+[_.][2-9][_.]",
    ),
)
"""What in an adapter's names shows the family that it was made for."""

WIDTHS: Mapping[int, str] = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl-refiner"}
"""How wide the words are that cross-attention reads."""

ENTRIES: Mapping[int, str] = {64: "sd1", 192: "sd1", 256: "sdxl", 768: "sdxl"}
"""Of a T2I-Adapter, which reads no words: its channels, squares of 8 or of 16 pixels, grey or in colour."""

_ENTRY = re.compile(PREFIX + r"(?:conv_in|body\.0\.in_conv)\.weight$")
_WORDS = re.compile(
    r"attn2[_.](?:processor\.)?to_k(?:_lora)?(?:\.lora)?(?:_linear_layer)?[._]"
    r"(?:lora_down\.|lora_A\.|down\.|hada_w\d_b$|weight$|diff$)|to_k_ip\.weight$"
)


def adapted_family(names: str, kinds: Mapping[str, Kind]) -> str | None:
    """The family that an adapter was made for: by its names, else by the width of the words that it reads."""
    by_name = next((family for family, sign in FAMILY_SIGNS if has(names, sign)), None)
    if by_name is not None:
        return by_name
    widths = {kind.shape[-1] for name, kind in kinds.items() if len(kind.shape) == 2 and _WORDS.search(name)}
    return next((WIDTHS[width] for width in sorted(widths, reverse=True) if width in WIDTHS), None)


def entry_family(kinds: Mapping[str, Kind]) -> str | None:
    """The family that a T2I-Adapter was made for."""
    shapes = (kind.shape for name, kind in kinds.items() if _ENTRY.match(name) and len(kind.shape) == 4)
    return next((ENTRIES[shape[1]] for shape in shapes if shape[1] in ENTRIES), None)

"""The autoencoder as latent diffusion names it, and as diffusers does, in its old spelling too.

Theirs counts the decoder's levels from the finest, ours from the coarsest; its attention is made of 1x1
convolutions, ours of linear layers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sfumato.checkpoints.keys.rules import POINTWISE, KeyMap, Rule, fitted

ENDS = (
    Rule("encoder.conv_in", "encoder.conv_in"),
    Rule("encoder.conv_norm_out", "encoder.norm_out"),
    Rule("encoder.conv_out", "encoder.conv_out"),
    Rule("decoder.conv_in", "decoder.conv_in"),
    Rule("decoder.conv_norm_out", "decoder.norm_out"),
    Rule("decoder.conv_out", "decoder.conv_out"),
    Rule("quant_conv", "quant_conv"),
    Rule("post_quant_conv", "post_quant_conv"),
)
ATTENTION = (
    Rule("group_norm", "norm"),
    Rule("to_q", "q"),
    Rule("to_k", "k"),
    Rule("to_v", "v"),
    Rule("to_out.0", "proj_out"),
    *(
        Rule(f"{ours}.weight", f"{theirs}.weight", POINTWISE)
        for ours, theirs in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"))
    ),
)
OLD_ATTENTION = (
    Rule("to_q", "query"),
    Rule("to_k", "key"),
    Rule("to_v", "value"),
    Rule("to_out.0", "proj_attn"),
)


def vae(names: Collection[str]) -> KeyMap:
    """The map for an autoencoder that has tensors of these names, all ours or all original."""
    original = any(re.match(r"(encoder|decoder)\.(mid|up|down|norm_out)\.", name) for name in names)
    pattern = r"(?:encoder\.down|decoder\.up)(?:_blocks)?\.(\d+)\."
    levels = 1 + max((int(found[1]) for found in map(re.compile(pattern).match, names) if found), default=0)
    return fitted(_rules(levels), names, original=original)


def renamed_vae(names: Collection[str]) -> KeyMap:
    """The map from diffusers' old names of an autoencoder's attention, in published folders, to today's."""
    rules = [Rule(module, module) for module in ("encoder", "decoder", "quant_conv", "post_quant_conv")]
    for side in ("encoder", "decoder"):
        place = f"{side}.mid_block.attentions.0"
        rules += [Rule(f"{place}.{rule.ours}", f"{place}.{rule.theirs}") for rule in OLD_ATTENTION]
    return fitted(rules, names, original=True)


def _rules(levels: int) -> Iterator[Rule]:
    yield from ENDS
    for side in ("encoder", "decoder"):
        for block in (0, 1):
            yield from _residual(f"{side}.mid_block.resnets.{block}", f"{side}.mid.block_{block + 1}")
        for rule in ATTENTION:
            ours, theirs = f"{side}.mid_block.attentions.0.{rule.ours}", f"{side}.mid.attn_1.{rule.theirs}"
            yield Rule(ours, theirs, rule.change)
    for level in range(levels):
        yield from _level(f"encoder.down_blocks.{level}", f"encoder.down.{level}", "down")
        yield from _level(f"decoder.up_blocks.{level}", f"decoder.up.{levels - 1 - level}", "up")


def _level(ours: str, theirs: str, way: str) -> Iterator[Rule]:
    yield Rule(f"{ours}.{way}samplers.0.conv", f"{theirs}.{way}sample.conv")
    for block in range(_MOST_BLOCKS):
        yield from _residual(f"{ours}.resnets.{block}", f"{theirs}.block.{block}")


_MOST_BLOCKS = 8  # residual blocks of a level; published ones have 2 and 3


def _residual(ours: str, theirs: str) -> Iterator[Rule]:
    yield Rule(ours, theirs)
    yield Rule(f"{ours}.conv_shortcut", f"{theirs}.nin_shortcut")

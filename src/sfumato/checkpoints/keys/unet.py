"""The U-Net as latent diffusion and SGM name it, and as diffusers does.

Theirs is one list of blocks down (`input_blocks`) and one up (`output_blocks`); ours are levels of residual
blocks, transformers and resamplers. Transformers are the same within.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sfumato.checkpoints.keys.rules import KeyMap, Rule, fitted
from sfumato.errors import CheckpointError

ENDS = (
    Rule("conv_in", "input_blocks.0.0"),
    Rule("time_embedding.cond_proj", "time_embed.cond_proj"),
    Rule("time_embedding.linear_1", "time_embed.0"),
    Rule("time_embedding.linear_2", "time_embed.2"),
    Rule("add_embedding.linear_1", "label_emb.0.0"),
    Rule("add_embedding.linear_2", "label_emb.0.2"),
    Rule("mid_block.attentions.0", "middle_block.1"),
    Rule("conv_norm_out", "out.0"),
    Rule("conv_out", "out.2"),
)
RESIDUAL = (
    Rule("norm1", "in_layers.0"),
    Rule("conv1", "in_layers.2"),
    Rule("time_emb_proj", "emb_layers.1"),
    Rule("norm2", "out_layers.0"),
    Rule("conv2", "out_layers.3"),
    Rule("conv_shortcut", "skip_connection"),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What decides where a block stands in the lists; `attending_up` counts levels from the coarsest."""

    levels: int
    layers: int  # residual blocks of a level on the way down
    attending_up: frozenset[int]


def unet(names: Collection[str]) -> KeyMap:
    """The map for a U-Net that has tensors of these names, all ours or all original and without prefix.

    Raises CheckpointError for levels of different lengths, which the original layout cannot number.
    """
    original = any(name.startswith("input_blocks.") for name in names)
    plan = _original_plan(names) if original else _our_plan(names)
    return fitted(_rules(plan), names, original=original)


def _rules(plan: Plan) -> Iterator[Rule]:
    yield from ENDS
    yield from _residual("mid_block.resnets.0", "middle_block.0")
    yield from _residual("mid_block.resnets.1", "middle_block.2")
    for level in range(plan.levels):
        down, first = f"down_blocks.{level}", 1 + level * (plan.layers + 1)
        for layer in range(plan.layers):
            yield from _residual(f"{down}.resnets.{layer}", f"input_blocks.{first + layer}.0")
            yield Rule(f"{down}.attentions.{layer}", f"input_blocks.{first + layer}.1")
        yield Rule(f"{down}.downsamplers.0.conv", f"input_blocks.{first + plan.layers}.0.op")
        up, first = f"up_blocks.{level}", level * (plan.layers + 1)
        for layer in range(plan.layers + 1):
            yield from _residual(f"{up}.resnets.{layer}", f"output_blocks.{first + layer}.0")
            yield Rule(f"{up}.attentions.{layer}", f"output_blocks.{first + layer}.1")
        behind = 2 if level in plan.attending_up else 1
        yield Rule(f"{up}.upsamplers.0.conv", f"output_blocks.{first + plan.layers}.{behind}.conv")


def _residual(ours: str, theirs: str) -> Iterator[Rule]:
    for rule in RESIDUAL:
        yield Rule(f"{ours}.{rule.ours}", f"{theirs}.{rule.theirs}")


def _original_plan(names: Collection[str]) -> Plan:
    halved = sorted(_numbers(names, r"input_blocks\.(\d+)\.0\.op\.weight"))
    blocks = _numbers(names, r"input_blocks\.(\d+)\.0\.")
    levels = len(halved) + 1
    length = halved[0] if halved else len(blocks)
    if halved != [length * level for level in range(1, levels)] or len(blocks) != length * levels:
        raise CheckpointError(
            f"a U-Net of {len(blocks)} input blocks that halves its picture at {halved}: "
            "levels of different lengths cannot be named; take the diffusers folder of this model"
        )
    up = _numbers(names, r"output_blocks\.(\d+)\.2\.conv\.weight")
    return Plan(levels=levels, layers=length - 1, attending_up=frozenset(block // length for block in up))


def _our_plan(names: Collection[str]) -> Plan:
    levels = len(_numbers(names, r"down_blocks\.(\d+)\."))
    layers = {len(_numbers(names, rf"down_blocks\.{level}\.resnets\.(\d+)\.")) for level in range(levels)}
    if len(layers) != 1:
        raise CheckpointError(
            f"a U-Net whose levels have {sorted(layers)} residual blocks has no original names"
        )
    up = _numbers(names, r"up_blocks\.(\d+)\.attentions\.")
    return Plan(levels=levels, layers=layers.pop(), attending_up=frozenset(up))


def _numbers(names: Collection[str], pattern: str) -> set[int]:
    return {int(found[1]) for found in map(re.compile(pattern).match, names) if found}

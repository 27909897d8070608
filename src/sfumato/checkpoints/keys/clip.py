"""CLIP's text tower: as transformers names it (with and without `text_model.`), and as OpenCLIP does.

OpenCLIP keeps query, key and value stacked in one matrix and its text projection transposed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sfumato.checkpoints.keys.rules import TRANSPOSED, KeyMap, Rule, fitted

TOWER = ("embeddings", "encoder", "final_layer_norm")
HEADS = ("text_projection", "logit_scale")
OPENCLIP_BLOCK = (
    Rule("layer_norm1", "ln_1"),
    Rule("layer_norm2", "ln_2"),
    Rule("mlp.fc1", "mlp.c_fc"),
    Rule("mlp.fc2", "mlp.c_proj"),
    Rule("self_attn.out_proj", "attn.out_proj"),
)
STACKED = tuple(f"self_attn.{letter}_proj" for letter in "qkv")


def clip(names: Collection[str]) -> KeyMap:
    """The map from transformers' names, of which some leave out `text_model.`, to ours."""
    bare = not any(name.startswith("text_model.") for name in names)
    tower = [Rule(f"text_model.{module}", module if bare else f"text_model.{module}") for module in TOWER]
    return fitted([*tower, *(Rule(head, head) for head in HEADS)], names, original=True)


def openclip(names: Collection[str]) -> KeyMap:
    """The map for a text tower with these names, all ours or all OpenCLIP's and without prefix."""
    original = any(name.startswith("transformer.resblocks.") for name in names)
    pattern = re.compile(r"(?:transformer\.resblocks|text_model\.encoder\.layers)\.(\d+)\.")
    layers = 1 + max((int(found[1]) for found in map(pattern.match, names) if found), default=-1)
    return fitted(_rules(layers), names, original=original)


def _rules(layers: int) -> Iterator[Rule]:
    yield Rule("text_model.embeddings.token_embedding", "token_embedding")
    yield Rule("text_model.embeddings.position_embedding.weight", "positional_embedding")
    yield Rule("text_model.final_layer_norm", "ln_final")
    yield Rule("text_projection.weight", "text_projection", TRANSPOSED)
    yield Rule("logit_scale", "logit_scale")
    for layer in range(layers):
        ours, theirs = f"text_model.encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for rule in OPENCLIP_BLOCK:
            yield Rule(f"{ours}.{rule.ours}", f"{theirs}.{rule.theirs}")
        for kind in ("weight", "bias"):
            stack = tuple(f"{ours}.{module}.{kind}" for module in STACKED)
            yield Rule(stack, f"{theirs}.attn.in_proj_{kind}")

"""ControlNet as its authors' code names it, and as diffusers does.

Its copy of the U-Net's way down is named as the U-Net's own (`unet.py`); here is what joins and feeds it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sfumato.checkpoints.keys.rules import KeyMap, Rule, fitted
from sfumato.checkpoints.keys.unet import unet


def controlnet(names: Collection[str]) -> KeyMap:
    """The map for a ControlNet that has tensors of these names, all ours or all original and without prefix.

    Raises CheckpointError for levels of different lengths, as for a U-Net.
    """
    original = any(name.startswith("input_blocks.") for name in names)
    own = fitted(_rules(names), names, original=original)
    return KeyMap((*unet(names).pairs, *own.pairs))


def _rules(names: Collection[str]) -> Iterator[Rule]:
    blocks = _most(names, r"controlnet_cond_embedding\.blocks\.(\d+)\.", -1) + 1
    last = _most(
        names, r"input_hint_block\.(\d+)\.", 2 + 2 * blocks
    )  # SiLUs count there, and have no tensors
    hint, theirs = "controlnet_cond_embedding", "input_hint_block"
    yield Rule(f"{hint}.conv_in", f"{theirs}.0")
    for block in range((last - 2) // 2):
        yield Rule(f"{hint}.blocks.{block}", f"{theirs}.{2 + 2 * block}")
    yield Rule(f"{hint}.conv_out", f"{theirs}.{last}")
    skips = max(_most(names, r"(?:controlnet_down_blocks|zero_convs)\.(\d+)\.", -1), 0)
    for skip in range(skips + 1):
        yield Rule(f"controlnet_down_blocks.{skip}", f"zero_convs.{skip}.0")
    yield Rule("controlnet_mid_block", "middle_block_out.0")


def _most(names: Collection[str], pattern: str, default: int) -> int:
    """The largest number that a name has there."""
    found = (int(each[1]) for each in map(re.compile(pattern).match, names) if each)
    return max(found, default=default)

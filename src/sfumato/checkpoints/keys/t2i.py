"""T2I-Adapter as its authors' code names it, and as diffusers does.

Theirs is one list of residual blocks, of which each level has as many; ours are levels. A light one has
levels there too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sfumato.checkpoints.keys.rules import KeyMap, Rule, fitted

LEVELS = 4  # of every published adapter; the original list does not say where one begins


def t2i(names: Collection[str]) -> KeyMap:
    """The map for a T2I-Adapter that has tensors of these names, all ours or all original."""
    if any(re.match(r"body\.\d+\.out_conv\.", name) for name in names):
        return fitted(_light(), names, original=any(".body." in name for name in names))
    original = any(re.match(r"body\.\d+\.block1\.", name) for name in names)
    numbers = {each[1] for each in map(re.compile(r"body\.(\d+)\.").match, names) if each}
    inner = {each[1] for each in map(re.compile(r"body\.0\.resnets\.(\d+)\.").match, names) if each}
    return fitted(_full(len(numbers) // LEVELS if original else len(inner)), names, original=original)


def _full(layers: int) -> Iterator[Rule]:
    yield Rule("conv_in", "conv_in")
    for level in range(LEVELS):
        yield Rule(f"body.{level}.in_conv", f"body.{level * layers}.in_conv")
        for layer in range(layers):
            yield Rule(f"body.{level}.resnets.{layer}", f"body.{level * layers + layer}")


def _light() -> Iterator[Rule]:
    for level in range(LEVELS):
        yield Rule(f"body.{level}.resnets", f"body.{level}.body")
        for end in ("in_conv", "out_conv"):
            yield Rule(f"body.{level}.{end}", f"body.{level}.{end}")

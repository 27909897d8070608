"""Pictures while something beside a model is still learning: Euler's steps and guidance, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Extras
from sfumato.families.world import TIMES, World
from sfumato.train.words import Words

STEPS = 12

Asked: TypeAlias = "Callable[[Tensor, Tensor, Tensor, Extras], Tensor]"
"""What the U-Net says of x, at the times that it is told, of a context, with extras that hold its mask."""


def sketched(world: World, sentences: Sequence[str], asked: Asked, *, guidance: float) -> Tensor:
    """Pictures (B, 3, S, S) of sentences. ``asked`` is shown 2 B rows: without the words, then with them."""
    count, device = len(sentences), world.unet.conv_in.weight.device
    words = Words(world.tokenizer, [[""], *([each] for each in sentences)])
    rows = torch.cat([torch.zeros(count, dtype=torch.int64), torch.arange(count) + 1])
    ids, mask = words.said(rows, torch.zeros_like(rows), torch.zeros_like(rows, dtype=torch.bool))
    context: Tensor = world.text(ids.to(device))[0]
    extras = Extras(attention_mask=mask.to(device))
    generator = torch.Generator(device).manual_seed(0)
    x = torch.randn(count, *world.blank(world.native).shape[1:], generator=generator, device=device)
    for step in range(STEPS):
        told = x.new_full((2 * count,), TIMES * (1 - step / STEPS))
        without, within = asked(torch.cat([x, x]), told, context, extras).chunk(2)
        x = x - (without + guidance * (within - without)) / STEPS
    return world.decode(x)

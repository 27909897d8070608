"""The sheet of pictures that shows, during training, what the network can draw by now."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sfumato.families.world import World
from sfumato.painter import Painter
from sfumato.request import Request
from sfumato.train.pictures import sheet
from sfumato.world.captions import caption
from sfumato.world.compose import Variety, compose

FIRST_SEED = 10**9  # far from any scene that is trained on


def progress_prompts(variety: Variety, count: int) -> list[str]:
    """Sentences of scenes that training does not see."""
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    return [caption(compose(seed, variety, allow_held_out=True), seed) for seed in seeds]


def drawn_sheet(model: World, variety: Variety, count: int = 24) -> Tensor:
    """Draw ``count`` sentences with a model that is still learning."""
    painter = Painter(model, name=model.name, fast=True)
    requests = [
        Request(prompt=prompt, seed=seed, steps=16, model=model.name)
        for seed, prompt in enumerate(progress_prompts(variety, count))
    ]
    pictures = [torch.tensor(np.array(picture.image)) for picture in painter.batch(requests)]
    return sheet(torch.stack(pictures).permute(0, 3, 1, 2) / 255, 8)

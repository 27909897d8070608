"""Models that were distilled to draw in a few steps: Turbo, Lightning, LCM, Hyper; and what they want.

But for LCMs that read a scale, their tensors are those of any other model. What was written about them tells:
a folder's scheduler, the name that a configuration remembers, a file's metadata. A file's own name is not
asked: people rename files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sfumato.checkpoints.open import Checkpoint

TOLD = ("modelspec.title", "modelspec.description", "modelspec.architecture", "modelspec.implementation")


@dataclass(frozen=True, kw_only=True)
class FewSteps:
    """How a distilled model is asked."""

    name: str
    advice: str  # in a request's words
    spacing: str = "trailing"


KINDS = (
    FewSteps(name="Turbo", advice="1 to 4 steps, guidance 1, sampler euler_ancestral"),  # arXiv:2311.17042
    FewSteps(name="Lightning", advice="2 to 8 steps, guidance 1, sampler euler"),  # arXiv:2402.13929
    FewSteps(name="LCM", advice="4 to 8 steps, guidance 1 to 2, sampler lcm"),  # arXiv:2310.04378
    FewSteps(name="Hyper", advice="1 to 8 steps, guidance 1, sampler ddim"),  # arXiv:2404.13686
)
READS_SCALE = FewSteps(name="LCM", advice="4 to 8 steps, guidance distilled(8), sampler lcm")
"""Told by a tensor: its U-Net is told the scale of guidance beside the time."""

SCALE_TENSORS = ("time_embedding.cond_proj.weight", "time_embed.cond_proj.weight")
SCHEDULERS = {"LCMScheduler": "LCM", "TCDScheduler": "Hyper"}


def distilled(checkpoint: Checkpoint) -> FewSteps | None:
    """How a checkpoint is asked if a tensor, or what is written about it, tells that it was distilled."""
    if any(name.endswith(SCALE_TENSORS) for name in checkpoint.tensors.kinds):
        return READS_SCALE
    scheduler = str(checkpoint.configs.get("scheduler", {}).get("_class_name", ""))
    for kind in KINDS:
        word = re.compile(rf"(?<![a-z]){kind.name}(?![a-z])", re.IGNORECASE)
        if SCHEDULERS.get(scheduler) == kind.name or any(map(word.search, _written(checkpoint))):
            return kind
    return None


def _written(checkpoint: Checkpoint) -> Iterator[str]:
    yield from (checkpoint.metadata.get(entry, "") for entry in TOLD)
    yield from (str(config.get("_name_or_path", "")) for config in checkpoint.configs.values())

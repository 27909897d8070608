"""Models that were distilled to draw in a few steps: Turbo, Lightning, LCM, Hyper; and what they want.

But for LCMs that read a scale, their tensors are those of any other model. A folder's scheduler tells, and
the entries of metadata that name a build. Words in a title, in a description or in the name that a
configuration remembers ("Hyper Realism", "not for LCM") are a guess: told, and nothing is done by them. A
file's own name is not asked: people rename files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfumato.checkpoints.open import Checkpoint

BUILDS = ("modelspec.architecture", "modelspec.implementation")
PROSE = ("modelspec.title", "modelspec.description")


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
    """How a checkpoint is asked if a tensor, its scheduler or its build tells that it was distilled."""
    if any(name.endswith(SCALE_TENSORS) for name in checkpoint.tensors.kinds):
        return READS_SCALE
    scheduler = str(checkpoint.configs.get("scheduler", {}).get("_class_name", ""))
    builds = [checkpoint.metadata.get(entry, "") for entry in BUILDS]
    for kind in KINDS:
        if SCHEDULERS.get(scheduler) == kind.name or any(_named(kind, build) for build in builds):
            return kind
    return None


def hints(checkpoint: Checkpoint) -> tuple[str, ...]:
    """A line if only words in what people wrote about a checkpoint may mean that it was distilled."""
    if distilled(checkpoint):
        return ()
    written = {entry: checkpoint.metadata.get(entry, "") for entry in PROSE}
    for part, config in checkpoint.configs.items():
        written[f"{part or 'model'}'s _name_or_path"] = str(config.get("_name_or_path", ""))
    found = ((place, kind) for place, text in written.items() for kind in KINDS if _named(kind, text))
    place, kind = next(found, ("", None))
    if kind is None:
        return ()
    return (f"{place} has the word {kind.name}: if it was distilled for few steps, ask for {kind.advice}",)


def _named(kind: FewSteps, text: str) -> bool:
    return re.search(rf"(?<![a-z]){kind.name}(?![a-z])", text, re.IGNORECASE) is not None

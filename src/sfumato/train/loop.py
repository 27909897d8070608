"""One training loop for the autoencoder, CLIP and the diffusion network.

The loop knows nothing of what it trains: a `Task` gives the modules and the loss of a step. All chance in a
step comes from a generator seeded by (seed, step), so the step number is the whole state of the data: a run
that was stopped anywhere and resumed ends with the same weights, bit for bit, as one that was not (on the
CPU, with the same number of threads). Read `autoencoder.py`, `clip.py` and `diffusion.py` for the tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from sfumato.errors import DivergedError
from sfumato.train.checkpoint import restore, save
from sfumato.train.ema import Ema
from sfumato.train.log import Log
from sfumato.train.optimizer import MuonAdam


class Task(Protocol):
    """What is trained."""

    @property
    def name(self) -> str: ...

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules that learn, by the name under which their weights are stored."""
        ...

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the loss of a batch as "loss", and anything else worth logging.

        The batch, and all else that is left to chance, comes from ``generator`` alone.
        """
        ...

    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor | None:
        """Return a picture (3, H, W), 0 to 1, that shows how far the averaged modules are."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How long and how fast. ``average`` is the EMA decay per step; ``warmup`` counts steps."""

    steps: int
    batch: int
    rate: float
    warmup: int
    weight_decay: float
    clip: float
    average: float
    decay: Literal["linear", "cosine"]
    bf16: bool
    muon: bool
    seed: int
    save_every: int
    sample_every: int


def train(
    task: Task, settings: Settings, folder: Path, *, stop_at: int | None = None
) -> Mapping[str, nn.Module]:
    """Train the task to its last step and return the averaged modules.

    Resumes from the checkpoint in ``folder`` if there is one; ``stop_at`` ends early, after that many steps,
    with a checkpoint written. Raises DivergedError when a gradient is not finite: the last checkpoint stays,
    and a run that is resumed from it meets the same step again.
    """
    optimizer = MuonAdam(task.modules, weight_decay=settings.weight_decay, muon=settings.muon)
    averaged = Ema(task.modules, settings.average)
    file = folder / f"{task.name}.checkpoint"
    done = restore(file, task.modules, averaged, optimizer)
    last = settings.steps if stop_at is None else min(stop_at, settings.steps)
    device = next(next(iter(task.modules.values())).parameters()).device
    with Log(folder, task.name, first=done, last=settings.steps, batch=settings.batch) as log:
        for step in range(done, last):
            losses = backward(task, settings, step, device)
            norm = clip(task.modules, settings.clip)
            if not norm.isfinite():
                raise DivergedError(
                    f"the gradient of step {step} of {task.name} is not finite: train with a lower rate than "
                    f"{settings.rate}, a longer warm-up than {settings.warmup}, or without bf16"
                )
            rate = rate_at(step, settings)
            optimizer.step(rate)
            averaged.update(task.modules, step)
            log.step(step, losses, rate=rate, norm=norm)
            if (step + 1) % settings.save_every == 0 or step + 1 == last:
                save(file, step + 1, task.modules, averaged, optimizer)
            if (step + 1) % settings.sample_every == 0 or step + 1 == settings.steps:
                log.picture(step + 1, task.sample(averaged.modules))
    return averaged.modules


def backward(task: Task, settings: Settings, step: int, device: torch.device) -> dict[str, Tensor]:
    """Fill the gradients of one step and return its losses, detached."""
    generator = torch.Generator(device).manual_seed(settings.seed * 1_000_003 + step)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.bf16):
        losses = task.losses(generator)
    losses["loss"].backward()  # pyright: ignore[reportUnknownMemberType]
    return {name: value.detach() for name, value in losses.items()}


def clip(modules: Mapping[str, nn.Module], most: float) -> Tensor:
    """Shrink all gradients together so that their joint norm is at most ``most``; return the norm before."""
    parameters = [p for module in modules.values() for p in module.parameters() if p.grad is not None]
    return nn.utils.clip_grad_norm_(parameters, most, foreach=True)


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step: a linear rise over ``warmup`` steps, then a decay towards zero."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    if settings.decay == "linear":
        return settings.rate * (1 - progress)
    return settings.rate * 0.5 * (1 + math.cos(math.pi * progress))

"""The noise levels that a discrete diffusion model was trained at, and what it calls them.

Stable Diffusion was trained at 1000 levels, which its network is told by their number, 0 to 999. Samplers
walk sigmas: the number of one between two levels is interpolated in log sigma, as k-diffusion does.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sfumato.diffusion.levels import (
    discrete_sigmas,
    linear_betas,
    scaled_linear_betas,
    trained_levels,
    zero_terminal_snr,
)
from sfumato.diffusion.protocol import Level
from sfumato.errors import CheckpointError

BETAS = {"scaled_linear": scaled_linear_betas, "linear": linear_betas}
MOST = 100_000  # levels: more are made to keep us busy
SPACED = ("leading", "trailing", "linspace")
BENT = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta_sigmas",
}
"""Options of diffusers' schedulers, and what we call the walks that they ask for."""
FIRST, LAST, COUNT = 0.00085, 0.012, 1000
"""Stable Diffusion's variances, whose roots are evenly spaced, as arXiv:2112.10752's code has them."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """``sigmas`` by their numbers, least first; ``spacing`` is how a walk goes through them unless asked."""

    sigmas: Sequence[float]
    spacing: str

    def number(self, sigma: float) -> float:
        """What the network is told of a sigma: its place in the table, between two places if need be."""
        if sigma <= self.sigmas[0]:
            return 0.0
        upper = bisect_left(self.sigmas, sigma)
        if upper == len(self.sigmas):
            return float(upper - 1)
        below, above = self.sigmas[upper - 1], self.sigmas[upper]
        return upper - 1 + math.log(sigma / below) / math.log(above / below)

    def sigma_after(self, share: float) -> float:
        """The sigma at which this share of the levels is passed, counted from the noisiest."""
        left = round(len(self.sigmas) * (1 - share))
        return math.inf if left == len(self.sigmas) else self.sigmas[left] if left else 0.0

    def levels(self, steps: int, spacing: str | None) -> list[Level]:
        """A walk of ``steps`` down to sigma 0. Raises InputError for a spacing that there is not."""
        return trained_levels(spacing or self.spacing, steps, self.sigmas)


def trained(scheduler: Mapping[str, object], *, zero_snr: bool, spacing: str) -> Trained:
    """The levels of Stable Diffusion, or those that a folder's scheduler_config.json says.

    ``spacing`` is the model's own unless the configuration names one; ``zero_snr`` is the marker of models
    that were trained down to pure noise. Raises CheckpointError for a schedule that there is not.
    """
    _check_discrete(scheduler)
    schedule = str(scheduler.get("beta_schedule", "scaled_linear"))
    if schedule not in BETAS:
        raise CheckpointError(f"scheduler: no beta_schedule {schedule!r}; there are {', '.join(BETAS)}")
    count = _number(scheduler, "num_train_timesteps", COUNT)
    if count not in range(2, MOST + 1):
        raise CheckpointError(f"scheduler: num_train_timesteps is {count}, not a number from 2 to {MOST}")
    first, last = _number(scheduler, "beta_start", FIRST), _number(scheduler, "beta_end", LAST)
    try:
        betas = BETAS[schedule](int(count), first, last)
        to_noise = zero_snr or scheduler.get("rescale_betas_zero_snr") is True
        sigmas = discrete_sigmas(zero_terminal_snr(betas) if to_noise else betas)
    except (ValueError, ArithmeticError) as error:
        raise CheckpointError(f"scheduler: {error}") from error
    told = _spacing(scheduler, "trailing" if to_noise else spacing)
    return Trained(sigmas=sigmas, spacing=told)


def _check_discrete(scheduler: Mapping[str, object]) -> None:
    """Raise CheckpointError for schedules of another kind, whose networks have the same tensors."""
    kind = str(scheduler.get("_class_name", ""))
    if kind.startswith(("EDM", "FlowMatch")) or scheduler.get("timestep_type") == "continuous":
        raise CheckpointError(f"scheduler: {kind} walks other levels than Stable Diffusion was trained at")
    if scheduler.get("trained_betas") is not None:
        raise CheckpointError("scheduler: it lists trained_betas of its own, which sfumato does not read")


def _spacing(scheduler: Mapping[str, object], own: str) -> str:
    """The walk that a configuration asks for, else the model's own. Raises CheckpointError."""
    bent = [spacing for option, spacing in BENT.items() if scheduler.get(option) is True]
    if bent:
        return bent[0]
    told = str(scheduler.get("timestep_spacing", own))
    if told not in SPACED:
        raise CheckpointError(f"scheduler: no timestep_spacing {told!r}; there are {', '.join(SPACED)}")
    return _with_offset(told, scheduler)


def _with_offset(spacing: str, scheduler: Mapping[str, object]) -> str:
    """Leading walks end at a level: 1 for Stable Diffusion, 0 where a configuration is silent."""
    offset = _number(scheduler, "steps_offset", 0 if scheduler else 1)
    return f"leading(offset={offset:g})" if spacing == "leading" and offset != 1 else spacing


def _number(scheduler: Mapping[str, object], name: str, default: float) -> float:
    found = scheduler.get(name, default)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise CheckpointError(f"scheduler: {name} is {cast('object', found)!r}, which is no number")
    return found

"""What a network's output means: the noise (epsilon), a velocity (v), the clean latent, or a flow.

Each ``Prediction`` gives the training ``target``, the way back from an output to the ``clean`` latent, and
the scaling of the network's input. ``target`` and ``clean`` hold at any level (alpha, sigma) and undo each
other. Samplers walk at alpha = 1 for epsilon, v and clean, at alpha = 1 - sigma for flow; the derivations are
in ``docs/mathematics.md``. Scales are floats, or tensors (B, 1, 1, 1) when a batch mixes levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

Scale: TypeAlias = float | Tensor


def noised(clean: Tensor, noise: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """The latent at a level: ``alpha * clean + sigma * noise``; Ho et al. 2020, arXiv:2006.11239, eq. 4."""
    return alpha * clean + sigma * noise


def _length(alpha: Scale, sigma: Scale) -> Scale:
    """The factor between this level and the variance-preserving one of the same noise-to-signal ratio."""
    return (alpha**2 + sigma**2) ** 0.5


def _unit_variance(x: Tensor, sigma: Scale) -> Tensor:
    """At alpha = 1, back to the unit variance the network was trained on; arXiv:2206.00364, table 1, c_in."""
    return x / _length(1.0, sigma)


def _unchanged(x: Tensor, sigma: Scale) -> Tensor:
    """At alpha = 1 - sigma, ``x`` is what a flow network was trained on."""
    return x


def _epsilon_target(clean: Tensor, noise: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    return noise


def _epsilon_clean(output: Tensor, x: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """Ho et al. 2020, arXiv:2006.11239, eq. 15. At alpha = 0 epsilon says nothing of the clean latent."""
    return (x - sigma * output) / alpha


def _v_target(clean: Tensor, noise: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """Salimans & Ho 2022, arXiv:2202.00512, appendix D, for levels of any length."""
    return (alpha * noise - sigma * clean) / _length(alpha, sigma)


def _v_clean(output: Tensor, x: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    length = _length(alpha, sigma)
    return (alpha / length * x - sigma * output) / length


def _clean_target(clean: Tensor, noise: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    return clean


def _clean_clean(output: Tensor, x: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    return output


def _flow_target(clean: Tensor, noise: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """The velocity of the straight line; Liu et al. 2022, arXiv:2209.03003, eq. 1, pointing to the noise."""
    return noise - clean


def _flow_clean(output: Tensor, x: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """On the straight line, where alpha + sigma = 1, this is ``x - sigma * output``."""
    return (x - sigma * output) / (alpha + sigma)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One meaning of a network's output."""

    name: str
    target: Callable[[Tensor, Tensor, Scale, Scale], Tensor]
    """``target(clean, noise, alpha, sigma)``: what the network is trained to output."""
    clean: Callable[[Tensor, Tensor, Scale, Scale], Tensor]
    """``clean(output, x, alpha, sigma)``: the clean latent that this output claims to see behind ``x``."""
    network_input: Callable[[Tensor, Scale], Tensor]
    """``network_input(x, sigma)``: ``x`` as the network wants it, from the levels that samplers walk."""


EPSILON = Prediction(
    name="epsilon", target=_epsilon_target, clean=_epsilon_clean, network_input=_unit_variance
)
V = Prediction(name="v", target=_v_target, clean=_v_clean, network_input=_unit_variance)
CLEAN = Prediction(name="clean", target=_clean_target, clean=_clean_clean, network_input=_unit_variance)
FLOW = Prediction(name="flow", target=_flow_target, clean=_flow_clean, network_input=_unchanged)

PREDICTIONS = {prediction.name: prediction for prediction in (EPSILON, V, CLEAN, FLOW)}

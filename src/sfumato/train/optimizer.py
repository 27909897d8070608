"""The optimiser of every recipe: Muon for matrices, AdamW for all else.

Muon takes the step of a matrix in the direction of its momentum's nearest orthogonal matrix, so that every
direction of the weight learns at the same speed. On the picture world it needs fewer samples than AdamW for
the same loss (figures in docs/training.md). `torch.optim.Muon` takes only 2-D weights; most of ours are
convolutions, which here are seen as matrices (out, in * k * k).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

StateDict = dict[str, Any]
BETAS = (0.9, 0.98)
MOMENTUM = 0.95


class MuonAdam:
    """Muon on the hidden matrices of ``modules``, AdamW on embeddings, norms, biases and outer layers.

    Both are scaled so that one rate serves both: an orthogonal step is multiplied by 0.2 sqrt(max(out, in)),
    which gives it AdamW's usual root mean square. Jordan 2024; Liu et al. 2025, arXiv:2502.16982, eq. 4.
    """

    def __init__(self, modules: Mapping[str, nn.Module], *, weight_decay: float, muon: bool = True) -> None:
        self.weight_decay = weight_decay
        matrices, others = _split([p for m in modules.values() for p in named(m)], muon)
        self.matrices = matrices
        self.momenta = [torch.zeros_like(p) for p in matrices]
        decayed = [p for p in others if p.ndim > 1]
        plain = [p for p in others if p.ndim <= 1]
        self.adam = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=1.0,
            betas=BETAS,
            foreach=True,
        )

    def step(self, rate: float) -> None:
        """Take one step at learning rate ``rate`` and clear the gradients."""
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        with torch.no_grad():
            for weight, momentum in zip(self.matrices, self.momenta, strict=True):
                if weight.grad is None:
                    continue
                momentum.lerp_(weight.grad, 1 - MOMENTUM)
                nesterov = weight.grad.lerp(momentum, MOMENTUM)
                matrix = nesterov.flatten(1)
                update = orthogonal(matrix).to(weight.dtype)
                scale = 0.2 * math.sqrt(max(matrix.shape))
                weight.mul_(1 - rate * self.weight_decay)
                weight.add_(update.view(weight.shape), alpha=-rate * scale)
                weight.grad = None

    def state_dict(self) -> StateDict:
        return {"adam": self.adam.state_dict(), "momenta": self.momenta}

    def load_state_dict(self, state: StateDict) -> None:
        self.adam.load_state_dict(state["adam"])
        for mine, saved in zip(self.momenta, state["momenta"], strict=True):
            mine.copy_(saved)


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Return nearly U V^T of ``matrix`` = U S V^T, by a quintic Newton-Schulz iteration in bfloat16.

    Singular values end between about 0.7 and 1.2, which is as good as 1 here. Coefficients: Jordan 2024.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x


def named(module: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in module.named_parameters() if p.requires_grad)


def _split(
    parameters: list[tuple[str, nn.Parameter]], muon: bool
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Hidden matrices, and the rest: vectors, tables of embeddings and the first and last layers."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in parameters:
        outer = "embedding" in name or name.startswith(
            ("conv_in.", "conv_out.", "encoder.conv_in.", "decoder.conv_out.")
        )
        (matrices if muon and parameter.ndim >= 2 and not outer else others).append(parameter)
    return matrices, others

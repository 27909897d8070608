"""What the parity tests share: a reference network whose every weight is random, so that none can hide."""

import pytest
import torch
from torch import nn


def _randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter afresh: the zeros and ones of a new network would hide what they multiply."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        spread = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1:
            scale = 1.0 + 0.3 * spread if name.endswith("weight") else 0.3 * spread
        else:
            scale = spread * parameter[0].numel() ** -0.5
        parameter.data = scale
    return network.eval()


def _epsilons(network: nn.Module) -> dict[str, float]:
    return {
        name: module.eps
        for name, module in network.named_modules()
        if isinstance(module, nn.GroupNorm | nn.LayerNorm)
    }


@pytest.fixture
def epsilons():
    """A function that tells the epsilon of every norm: outputs alone would hardly show a wrong one."""
    return _epsilons


@pytest.fixture
def randomise():
    """A function that draws every parameter of a network afresh and sets it to evaluation."""
    return _randomise

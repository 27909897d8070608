"""The running average of weights."""

import pytest
import torch
from torch import nn

from sfumato.train.ema import Ema


def test_the_average_follows_its_formula():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    average, expected = Ema({"layer": layer}, 0.5), 1.0
    for step in range(12):
        nn.init.constant_(layer.weight, float(step))
        average.update({"layer": layer}, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert average.modules["layer"].weight.item() == pytest.approx(expected, rel=1e-6)


def test_the_first_steps_forget_the_random_start_quickly():
    layer = nn.Linear(4, 4)
    average = Ema({"layer": layer}, 0.9999)
    with torch.no_grad():
        layer.weight.zero_()
    for step in range(20):
        average.update({"layer": layer}, step)
    assert average.modules["layer"].weight.abs().max() < 1e-3


def test_the_average_is_apart_from_what_learns():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    average = Ema({"layer": layer}, 0.9).modules["layer"]
    assert not average.training
    assert layer.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in layer.parameters())
    before = average[0].weight.clone()
    nn.init.zeros_(layer[0].weight)
    assert torch.equal(average[0].weight, before)

"""The path of a seed: Brownian in law, the same however it is looked at."""

import math
from itertools import combinations

import pytest
import torch

from sfumato.diffusion.brownian import Path
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Level

MANY = torch.empty(1, 4, 64, 64, dtype=torch.float64)


def at(time: float) -> Level:
    """The level at alpha = 1 of a signal-to-noise ratio."""
    return Level(1.0, time**-0.5)


def way(path: Path, start: float, end: float) -> torch.Tensor:
    return path(MANY, at(start) if start else Level(0.0, 1.0), at(end)) * math.sqrt(end - start)


STRETCHES = [(0.0, 1e-13), (0.0, 0.3), (1e-6, 2.0), (0.3, 0.30001), (0.7, 0.9), (1.0, 2.0), (3.0, 1e8)]
NEAR = [0.7 * (1 + 10.0**-power) for power in range(4, 15)]


@pytest.mark.parametrize(("start", "end"), STRETCHES)
def test_any_stretch_is_standard_normal_after_scaling(start, end):
    unit = way(Path(3), start, end) / math.sqrt(end - start)
    assert abs(unit.mean().item()) < 0.03
    assert unit.var().item() == pytest.approx(1, abs=0.05)
    assert unit.pow(4).mean().item() == pytest.approx(3, abs=0.4)


@pytest.mark.parametrize("end", NEAR)
def test_levels_are_as_far_apart_as_they_say_however_near_they_are(end):
    """Their variance is 1 down to the last bits of a level, and the next stretch knows nothing of it."""
    unit = Path(3)(MANY, at(0.7), at(end))
    assert unit.var().item() == pytest.approx(1, abs=0.05)
    assert unit.pow(4).mean().item() == pytest.approx(3, abs=0.4)
    beyond = Path(3)(MANY, at(end), at(0.7 + 2 * (end - 0.7)))
    assert abs((unit * beyond).mean().item()) < 0.03


@pytest.mark.parametrize(("start", "end"), STRETCHES)
@pytest.mark.parametrize("share", [0.5, 0.31, 0.77])
def test_adjoining_stretches_add_up_and_are_independent(start, end, share):
    middle = start + share * (end - start)
    whole, first, second = way(Path(4), start, end), way(Path(4), start, middle), way(Path(4), middle, end)
    torch.testing.assert_close(first + second, whole, rtol=1e-9, atol=1e-9 * math.sqrt(end))
    alike = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]
    assert abs(alike.item()) < 0.04


def test_what_was_looked_at_before_does_not_change_a_bit():
    levels = [at(time) for time in (0.1, 0.15, 0.4, 0.5, 3.0, 3.1)]
    pairs = list(combinations(levels, 2))
    path = Path(5)
    there = [path(MANY, *pair) for pair in pairs]
    back = [path(MANY, *pair) for pair in reversed(pairs)][::-1]
    alone = [Path(5)(MANY, *pair) for pair in pairs]
    assert all(torch.equal(one, other) for one, other in zip(there, back, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(there, alone, strict=True))


def test_the_order_of_looking_does_not_matter():
    path = Path(5)
    forward = [way(path, 0.1, 0.5), way(path, 0.5, 3.0), way(path, 0.1, 3.0)]
    again = [way(path, 0.1, 3.0), way(path, 0.5, 3.0), way(path, 0.1, 0.5)][::-1]
    for one, other in zip(forward, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_levels_of_one_signal_to_noise_ratio_are_one_time_on_any_line():
    flow, even = Path(6)(MANY, Level(0.2, 0.8), Level(0.6, 0.4)), Path(6)(MANY, Level(1, 4), Level(1, 2 / 3))
    torch.testing.assert_close(flow, even, rtol=1e-6, atol=1e-6)


def test_seeds_and_fresh_noise_are_strangers_to_each_other():
    here, there = at(0.1), at(0.9)
    noise = SeededNoise(7)
    drawn = [noise.between(MANY, here, there), noise(MANY), SeededNoise(8).between(MANY, here, there)]
    drawn.append(SeededNoise(2**63 - 1).between(MANY, here, there))
    alike = torch.corrcoef(torch.stack([one.flatten() for one in drawn])) - torch.eye(len(drawn))
    assert alike.abs().max().item() < 0.04


def test_looking_at_the_path_leaves_fresh_noise_as_it_was():
    looked, fresh = SeededNoise(9), SeededNoise(9)
    looked.between(MANY, at(0.1), at(0.2))
    assert torch.equal(looked(MANY), fresh(MANY))


def test_it_takes_shape_and_type_of_what_it_is_shown():
    got = SeededNoise(1).between(torch.empty(1, 2, 3, 5, dtype=torch.bfloat16), at(0.1), at(0.2))
    assert (got.shape, got.dtype) == ((1, 2, 3, 5), torch.bfloat16)


@pytest.mark.parametrize(
    ("here", "there"), [(at(0.2), at(0.1)), (at(0.2), at(0.2)), (at(1), Level(1.0, 0.0))]
)
def test_a_way_back_or_to_the_end_of_time_is_refused(here, there):
    with pytest.raises(ValueError, match="no way from Level"):
        Path(1)(MANY, here, there)

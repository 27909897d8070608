"""Schedules against published values, and the shape of every walk."""

import math
from itertools import pairwise

import pytest

from sfumato.diffusion.levels import (
    FLOW_SPACINGS,
    SPACINGS,
    discrete_sigmas,
    flow_uniform,
    karras,
    leading,
    linear_betas,
    scaled_linear_betas,
    trailing,
)
from sfumato.diffusion.protocol import Level

STABLE = discrete_sigmas(scaled_linear_betas())


def test_stable_diffusion_has_its_published_sigmas():
    assert len(STABLE) == 1000
    assert STABLE[0] == pytest.approx(0.0292, abs=5e-5)
    assert STABLE[-1] == pytest.approx(14.6146, abs=5e-5)


def test_ddpm_has_its_published_sigmas():
    """Ho et al.: beta from 1e-4 to 0.02, and about 4e-5 of the signal's variance left at the end."""
    sigmas = discrete_sigmas(linear_betas())
    assert sigmas[0] == pytest.approx(math.sqrt(1e-4 / (1 - 1e-4)))
    assert 1 / (1 + sigmas[-1] ** 2) == pytest.approx(4.04e-5, rel=0.01)


def test_betas_run_from_the_first_to_the_last():
    assert linear_betas(3, 0.1, 0.3) == pytest.approx([0.1, 0.2, 0.3])
    assert scaled_linear_betas(3, 0.01, 0.09) == pytest.approx([0.01, 0.04, 0.09])


@pytest.mark.parametrize("steps", [1, 2, 7, 50, 600, 1000])
@pytest.mark.parametrize("name", SPACINGS)
def test_every_walk_descends_to_zero_in_as_many_steps_as_asked(name, steps):
    levels = SPACINGS[name](steps, STABLE)
    assert len(levels) == steps + 1
    assert levels[-1] == Level(1.0, 0.0)
    assert {level.alpha for level in levels} == {1.0}
    assert all(there.sigma < here.sigma for here, there in pairwise(levels))


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("name", FLOW_SPACINGS)
def test_every_flow_walks_the_straight_line_from_pure_noise(name, steps):
    levels = FLOW_SPACINGS[name](steps)
    assert len(levels) == steps + 1
    assert (levels[0], levels[-1]) == (Level(0.0, 1.0), Level(1.0, 0.0))
    assert all(level.alpha == 1 - level.sigma for level in levels)
    assert all(there.sigma < here.sigma for here, there in pairwise(levels))


def test_karras_is_evenly_spaced_in_the_seventh_root():
    sigmas = [level.sigma for level in karras(3, [0.1, 1.0, 10.0])]
    middle = ((0.1 ** (1 / 7) + 10 ** (1 / 7)) / 2) ** 7
    assert sigmas == pytest.approx([10.0, middle, 0.1, 0.0])


def test_trailing_starts_at_the_noisiest_level_and_leading_does_not():
    assert [level.sigma for level in trailing(4, STABLE)] == [STABLE[i] for i in (999, 749, 499, 249)] + [0.0]
    assert [level.sigma for level in leading(4, STABLE)] == [STABLE[i] for i in (751, 501, 251, 1)] + [0.0]


def test_a_shift_keeps_the_ends_and_stays_longer_among_the_noisy_levels():
    shifted = [level.sigma for level in flow_uniform(4, shift=3.0)]
    assert shifted == pytest.approx([1.0, 0.9, 0.75, 0.5, 0.0])
    assert [level.sigma for level in flow_uniform(4)] == [1.0, 0.75, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("name", SPACINGS)
def test_no_steps_are_refused(name):
    with pytest.raises(ValueError, match="0 steps"):
        SPACINGS[name](0, STABLE)
    with pytest.raises(ValueError, match="0 steps"):
        flow_uniform(0)


def test_more_steps_than_trained_levels_are_refused_with_the_way_out():
    for spacing in (leading, trailing):
        with pytest.raises(ValueError, match=r"1001 steps over 1000 trained levels.*karras"):
            spacing(1001, STABLE)

"""Strength is a place on the walk: exact at its levels, between two of them where it falls between."""

import math
from itertools import pairwise

import pytest

from sfumato.diffusion.levels import discrete_sigmas, flow_uniform, scaled_linear_betas, trained_levels
from sfumato.engine.started import levels_left, strength_at

STABLE = trained_levels("leading", 10, discrete_sigmas(scaled_linear_betas()))
WALKS = {"stable": STABLE, "flow": flow_uniform(10)}


@pytest.mark.parametrize("levels", WALKS.values(), ids=WALKS)
def test_strengths_of_whole_steps_leave_the_walks_own_levels(levels):
    """As diffusers counts them: of N steps the last int(N * strength)."""
    for steps in range(11):
        assert levels_left(levels, steps / 10) == [*levels[10 - steps :]]
    assert levels_left(levels, 0.7) == [*levels[3:]]  # 1 - 0.7 is not quite 0.3


@pytest.mark.parametrize("levels", WALKS.values(), ids=WALKS)
def test_between_two_levels_a_walk_begins_between_them_and_goes_on_with_the_next(levels):
    for strength in (0.01, 0.123, 0.55, 0.999):
        first, *rest = levels_left(levels, strength)
        above = len(levels) - len(rest) - 1
        assert rest == [*levels[above + 1 :]]
        assert levels[above].sigma > first.sigma > levels[above + 1].sigma
        assert strength_at(levels, first) == pytest.approx(strength)


def test_the_place_between_is_even_in_log_sigma_and_on_a_flow_in_sigma():
    (first, *_) = levels_left(STABLE, 0.55)
    assert first.alpha == 1
    assert first.sigma == pytest.approx(math.sqrt(STABLE[4].sigma * STABLE[5].sigma))
    (first, *_) = levels_left(flow_uniform(10), 0.55)
    assert first == pytest.approx((0.45, 0.55))
    (first, *_) = levels_left(STABLE, 0.05)  # the last step, to sigma 0, has no logarithm
    assert first.sigma == pytest.approx(STABLE[9].sigma / 2)


@pytest.mark.parametrize("levels", WALKS.values(), ids=WALKS)
def test_more_strength_is_more_noise_without_a_leap(levels):
    starts = [levels_left(levels, share / 1000)[0].sigma for share in range(1001)]
    assert all(one < other for one, other in pairwise(starts))
    assert starts[0] == 0
    assert starts[-1] == levels[0].sigma

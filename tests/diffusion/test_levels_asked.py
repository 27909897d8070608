"""Spacings as people name them, with options; lists that they wrote themselves."""

import math

import pytest

from sfumato.diffusion.levels import (
    SPACINGS,
    custom,
    discrete_sigmas,
    flow_levels,
    flow_uniform,
    karras,
    leading,
    scaled_linear_betas,
    trained_levels,
)
from sfumato.diffusion.protocol import Level
from sfumato.errors import InputError

STABLE = discrete_sigmas(scaled_linear_betas())


@pytest.mark.parametrize("name", SPACINGS)
def test_every_alias_names_its_spacing_and_no_other(name):
    listing = SPACINGS[name]
    for alias in (name, *listing.aliases, name.upper().replace("_", " ")):
        if listing.flow is not None:
            assert flow_levels(alias, 5, shift=2.0) == listing.flow(5, 2.0)
        elif not name.endswith("svd"):
            assert trained_levels(alias, 5, STABLE) == listing.trained(5, STABLE)


def test_every_spacing_serves_somebody():
    assert all(listing.trained or listing.flow for listing in SPACINGS.values())


def test_options_reach_the_spacing():
    assert trained_levels("Karras(rho=5)", 6, STABLE) == karras(6, STABLE, rho=5)
    assert trained_levels("leading(offset=none)", 6, STABLE) == leading(6, STABLE)
    assert trained_levels("leading(offset=0)", 6, STABLE) == leading(6, STABLE, offset=0)
    assert flow_levels("karras(rho=5)", 6) != flow_levels("karras", 6)
    assert flow_levels("uniform(shift=3)", 6, shift=2.0) == flow_uniform(6, 3.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("karas", "unknown level spacing 'karas': did you mean karras"),
        ("trailing(rho=2)", "trailing has no option 'rho': it has final"),
        ("karras(7)", "takes options by name only: it has rho, final"),
        ("karras(rho='x')", "rho of level spacing karras is a number, not 'x'"),
        ("karras(rho=true)", "is a number, not true"),
        ("karras(rho=1e999)", "rho of level spacing karras is inf: it must be finite"),
        ("leading(offset=1.5)", "offset of level spacing leading is a whole number or none"),
        ("karras(rho=0)", "rho 0 is outside 0.1 to 1000"),
        ("beta(alpha=0)", "alpha 0 is outside"),
        ("karras(final=never)", "final never is not an end of a walk: there are zero and least"),
        ("karras(shift=3)", "has no option 'shift'"),
        ("twice_shifted", "'twice_shifted' does not serve epsilon, v and clean models: there are"),
        ("polyexponential(rho=10)", "level .* levels must fall"),
    ],
)
def test_what_cannot_be_walked_is_told_with_the_way_out(text, says):
    with pytest.raises(InputError, match=says):
        trained_levels(text, 10_000 if "poly" in text else 8, STABLE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("leading", "'leading' does not serve flow models: there are .*uniform"),
        ("align_your_steps", "does not serve flow models"),
        ("unifrom", "did you mean uniform"),
        ("uniform(shift=3, mu=1)", "both shift and mu"),
        ("uniform(mu=20)", "mu 20 is outside -6 to 6"),
        ("uniform(shift=-1)", "shift -1 is outside"),
        ("linear_quadratic(shift=3)", "shift 3 changes nothing in linear_quadratic: leave it out"),
        ("uniform(terminal=2)", "terminal 2 is not between 0 and 1"),
        ("uniform(rho=2)", "has no option 'rho': it has shift, mu, terminal, final"),
    ],
)
def test_what_a_flow_cannot_walk_is_told_with_the_way_out(text, says):
    with pytest.raises(InputError, match=says):
        flow_levels(text, 8)


def test_a_written_list_is_walked_as_it_stands():
    assert flow_levels("custom(1, 0.6, 0.25, 0)", 3) == [(0, 1), (0.4, 0.6), (0.75, 0.25), (1, 0)]
    assert flow_levels("Custom([1, 0.6, 0])", 2) == [(0, 1), (0.4, 0.6), (1, 0)]
    assert trained_levels("custom(14.6, 2, 0.03)", 2, STABLE) == [(1, 14.6), (1, 2), (1, 0.03)]
    assert custom([Level(0.0, 1.0), Level(0.9, 0.3)]) == [Level(0.0, 1.0), Level(0.9, 0.3)]
    mixed = custom([2.0, Level(1.0, 0.5), 0.0])
    assert mixed == [Level(1.0, 2.0), Level(1.0, 0.5), Level(1.0, 0.0)]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([3.0, 4.0, 0.0], "level 1 is 4 after 3: levels must fall"),
        ([3.0, 2.0, 2.0, 0.0], "level 2 is 2 after 2: levels must fall"),
        ([3.0, math.nan, 0.0], "level 1 is nan: levels must be finite"),
        ([math.inf, 0.0], "level 0 is inf: levels must be finite"),
        ([3.0, 1.0, -0.1], "level 2 is -0.1: levels must be finite and at least 0"),
        ([0.0, -1.0], "level 1 is -1"),
        ([0.0, 0.0], "level 0 is 0: a walk begins with noise"),
        ([3.0], "1 levels are no walk"),
        ([], "0 levels are no walk"),
        ([Level(0.5, 0.5), Level(0.4, 0.3)], "level 1 is alpha 0.4, sigma 0.3 after alpha 0.5, sigma 0.5"),
        ([Level(math.nan, 1.0), Level(1.0, 0.0)], "level 0 is alpha nan, sigma 1"),
    ],
)
def test_a_list_that_cannot_be_walked_is_refused_at_its_place(values, says):
    with pytest.raises(InputError, match=says):
        custom(values)


def test_a_flow_has_no_level_above_pure_noise():
    with pytest.raises(InputError, match=r"level 0 is 1.5: levels must be from 0 to 1"):
        custom([1.5, 0.5, 0.0], flow=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("custom(1, 0.5, 0)", "3 levels are 2 steps, not 8: ask for as many"),
        ("custom(1, x, 0)", "x of custom.* is not a number"),
        ("custom(1, true, 0)", "is not a number"),
        ("custom(final=0)", "is no list of levels: write, for instance"),
        ("custom(1)", "is no list of levels"),
        ("custom", "0 levels are no walk"),
    ],
)
def test_a_list_that_is_badly_written_is_refused(text, says):
    with pytest.raises(InputError, match=says):
        flow_levels(text, 8)

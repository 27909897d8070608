"""Whatever stands in a spacing's brackets: a clear error, or levels that can be walked."""

import math
from itertools import pairwise

import pytest

from sfumato.diffusion.levels import (
    SPACINGS,
    discrete_sigmas,
    flow_levels,
    scaled_linear_betas,
    trained_levels,
)
from sfumato.diffusion.levels.asked import spacing_options
from sfumato.errors import InputError

STABLE = discrete_sigmas(scaled_linear_betas())
NEVER = ["1e999", "-1e999", "nan", "inf", "'x'", "x", "[]", "[1]", "9(9)", "true"]
ABSURD = ["-1", "-1e-9", "-1e308", "1e308", "1e30", "1e-308", "0", "0.5", "1001", "9" * 30, "none"]

ON_FLOWS = ("shift", "mu", "terminal")
PLACES = [
    (name, flow, option)
    for name, listing in SPACINGS.items()
    for flow, walk in ((False, listing.trained), (True, listing.flow))
    if walk is not None
    for option in (*spacing_options(listing), "final", *ON_FLOWS * flow)
    if not name.endswith("svd")  # aligned to sigmas that these are not
]


def walk(name: str, flow: bool, option: str, value: str, steps: int):
    text = f"{name}({option}={value})"
    try:
        return flow_levels(text, steps) if flow else trained_levels(text, steps, STABLE)
    except InputError:
        return None


@pytest.mark.parametrize(("name", "flow", "option"), PLACES)
def test_an_option_that_is_no_value_is_refused(name, flow, option):
    assert [value for value in NEVER if walk(name, flow, option, value, 4) is not None] == []


@pytest.mark.parametrize(("name", "flow", "option"), PLACES)
def test_an_absurd_option_is_refused_or_can_be_walked(name, flow, option):
    for value in ABSURD:
        for steps in (1, 2, 7, 100):
            levels = walk(name, flow, option, value, steps)
            if levels is None:
                continue
            assert len(levels) == steps + 1
            assert all(math.isfinite(part) and part >= 0 for level in levels for part in level), value
            assert all(here.sigma > there.sigma for here, there in pairwise(levels)), value
            assert not value.startswith("-") or option == "mu", value


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("value", [*NEVER, "-1", "-1e308", "1e308", "1e-308", "1e30", "none"])
def test_a_level_that_is_none_is_refused(flow, value):
    for written in (f"custom({value}, 0)", f"custom(1, {value}, 0)", f"custom([1, {value}, 0])"):
        steps = written.count(",")
        with pytest.raises(InputError):
            flow_levels(written, steps) if flow else trained_levels(written, steps, STABLE)

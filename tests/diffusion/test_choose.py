"""A mistyped name is answered with the names it may have been."""

import pytest

from sfumato.diffusion.choose import choose
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.errors import InputError


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_name_in_the_table_is_found(name):
    assert choose(SAMPLERS, name, "sampler") is SAMPLERS[name]


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("DPM++ 2M", "dpmpp_2m"),
        ("dpmpp2m", "dpmpp_2m"),
        ("eular", "euler"),
        ("Euler Ancestral", "euler_ancestral"),
    ],
)
def test_an_unknown_name_is_told_the_nearest_ones(typed, near):
    with pytest.raises(InputError, match=f"did you mean .*{near}") as raised:
        choose(SAMPLERS, typed, "sampler")
    assert f"unknown sampler {typed!r}" in str(raised.value)


def test_a_name_near_to_none_is_told_all():
    with pytest.raises(InputError, match="there are ddim, ddpm, dpmpp_2m, euler, euler_ancestral"):
        choose(SAMPLERS, "xyzzy", "sampler")

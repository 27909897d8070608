"""Which sizes can be drawn, and what is brought to one that can."""

import pytest

from sfumato.families.sizes import Sizes


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((128, 128), (128, 128)),
        ((64, 192), (64, 192)),
        ((100, 90), (96, 96)),
        ((1024, 683), (160, 96)),
        ((4000, 300), (192, 64)),
        ((30, 20), (96, 64)),
    ],
)
def test_a_size_that_fits_is_near_and_of_the_same_shape(size, fitted):
    sizes = Sizes(native=(128, 128), multiple=32, smallest=64, largest=192)
    assert sizes.fitting(size) == fitted
    assert sizes.draws(sizes.fitting(size))

"""The backgrounds: the same at every size, told apart, and quiet enough to stand things on."""

import pytest
import torch

from sfumato.errors import InputError
from sfumato.world.backgrounds import BACKGROUNDS, background

PLACES = ("meadow", "beach", "night sky", "snow", "sea")


def test_plain_two_tone_and_the_places_are_there_with_words_of_their_own():
    assert set(PLACES) <= BACKGROUNDS.keys()
    assert sum(" and " in name for name in BACKGROUNDS) >= 4
    assert len({each.phrase for each in BACKGROUNDS.values()}) == len(BACKGROUNDS)
    assert len({each.keyword for each in BACKGROUNDS.values()}) == len(BACKGROUNDS)
    assert all(name == each.name for name, each in BACKGROUNDS.items())


@pytest.mark.parametrize(("height", "width"), [(128, 128), (96, 160), (33, 20)])
def test_every_background_is_drawn_at_any_size(height: int, width: int):
    pictures = background(list(BACKGROUNDS), height, width)
    assert pictures.shape == (len(BACKGROUNDS), 3, height, width)
    assert pictures.isfinite().all()
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_a_background_is_the_same_every_time_alone_and_in_a_batch():
    names = [*BACKGROUNDS, "beach", "meadow"]
    batch = background(names, 48, 64)
    for name, picture in zip(names, batch, strict=True):
        assert torch.equal(background([name], 48, 64)[0], picture)


def test_a_background_drawn_large_and_shrunk_is_the_small_one():
    small, large = background(list(BACKGROUNDS), 64, 64), background(list(BACKGROUNDS), 128, 128)
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert (shrunk - small).abs().mean((1, 2, 3)).max() < 0.01


def test_no_two_backgrounds_look_alike():
    pictures = background(list(BACKGROUNDS), 32, 32).flatten(1)
    apart = torch.cdist(pictures, pictures) / pictures.shape[1] ** 0.5
    apart.fill_diagonal_(1)
    assert apart.min() > 0.04


def test_two_tone_backgrounds_are_the_named_colours_above_and_below():
    for name in BACKGROUNDS:
        if " and " not in name:
            continue
        upper, lower = name.split(" and ")
        two, first, second = background([name, upper, lower], 64, 64)
        assert torch.allclose(two[:, 0], first[:, 0], atol=0.01)
        assert torch.allclose(two[:, -1], second[:, 0], atol=0.01)


def test_backgrounds_are_quiet():
    pictures = background(list(BACKGROUNDS), 128, 128)
    busy = (pictures[..., 1:] - pictures[..., :-1]).abs().mean((1, 2, 3))
    assert busy.max() < 0.01  # the mean step from pixel to pixel


def test_an_unknown_background_is_named_in_the_error():
    with pytest.raises(InputError, match="moon base"):
        background(["beach", "moon base"], 32, 32)

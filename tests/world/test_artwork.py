"""The pixels of the sprites. Skipped with the reason where the font is absent (in CI that is an error)."""

from pathlib import Path

import pytest
import torch

from sfumato.errors import InputError, MissingExtra
from sfumato.world.artwork import artwork, find_font
from sfumato.world.sprites import CORE, SPRITES


@pytest.fixture(scope="module")
def font() -> Path:
    try:
        return find_font()
    except MissingExtra as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def tiles(font: Path) -> torch.Tensor:
    return artwork([sprite.name for sprite in SPRITES], 40)


def test_every_thing_has_a_glyph_of_its_own_in_the_font(tiles: torch.Tensor):
    premultiplied = torch.cat([tiles[:, :3] * tiles[:, 3:], tiles[:, 3:]], 1).flatten(1)
    apart = torch.cdist(premultiplied, premultiplied) / premultiplied.shape[1] ** 0.5
    apart.fill_diagonal_(1)
    nearest = apart.min(1)
    worst = int(nearest.values.argmin())
    twins = SPRITES[worst].name, SPRITES[int(nearest.indices[worst])].name
    assert nearest.values[worst] > 0.1, twins
    assert (tiles[:, 3] > 0.5).float().mean((1, 2)).min() > 0.04


def test_the_longest_side_fills_the_tile_but_for_a_margin(tiles: torch.Tensor):
    visible = tiles[:, 3] > 0
    assert tiles.shape[1:] == (4, 40, 40)
    assert not visible[:, [0, -1]].any()
    assert not visible[:, :, [0, -1]].any()
    heights, widths = visible.any(2).sum(1), visible.any(1).sum(1)
    assert torch.maximum(heights, widths).min() >= 37


def test_things_stand_in_the_middle_of_their_tile(tiles: torch.Tensor):
    for axis in (1, 2):
        line = (tiles[:, 3] > 0).any(axis).int()
        before, after = line.argmax(1), line.flip(1).argmax(1)
        assert (before - after).abs().max() <= 2


def test_pixels_are_straight_alpha_between_nought_and_one(tiles: torch.Tensor):
    assert tiles.min() == 0
    assert tiles.max() == 1
    opaque, faint = tiles[:, 3:] > 0.99, (tiles[:, 3:] > 0.2) & (tiles[:, 3:] < 0.4)
    brightness = tiles[:, :3].amax(1, keepdim=True)
    assert brightness[faint].mean() > 0.7 * brightness[opaque].mean()  # premultiplied it would be a third


@pytest.mark.parametrize("extent", [8, 31, 64, 200])
def test_any_extent_is_drawn_and_one_alone_is_one_among_many(font: Path, extent: int):
    many = artwork(CORE[:3], extent)
    assert many.shape == (3, 4, extent, extent)
    assert torch.equal(artwork([CORE[1]], extent, font=font)[0], many[1])


def test_an_absent_font_names_the_command_that_installs_it(tmp_path: Path):
    with pytest.raises(MissingExtra, match="apt-get install fonts-noto-color-emoji"):
        artwork(["cat"], 32, font=tmp_path / "none.ttf")


def test_an_unknown_thing_is_named_in_the_error(font: Path):
    with pytest.raises(InputError, match="wombat"):
        artwork(["cat", "wombat"], 32)
    with pytest.raises(InputError, match="extent 4"):
        artwork(["cat"], 4)

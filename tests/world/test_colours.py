"""Tinting: the colour is the named one, and the thing stays itself."""

import pytest
import torch

from sfumato.errors import InputError, MissingExtra
from sfumato.world.artwork import artwork
from sfumato.world.colours import COLOURS, references, tint, tint_all
from sfumato.world.sprites import CORE, SPRITES

NEARER = 0.65
"""The named colour is nearer than 0.65 times the second nearest, for every sprite (measured: 0.60)."""


@pytest.fixture(scope="module")
def tiles() -> torch.Tensor:
    try:
        return artwork([sprite.name for sprite in SPRITES], 32)
    except MissingExtra as absent:
        pytest.skip(str(absent))


def test_every_thing_in_every_colour_is_nearest_to_that_colour(tiles: torch.Tensor):
    tinted = tint_all(tiles)
    alpha = tinted[:, :, 3:]
    means = (tinted[:, :, :3] * alpha).sum((3, 4)) / alpha.sum((3, 4))  # (colours, N, 3)
    distances = (means[:, :, None] - references()).norm(dim=-1)
    own = torch.arange(len(COLOURS))[:, None].expand(-1, len(SPRITES))
    ordered = distances.sort(-1)
    assert torch.equal(ordered.indices[..., 0], own)
    assert (ordered.values[..., 0] / ordered.values[..., 1]).max() < NEARER


def test_a_tinted_thing_keeps_its_outline_and_its_light_and_dark(tiles: torch.Tensor):
    weights = torch.tensor((0.299, 0.587, 0.114))[:, None, None]
    grey = (tiles[:, :3] * weights).sum(1)
    inside = tiles[:, 3] > 0.9
    for tinted in tint_all(tiles):
        assert torch.equal(tinted[:, 3], tiles[:, 3])
        tone = (tinted[:, :3] * weights).sum(1)
        for before, after, mask in zip(grey, tone, inside, strict=True):
            ranks = torch.stack([before[mask].argsort().argsort(), after[mask].argsort().argsort()]).float()
            assert torch.corrcoef(ranks)[0, 1] > 0.7


def test_all_tints_at_once_are_each_tint_alone(tiles: torch.Tensor):
    some = tiles[:5]
    together = tint_all(some)
    assert together.shape == (len(COLOURS), 5, 4, 32, 32)
    for colour, batch in zip(COLOURS, together, strict=True):
        assert torch.equal(tint(some, colour), batch)
        assert torch.equal(tint(some[2:3], colour)[0], batch[2])


def test_tints_stay_between_nought_and_one_even_for_an_empty_or_even_tile():
    odd = torch.stack([torch.zeros(4, 8, 8), torch.ones(4, 8, 8), torch.full((4, 8, 8), 0.5)])
    for tinted in tint_all(odd):
        assert tinted.isfinite().all()
        assert tinted.min() >= 0
        assert tinted.max() <= 1


def test_grey_is_gray_and_an_unknown_colour_is_named_in_the_error():
    assert list(COLOURS) == [
        *("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray"),
    ]
    assert COLOURS["gray"].synonyms == ("grey",)
    with pytest.raises(InputError, match="mauve"):
        tint(torch.zeros(1, 4, 8, 8), "mauve")


def test_the_core_in_two_colours_is_told_apart_by_its_pixels(tiles: torch.Tensor):
    every = tint_all(tiles[[index for index, sprite in enumerate(SPRITES) if sprite.name in CORE]])
    shown = (every[:, :, :3] * every[:, :, 3:]).transpose(0, 1).flatten(2)  # (N, colours, pixels)
    apart = torch.cdist(shown, shown) / every[0, :, 3].sum((1, 2)).sqrt()[:, None, None]
    apart.diagonal(dim1=1, dim2=2).fill_(1)
    assert apart.min() > 0.2

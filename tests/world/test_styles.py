"""The styles: told apart, of pictures alone, and the thing in them still has its colour."""

import pytest
import torch

from sfumato.world.backgrounds import BACKGROUNDS, background
from sfumato.world.styles import STYLES

PAINTED = [name for name in STYLES if name != "sticker"]


def pictures(height: int = 64, width: int = 64, *, count: int = len(BACKGROUNDS)) -> torch.Tensor:
    """Backgrounds with a disc of a strong colour in the middle of each."""
    batch = background(list(BACKGROUNDS)[:count], height, width)
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = torch.hypot(down - height / 2 + 0.5, across - width / 2 + 0.5) < height / 4
    strong = torch.tensor([(0.88, 0.13, 0.16), (0.16, 0.66, 0.24), (0.16, 0.38, 0.91)])
    colours = strong[torch.arange(count) % 3][:, :, None, None]
    return torch.where(disc, colours, batch)


def test_the_eight_styles_of_the_world_are_there():
    assert list(STYLES) == [
        *(
            "sticker",
            "watercolor",
            "pixel art",
            "ink wash",
            "oil painting",
            "pencil sketch",
            "neon",
            "cinematic",
        ),
    ]
    phrases = [phrase for style in STYLES.values() for phrase in style.phrases]
    assert len(set(phrases)) == len(phrases)
    assert all(style.phrases and style.name == name for name, style in STYLES.items())


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 128), (50, 34), (256, 256)])
def test_a_style_keeps_the_shape_and_the_range(name: str, height: int, width: int):
    before = pictures(height, width, count=4)
    kept = before.clone()
    after = STYLES[name].apply(before)
    assert after.shape == before.shape
    assert after.isfinite().all()
    assert after.min() >= 0
    assert after.max() <= 1
    assert torch.equal(before, kept)


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_the_same_every_time_and_beside_any_neighbour(name: str):
    batch = pictures()
    together = STYLES[name].apply(batch)
    assert torch.equal(STYLES[name].apply(batch), together)
    for index in (0, 7, len(batch) - 1):
        alone = STYLES[name].apply(batch[index : index + 1])[0]
        assert (alone - together[index]).abs().max() < 1e-5


@pytest.mark.parametrize("name", PAINTED)
def test_a_style_leaves_the_global_generator_alone(name: str):
    before = torch.random.get_rng_state()
    STYLES[name].apply(pictures(count=1))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_no_two_styles_of_a_picture_look_alike():
    batch = pictures(128, 128)
    styled = torch.stack([style.apply(batch) for style in STYLES.values()]).flatten(2)  # (styles, B, pixels)
    apart = torch.cdist(styled.transpose(0, 1), styled.transpose(0, 1)) / styled.shape[-1] ** 0.5
    apart.diagonal(dim1=1, dim2=2).fill_(1)
    assert apart.mean(0).min() > 0.05


@pytest.mark.parametrize("name", STYLES)
def test_a_strong_colour_survives_the_style(name: str):
    after = STYLES[name].apply(pictures(128, 128))
    middle = after[:, :, 48:80, 48:80].mean((2, 3))
    strongest = torch.tensor([0, 1, 2])[torch.arange(len(middle)) % 3]
    assert torch.equal(middle.argmax(1), strongest)
    assert (middle.amax(1) - middle.median(1).values).min() > 0.1


def test_sticker_is_the_picture_and_pixel_art_has_thirty_two_rows():
    batch = pictures(128, 128, count=5)
    assert torch.equal(STYLES["sticker"].apply(batch), batch)
    blocks = STYLES["pixel art"].apply(batch).unflatten(3, (32, 4)).unflatten(2, (32, 4))
    assert torch.equal(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks))


def test_cinematic_has_black_bars_and_neon_is_dark():
    batch = pictures(128, 128)
    assert STYLES["cinematic"].apply(batch)[:, :, [0, 10, -11, -1]].max() == 0
    assert STYLES["neon"].apply(batch)[:, :, :24, :24].mean() < 0.3

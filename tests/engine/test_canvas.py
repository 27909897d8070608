"""What is painted on: a part cut out and pasted back, a picture laid on a larger ground."""

import time

import pytest
import torch

from sfumato.engine.canvas import Box, Canvas, box_around, cut, outpainted, outpainted_size
from sfumato.engine.kept import seam
from sfumato.engine.resizing import freest, resized, size_of
from sfumato.errors import InputError


def picture_of(width: int, height: int) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(width))


def spot(width: int, height: int, left: int, top: int, right: int, bottom: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., top:bottom, left:right] = 1
    return mask


@pytest.mark.parametrize(
    ("spotted", "margin", "size", "box"),
    [
        ((100, 100, 40, 40, 60, 60), 10, (64, 64), (30, 30, 70, 70)),
        ((100, 100, 40, 40, 60, 60), 0, (64, 32), (30, 40, 70, 60)),  # made as wide as what is drawn
        ((100, 100, 0, 0, 20, 20), 10, (64, 64), (0, 0, 30, 30)),  # a margin ends at the rim
        ((100, 100, 80, 40, 100, 60), 10, (64, 64), (60, 30, 100, 70)),  # moved in
        ((100, 40, 10, 0, 90, 40), 5, (64, 64), (5, -25, 95, 65)),  # too wide to fit: beyond both rims
    ],
)
def test_the_box_about_a_mask_has_the_shape_of_what_is_drawn(spotted, margin, size, box):
    found = box_around(spot(*spotted), margin, size)
    assert found == Box(*box)
    assert found.size[0] * size[1] == found.size[1] * size[0]


def test_a_part_that_would_be_mostly_beyond_the_rim_of_a_long_picture_is_refused():
    with pytest.raises(InputError, match="has 60000x10 pixels, and in the shape of 64x64 60000x60000"):
        box_around(torch.ones(1, 1, 10, 60_000), 0, (64, 64))


def test_a_part_beyond_the_rim_goes_on_as_at_the_rim_and_its_mask_keeps():
    picture, mask = picture_of(8, 6), torch.ones(1, 1, 6, 8)
    part, kept = cut(picture, Box(-2, -1, 8, 9)), cut(mask, Box(-2, -1, 8, 9))
    assert size_of(part) == size_of(kept) == (10, 10)
    assert torch.equal(part[..., 1:7, 2:], picture)
    assert torch.equal(part[..., 1:7, 0], picture[..., 0])
    assert float(kept.sum()) == 48


@pytest.mark.parametrize("box", [None, Box(4, 4, 28, 28), Box(-8, -4, 32, 36)])
def test_a_painting_comes_back_to_its_place_and_all_else_bit_for_bit(box):
    picture, mask = picture_of(32, 32), spot(32, 32, 8, 8, 24, 24)
    canvas = Canvas(picture=picture, mask=mask, box=box, size=(16, 16) if box else (32, 32))
    assert size_of(canvas.shown) == canvas.size
    got = canvas.finished(torch.ones(1, 3, *canvas.size))
    outside = mask.expand(-1, 3, -1, -1) == 0
    assert torch.equal(got[outside], picture[outside])
    assert torch.allclose(got[..., 10:22, 10:22], torch.ones(()))


def test_a_part_that_is_drawn_as_large_as_it_is_comes_back_as_it_was():
    picture, mask = picture_of(32, 32), spot(32, 32, 8, 8, 24, 24)
    canvas = Canvas(picture=picture, mask=mask, box=Box(4, 6, 28, 30), size=(24, 24))
    assert torch.equal(canvas.finished(canvas.shown), picture)
    assert torch.equal(canvas.shown, picture[..., 6:30, 4:28])
    assert torch.equal(canvas.shown_mask, mask[..., 6:30, 4:28])


def test_sides_are_added_and_cut_off_and_the_mask_reaches_a_little_into_the_picture():
    picture = picture_of(64, 32)
    ground, mask = outpainted(picture, (16, -8, 0, 4))
    assert size_of(ground) == size_of(mask) == (80, 28)
    assert torch.equal(ground[..., :24, 16:], picture[..., 8:, :])
    assert bool((mask[..., :16] == 1).all())
    assert bool((mask[..., 24:, :] == 1).all())
    reach = mask[0, 0, 10, 16:]
    assert 0 < float(reach[2]) < float(reach[1]) < float(reach[0]) < 1
    assert bool((reach[4:] == 0).all())
    assert bool((mask[0, 0, :20, -8:] == 0).all())  # the right side did not grow


def test_new_ground_has_the_colours_at_the_rim():
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, 0, :, :16], picture[:, 2, :, 16:] = 1, 1
    ground, _ = outpainted(picture, (32, 0, 32, 0))
    assert bool((ground[:, 0, :, :16] > 0.95).all())
    assert bool((ground[:, 2, :, -16:] > 0.95).all())


def test_a_picture_of_the_size_that_is_asked_is_not_touched():
    picture = picture_of(8, 8)
    assert resized(picture, (8, 8)) is picture
    assert resized(picture, (4, 2)).shape == (1, 3, 2, 4)
    assert float(resized(picture, (16, 16)).max()) <= 1


def test_a_seam_rises_with_the_distance_to_what_is_kept_wherever_the_painted_part_lies():
    """As counted pixel by pixel; what is far from the painted part costs nothing."""
    mask = torch.zeros(1, 1, 64, 72)
    mask[..., :20, 50:] = 1  # at a corner, whose rims are no edges
    mask[..., 30:31, 5:40] = 1
    mask[..., 40:60, 20:40] = 0.3
    kept = torch.nonzero(mask[0, 0] == 0).double()
    places = torch.cartesian_prod(torch.arange(64), torch.arange(72)).double()
    depth = torch.cdist(places, kept, p=float("inf")).amin(1).clamp(max=2).reshape(64, 72)
    deepest = torch.stack([depth.roll((y, x), (0, 1)) for y in range(-2, 3) for x in range(-2, 3)]).amax(0)
    inner = (slice(2, -2), slice(2, -2))
    assert torch.allclose(seam(mask)[0, 0][inner].double(), (depth / deepest.clamp(min=1))[inner])
    assert float(seam(mask)[0, 0, 0, 71]) == 1
    assert not seam(torch.zeros(1, 1, 8, 8)).any()


def test_the_ground_of_a_large_picture_and_its_seam_are_made_in_seconds():
    """By sliding windows: with boxes that are summed anew at every pixel, minutes go by."""
    started = time.process_time()
    ground, mask = outpainted(torch.rand(1, 3, 512, 384), (0, 0, 128, 0))
    seam(torch.ones(1, 1, 512, 512))
    assert time.process_time() - started < 8
    assert size_of(ground) == size_of(mask) == (512, 512)


@pytest.mark.parametrize("sides", [(20, 0, -20, 0), (-8, 0, -8, 4), (4, -16, 0, 0), (-30, 5, 20, 0)])
def test_a_picture_of_which_nothing_is_left_cannot_be_painted_on(sides):
    with pytest.raises(InputError, match="cuts off all of a picture of 16x16"):
        outpainted_size((16, 16), sides)


def test_a_thin_stroke_of_a_mask_is_as_free_where_it_is_drawn_smaller():
    mask = spot(64, 64, 3, 20, 60, 21)
    canvas = Canvas(picture=picture_of(64, 64), mask=mask, box=Box(0, 0, 64, 64), size=(16, 16))
    assert canvas.shown_mask[0, 0, 5].max() == 1
    assert (canvas.shown_mask > 0.5).sum() == 15
    grown = freest(mask, (128, 32))
    assert torch.equal(grown[0, 0, 10, 6:120], torch.ones(114))
    assert grown.sum() == 114

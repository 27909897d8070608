"""Scenes as pixels: what the scene says is where it says, and nothing depends on the neighbours."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from sfumato.world.backgrounds import BACKGROUNDS, background
from sfumato.world.compose import Variety, compose
from sfumato.world.renderer import SHADOW, Renderer
from sfumato.world.scenes import Place, Scene, Thing
from sfumato.world.styles import STYLES

SPRITES = ("cat", "bus", "rocket", "star")
CAT = Thing(sprite="cat", places=(Place(0.5, 0.5, 0.5),))


@cache
def renderer_of(size: int) -> Renderer:
    return Renderer(SPRITES, size)


@pytest.fixture
def renderer() -> Renderer:
    return renderer_of(64)


def scene(*things: Thing, background: str = "white", style: str = "sticker") -> Scene:
    return Scene(things=things, background=background, style=style)


def bus(place: Place, colour: str | None = None) -> Scene:
    return scene(Thing(sprite="bus", places=(place,), colour=colour))


def mask(renderer: Renderer, place: Place) -> Tensor:
    """Where the sprite is opaque (H, W): what its tint changes."""
    red, blue = renderer([bus(place, "red"), bus(place, "blue")])
    return ((red - blue).abs().sum(0) > 0.3).float()


def box(opaque: Tensor) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is opaque, in units of the picture's side."""
    rows, columns = opaque.any(1).nonzero(), opaque.any(0).nonzero()
    size = len(opaque)
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    left, top, right, bottom = (edge.item() / size for edge in edges)
    return left, top, right, bottom


def some_scenes(variety: Variety, count: int) -> list[Scene]:
    few = replace(variety, sprites=SPRITES, turn=8.0, jitter=0.1)
    return [compose(seed, few, allow_held_out=True) for seed in range(count)]


@pytest.mark.parametrize("size", [64, 128, 256])
def test_pictures_are_square_and_between_black_and_white(size: int, variety: Variety):
    pictures = renderer_of(size)(some_scenes(variety, 12))
    assert pictures.shape == (12, 3, size, size)
    assert pictures.isfinite().all()
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert (pictures.amax((1, 2, 3)) - pictures.amin((1, 2, 3)) > 0.2).all()


def test_a_picture_is_the_same_alone_in_a_batch_and_again(renderer: Renderer, variety: Variety):
    scenes = some_scenes(variety, 48)
    together = renderer(scenes)
    assert torch.equal(renderer(scenes), together)
    assert torch.equal(renderer(scenes[::-1]).flip(0), together)
    for one, picture in zip(scenes, together, strict=True):
        assert torch.equal(renderer([one])[0], picture), one


@pytest.mark.parametrize(
    "changed",
    [
        scene(replace(CAT, sprite="star")),
        scene(replace(CAT, colour="red")),
        scene(replace(CAT, places=(Place(0.55, 0.5, 0.5),))),
        scene(replace(CAT, places=(Place(0.5, 0.45, 0.5),))),
        scene(replace(CAT, places=(Place(0.5, 0.5, 0.4),))),
        scene(replace(CAT, places=(Place(0.5, 0.5, 0.5, turn=20),))),
        scene(replace(CAT, places=(Place(0.5, 0.5, 0.5), Place(0.15, 0.15, 0.2)))),
        scene(CAT, replace(CAT, sprite="star", places=(Place(0.15, 0.15, 0.2),))),
        *(scene(CAT, background=name) for name in BACKGROUNDS if name != "white"),
        *(scene(CAT, style=style) for style in STYLES if style != "sticker"),
    ],
)
def test_one_changed_fact_changes_the_picture(renderer: Renderer, changed: Scene):
    before, after = renderer([scene(CAT), changed])
    assert (before - after).abs().mean() > 0.004


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize(
    "place",
    [Place(0.5, 0.5, 0.5), Place(0.2, 0.7, 0.3125), Place(0.65, 0.4, 0.7), Place(0.875, 0.875, 0.25)],
)
def test_the_sprite_lies_where_its_place_says(size: int, place: Place):
    left, top, right, bottom = box(mask(renderer_of(size), place))
    pixels = 2.5 / size
    assert max(right - left, bottom - top) == pytest.approx(place.extent, abs=pixels)
    assert (left + right) / 2 == pytest.approx(place.x, abs=pixels)
    assert (top + bottom) / 2 == pytest.approx(place.y, abs=pixels)


def test_moving_by_whole_pixels_moves_the_pixels(renderer: Renderer):
    here, there = (mask(renderer, Place(x, 0.5, 0.375)) for x in (0.25, 0.25 + 16 / 64))
    assert torch.equal(here.roll(16, dims=1), there)


def test_a_quarter_turn_is_clockwise(renderer: Renderer):
    def upright(turn: float) -> Tensor:
        return mask(renderer, Place(0.5, 0.5, 0.6, turn))

    left, top, right, bottom = box(upright(0))
    assert right - left > 1.05 * (bottom - top), "a bus is longer than high"
    turned = torch.rot90(upright(0), -1)
    assert (upright(90) - turned).abs().mean() < 0.01
    assert (upright(90) - turned.flip(0)).abs().mean() > 0.01, "the other way round looks different"
    assert torch.equal(upright(360), upright(0))


def test_what_is_named_later_stands_in_front(renderer: Renderer):
    place = Place(0.5, 0.5, 0.5)
    red, blue = (Thing(sprite="bus", places=(place,), colour=colour) for colour in ("red", "blue"))
    both, red_alone, blue_alone = renderer([scene(red, blue), scene(red), scene(blue)])
    opaque = mask(renderer, place).bool()
    assert (both - blue_alone)[:, opaque].abs().mean() < 0.1 * (both - red_alone)[:, opaque].abs().mean()


def test_a_tint_colours_the_thing_and_nothing_else(renderer: Renderer):
    place = Place(0.4, 0.4, 0.5)
    opaque = mask(renderer, place).bool()
    red, green = renderer([bus(place, "red"), bus(place, "green")])
    assert red[:, opaque].mean(1).argmax() == 0
    assert green[:, opaque].mean(1).argmax() == 1
    around = torch.nn.functional.max_pool2d(opaque[None].float(), 5, stride=1, padding=2)[0] == 0
    assert torch.equal(red[:, around], green[:, around])


def test_the_shadow_is_soft_and_falls_below_the_thing():
    size = 128
    place = Place(0.5, 0.5, 0.5)
    renderer = renderer_of(size)
    darker = (background(["white"], size, size)[0] - renderer([bus(place, "red")])[0]).mean(0)
    opaque = mask(renderer, place)[None]
    near = torch.nn.functional.max_pool2d(opaque, 5, stride=1, padding=2)[0].bool()
    shadow = torch.where(near, 0, darker)
    assert shadow.min() >= -1e-6
    assert 0.02 < shadow.max() <= SHADOW
    assert shadow[:, size // 2 :].sum() == pytest.approx(shadow[:, : size // 2].sum().item(), rel=0.5)
    assert shadow[size // 2 :].sum() > 2 * shadow[: size // 2].sum()
    steps = torch.where(near[1:] | near[:-1], 0, shadow.diff(dim=0))
    assert steps.abs().max() < 0.06


def test_rendering_leaves_the_background_of_the_next_picture_clean(renderer: Renderer):
    first, _, again = (
        renderer([one])[0] for one in (bus(Place(0.3, 0.3, 0.4)), scene(CAT), bus(Place(0.3, 0.3, 0.4)))
    )
    assert torch.equal(first, again)
    assert torch.equal(first[:, 40:, 50:], background(["white"], 64, 64)[0, :, 40:, 50:])


@pytest.mark.gpu
def test_an_accelerator_renders_the_same_pictures(renderer: Renderer, variety: Variety):
    scenes = some_scenes(variety, 24)
    there = Renderer(SPRITES, 64, "cuda")(scenes)
    assert there.device.type == "cuda"
    assert (there.cpu() - renderer(scenes)).abs().mean() < 1e-3

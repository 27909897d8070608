"""A second pass goes over the whole picture again, in one piece or in tiles that leave no seam."""

from pathlib import Path

import pytest
import torch
from going_on import PICTURES, drawn, picture_of, through

from sfumato.diffusion.guidance.tiled import Tile, joined, tiled
from sfumato.diffusion.named import options_told
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.engine import Engine, drawing
from sfumato.engine.passes import PASSES
from sfumato.engine.passes.tiled import _tiles
from sfumato.engine.resizing import resized
from sfumato.request import Request


@pytest.mark.parametrize("name", PASSES)
def test_with_next_to_no_strength_a_pass_is_the_picture_enlarged(tiny_world, name):
    first = drawn(tiny_world).picture
    got = drawn(tiny_world, passes=(f"{name}(2, strength=0.001)",)).picture
    assert got.shape == (1, 3, 32, 32)
    large = through(tiny_world, resized(first, (32, 32)))
    redrawn = drawn(tiny_world, passes=(f"{name}(2, strength=0.7)",)).picture
    assert (got - large).abs().mean() < 0.3 * (redrawn - large).abs().mean()


def test_a_pass_of_strength_1_ignores_what_was_drawn_before(tiny_world):
    one = drawn(tiny_world, passes=("hires(2, strength=1)",)).picture
    other = drawn(tiny_world, prompt="a castle", passes=("hires(2, strength=1)",)).picture
    again = drawn(tiny_world, picture="p", strength=0.3, passes=("hires(2, strength=1)",)).picture
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("by", ["lanczos", "bicubic", "bilinear", "nearest", "latent"])
def test_it_is_enlarged_by_what_is_named(tiny_world, by):
    pictures = [drawn(tiny_world, passes=(f"hires(2, by={each})",)).picture for each in (by, "lanczos")]
    assert torch.equal(*pictures) == (by == "lanczos")


def test_passes_follow_each_other_each_with_noise_of_its_own(tiny_world):
    """A pass of strength 1 is a picture of its own: of the first one's noise it would be the first again."""
    first, second = "hires(1, strength=1)", "hires(1, strength=0.999)"
    pictures = [drawn(tiny_world, passes=passes).picture for passes in ((), (first,), (first, second))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(pictures[one], pictures[other], atol=1e-2)


def test_one_tile_that_is_the_whole_picture_is_the_pass_in_one_piece(tiny_world):
    whole = drawn(tiny_world, passes=("hires(2, strength=0.5)",)).picture
    tile = drawn(tiny_world, passes=("tiled(2, strength=0.5, tile=32)",)).picture
    assert torch.allclose(whole, tile, atol=1e-5)


def test_a_picture_larger_than_any_that_the_model_draws_is_refined_in_tiles(tiny_world, monkeypatch):
    monkeypatch.setitem(PICTURES, "large", picture_of(70, 46))
    got = drawn(tiny_world, picture="large", strength=0, passes=("tiled(1, strength=0.2)",))
    assert got.picture.shape == (1, 3, 46, 70)
    assert (got.picture - through(tiny_world, PICTURES["large"])).abs().mean() < 0.2
    assert not any("words did nothing" in note for note in got.notes)


def test_the_steps_of_all_passes_are_counted_as_one_run(tiny_world):
    seen = []
    request = Request(
        prompt="a", seed=1, steps=6, sampler="euler", guidance=1,
        passes=("hires(1.5, strength=0.5, steps=4)", "tiled(1, strength=0.5)"),
    )  # fmt: skip
    list(Engine(tiny_world).run([drawing(request, tiny_world, seen.append)]))
    assert [each.index for each in seen] == [*range(1, 6 + 2 + 3 + 1)]
    assert {each.total for each in seen} == {11}
    assert [each.clean.shape[3] for each in seen] == [8] * 6 + [12] * 5


def test_shares_of_tiles_add_up_to_one_everywhere():
    tiles = _tiles((70, 46), (16, 16), 4, 2)
    whole = torch.zeros(1, 1, 23, 35)
    assert torch.allclose(joined(tiles, [torch.ones(1, 1, 8, 8)] * len(tiles), whole), torch.ones(()))
    assert all(float(each.share.min()) > 0 for each in tiles)


def test_every_tile_is_guided_by_its_own_and_what_one_does_not_tell_the_whole_does_not():
    tiles = [Tile(0, 0, 2, 2, torch.ones(1, 1, 2, 2)), Tile(2, 0, 4, 2, torch.ones(1, 1, 2, 2))]

    def guide(number, tells):
        def answer(question):
            yield []
            clean = torch.full_like(question.x, number)
            return Denoised(clean, conditional=clean if tells else None, unconditional=clean)

        return answer

    whole = tiled(tiles, [guide(1.0, True), guide(2.0, False)])
    answer = drive(whole(Eval(torch.zeros(1, 1, 2, 4), Level(1.0, 1.0))), lambda rows: [])
    assert answer.clean[0, 0, 0].tolist() == [1, 1, 2, 2]
    assert answer.unconditional is not None
    assert answer.conditional is None


def test_regions_are_followed_in_the_tiles_that_they_lie_in(tiny_world):
    """One that covers the left half tells nothing to the tiles on the right."""
    row = ((0.0, 0.0, 0.5, 1.0), "two yellow fish", "", 0.0)
    settings = {"picture": "p", "strength": 0, "passes": ("tiled(2, tile=16, overlap=0, strength=0.6)",)}
    with_region, without = (drawn(tiny_world, regions=each, **settings).picture for each in ((row,), ()))
    left, right = ((with_region - without)[..., place].abs().mean() for place in (slice(8), slice(26, None)))
    assert left > 1e-3
    assert right < 0.2 * left


def test_the_masked_part_alone_is_drawn_at_full_size_and_laid_back(tiny_world, monkeypatch):
    spot = torch.zeros(1, 1, 46, 70)
    spot[..., 10:22, 30:44] = 1
    monkeypatch.setitem(PICTURES, "large", picture_of(70, 46))
    monkeypatch.setitem(PICTURES, "spot", spot)
    got = drawn(tiny_world, picture="large", mask="spot", around=2)
    outside = spot.expand(-1, 3, -1, -1) == 0
    assert torch.equal(got.picture[outside], PICTURES["large"][outside])
    assert (got.picture - PICTURES["large"])[~outside].abs().mean() > 0.02
    assert any("the masked part of 18x18 is drawn at 16x16" in note for note in got.notes)
    larger = drawn(tiny_world, picture="large", mask="spot", around=2, size=(32, 32))
    assert not any("less detail" in note for note in larger.notes)
    assert not torch.equal(larger.picture, got.picture)


def test_a_picture_is_painted_on_beyond_its_sides(tiny_world):
    got = drawn(tiny_world, picture="p", outpaint=(8, 0, 0, 0)).picture
    assert got.shape == (1, 3, 16, 24)
    assert torch.equal(got[..., 8 + 2 :], PICTURES["p"][..., 2:])
    panned = drawn(tiny_world, picture="p", outpaint=(8, 0, -8, 0)).picture
    assert panned.shape == (1, 3, 16, 16)
    assert torch.equal(panned[..., 8 + 2 :], PICTURES["p"][..., 2:8])


def test_the_documentation_tells_of_every_pass_and_its_options():
    rows = [
        f"| `{name}` | {each.gives} | {', '.join(f'{k}={v}' for k, v in options_told(each.maker).items())} |"
        for name, each in PASSES.items()
    ]
    text = (Path(__file__).parents[2] / "docs" / "control" / "pictures.md").read_text(encoding="utf-8")
    assert "\n".join(["| pass | gives | options |", "|---|---|---|", *rows]) in text

"""Going on from a picture: strength is an exact level, and what a mask keeps is kept to the pixel."""

import pytest
import torch
from going_on import PICTURES, drawn, job, picture_of, through

from sfumato.diffusion.samplers import SAMPLERS
from sfumato.engine import Engine, drawing
from sfumato.engine.kept import pasted
from sfumato.errors import InputError
from sfumato.request import Request


def test_strength_0_is_the_picture_through_the_autoencoder(tiny_world):
    got = drawn(tiny_world, picture="p", strength=0)
    assert torch.equal(got.picture, through(tiny_world, PICTURES["p"]))
    assert got.notes == ("strength 0: the picture went through the autoencoder, and words did nothing",)


def test_strength_1_ignores_the_picture_bit_for_bit_and_says_so(tiny_world):
    got = drawn(tiny_world, picture="p", strength=1)
    assert torch.equal(got.picture, drawn(tiny_world).picture)
    assert any("strength 1 begins from pure noise" in note for note in got.notes)


def test_the_higher_the_strength_the_further_it_goes(tiny_world):
    kept = through(tiny_world, PICTURES["p"])
    away = [
        float((drawn(tiny_world, picture="p", strength=strength, guidance=1).picture - kept).square().mean())
        for strength in (0.05, 0.3, 0.6, 0.9)
    ]
    assert away == sorted(away)
    assert away[0] < 0.3 * away[-1]


def test_strength_is_06_unless_it_is_said(tiny_world):
    one, other = drawn(tiny_world, picture="p"), drawn(tiny_world, picture="p", strength=0.6)
    assert torch.equal(one.picture, other.picture)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_goes_on_from_a_picture(tiny_world, sampler):
    """From a level that is none of its walk's; with little strength it stays near."""
    kept = through(tiny_world, PICTURES["p"])
    near = drawn(tiny_world, picture="p", strength=0.02, steps=100, sampler=sampler, guidance=1).picture
    far = drawn(tiny_world, picture="p", strength=0.55, sampler=sampler, guidance=1).picture
    assert (near - kept).abs().mean() < 0.5 * (far - kept).abs().mean()


@pytest.mark.parametrize("strength", [None, 0.55])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_with_every_sampler_what_a_mask_keeps_is_kept_to_the_pixel(tiny_world, sampler, strength):
    got = drawn(tiny_world, picture="p", mask="half", strength=strength, sampler=sampler).picture
    kept = PICTURES["half"].expand(-1, 3, -1, -1) == 0
    assert torch.equal(got[kept], PICTURES["p"][kept])
    assert (got - PICTURES["p"])[~kept].abs().mean() > 0.02


@pytest.mark.parametrize("masking", ["soft", "hard", "differential"])
def test_a_mask_of_zeros_returns_the_picture_untouched_and_asks_nothing(tiny_world, masking):
    talk = job(tiny_world, picture="p", mask="none", masking=masking)
    with pytest.raises(StopIteration) as done:
        next(talk)
    assert torch.equal(done.value.value.picture, PICTURES["p"])
    assert done.value.value.notes == ("the mask is black all over: the picture is kept as it is",)


@pytest.mark.parametrize("masking", ["soft", "hard", "differential"])
def test_a_mask_of_ones_keeps_nothing_and_says_so(tiny_world, masking):
    got = drawn(tiny_world, picture="p", mask="all", masking=masking)
    assert torch.equal(got.picture, drawn(tiny_world).picture)
    assert any("white all over" in note for note in got.notes)
    with_strength = drawn(tiny_world, picture="p", mask="all", masking=masking, strength=0.5)
    assert torch.equal(with_strength.picture, drawn(tiny_world, picture="p", strength=0.5).picture)


def test_in_a_hard_mask_gray_is_kept_and_in_a_soft_one_it_is_mixed(tiny_world):
    assert torch.equal(drawn(tiny_world, picture="p", mask="gray", masking="hard").picture, PICTURES["p"])
    kept, painted = through(tiny_world, PICTURES["p"]), drawn(tiny_world).picture
    mixed = drawn(tiny_world, picture="p", mask="gray").picture
    assert (mixed - kept).abs().mean() < 0.8 * (painted - kept).abs().mean()
    assert (mixed - kept).abs().mean() > 0.05 * (painted - kept).abs().mean()


@pytest.mark.parametrize("strength", [1.0, 2 / 3])
def test_in_a_differential_mask_gray_is_a_strength_of_its_own(tiny_world, strength):
    """Everywhere the same, it is image-to-image from there: until then it was the noised picture."""
    got = drawn(tiny_world, picture="p", mask="gray", masking="differential", strength=strength)
    expected = drawn(tiny_world, picture="p", strength=strength / 2)
    assert torch.allclose(got.picture, expected.picture, atol=2e-5)


def test_requests_from_a_picture_share_a_batch_and_each_is_drawn_as_alone(tiny_world):
    wishes = [
        {},
        {"picture": "p", "strength": 0.4, "sampler": "dpmpp_2m"},
        {"picture": "p", "mask": "half"},
        {"picture": "p", "mask": "gray", "masking": "differential", "sampler": "euler_ancestral"},
        {"picture": "p", "mask": "none"},
        {"picture": "p", "strength": 0},
        {"passes": ("hires(1.5, steps=3)",), "seed": 5},
        {"passes": ("tiled(2, tile=16, overlap=0, steps=3)",), "guidance": "apg(3)"},
        {"picture": "p", "outpaint": (0, 0, 8, 0)},
        {"variations": ((9, 0.3),), "toward": ("two yellow fish", 0.4)},
    ]
    jobs = [job(tiny_world, **wish) for wish in wishes]
    rounds = Engine(tiny_world).run(jobs, at_once=len(jobs))
    found = {each.number: each.outcome for round_ in rounds for each in round_}
    for number, wish in enumerate(wishes):
        assert torch.equal(found[number].picture, drawn(tiny_world, **wish).picture), wish


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"masking": "hard"}, "masking hard says what gray means in a mask, and there is none"),
        ({"picture": "p", "mask": "half", "strength": 0}, "at strength 0 nothing is painted under the mask"),
        ({"picture": "p", "strength": 0.1, "sampler": "dpm_fast"}, "leaves 1 of 6 steps, too few for dpm_"),
        ({"picture": "p", "mask": "half", "passes": ("hires(2)",)}, "the mask keeps some of it to the pixel"),
        ({"picture": "p", "outpaint": (3, 0, 0, 0)}, "size 19x16 cannot be drawn: .* try 16x16 or 20x16"),
        ({"picture": "p", "outpaint": (100_000, 100_000, 100_000, 0)}, "size 200016x100016 cannot be drawn"),
        ({"picture": "p", "outpaint": (20, 0, -20, 0)}, "cuts off all of a picture of 16x16"),
        ({"picture": "p", "outpaint": (-9, 0, 4, -16)}, "cuts off all of a picture of 16x16"),
        ({"passes": ("hires",)}, "pass hires needs the factor"),
        ({"passes": ("hires(2, by=magic)",)}, "cannot enlarge by 'magic': there are lanczos"),
        ({"passes": ("hires(2, strength=0)",)}, "strength 0 of pass hires is outside"),
        ({"passes": ("hires(0.5)",)}, "factor 0.5 of pass hires is outside 1 to 8"),
        ({"passes": ("hires(3)",)}, "size 48x48 cannot be drawn"),
        ({"passes": ("hires(2, steps=1, strength=0.5)",), "sampler": "dpm_fast"}, "pass hires: dpm_fast"),
        ({"passes": ("tiled(1.06)",)}, "would make 17x17, and sides must be multiples of 2: 16x16 is near"),
        ({"passes": ("tiled(2, tile=14)",)}, "tiles of pass tiled: size 14x14 cannot be drawn"),
        ({"passes": ("tiled(2, overlap=16)",)}, "tiles of 16x16 cannot overlap by 16"),
        ({"passes": ("upscale(2)",)}, "no pass 'upscale': there are hires, tiled"),
        ({"toward": ("a cat AND a dog", 0.5)}, "it is one plain sentence"),
        ({"toward": ("a [cat:dog:0.5]", 0.5)}, "it is one plain sentence"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_before_anything_is_asked(tiny_world, wishes, told):
    with pytest.raises(InputError, match=told):
        next(job(tiny_world, **wishes))


def test_what_follows_a_stroke_inwards_is_the_painting_and_what_lies_outside_the_picture():
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 40:60, :] = 1
    mask[..., 100:101, 10:90] = 1  # thinner than the seam
    seam = pasted(torch.ones(1, 3, 128, 128), torch.zeros(1, 3, 128, 128), mask)[0, 0]
    assert bool((seam[(mask == 0)[0, 0]] == 0).all())
    assert bool((seam[44:56] == 1).all())
    assert 0 < float(seam[40, 64]) < 1
    assert bool((seam[100, 12:88] == 1).all())


def test_where_no_step_is_taken_whoever_looks_on_is_told_once(tiny_world):
    for wishes in ({"strength": 0}, {"mask": "none"}):
        seen = []
        settings = {"prompt": "a cat", "seed": 1, "steps": 3, "picture": "p", **wishes}
        list(
            Engine(tiny_world).run([drawing(Request(**settings), tiny_world, seen.append, pictures=PICTURES)])
        )
        assert [(each.index, each.total) for each in seen] == [(1, 1)]


def test_words_whose_steps_lie_before_the_beginning_are_told(tiny_world):
    """Steps are counted over the whole walk, so that a word means the same at every level."""
    told = {"prompt": "[a castle:a red cat:0.5]", "picture": "p"}
    late = drawn(tiny_world, strength=0.5, **told)
    assert any("'a castle' is never drawn: strength 0.5 begins after" in note for note in late.notes)
    assert torch.equal(late.picture, drawn(tiny_world, picture="p", strength=0.5).picture)
    assert not any("never drawn" in note for note in drawn(tiny_world, strength=0.7, **told).notes)


def test_a_guide_that_acts_where_strength_does_not_come_by_is_told(tiny_world):
    whole, part = (
        drawn(tiny_world, picture="p", guidance="cfg(4, stop=0.4)", strength=strength).notes
        for strength in (1, 0.5)
    )
    assert not any("cfg acts from" in note for note in whole)
    assert any("cfg acts from 0 to 0.4 of the walk, and none of the levels" in note for note in part)


def test_a_walk_that_begins_lower_is_told_only_where_it_begins_from_noise_alone(tiny_world):
    low = {"levels": "custom(0.3, 0.1, 0)", "steps": 2}
    assert any("begins from pure noise" in note for note in drawn(tiny_world, **low).notes)
    assert not any(
        "begins from" in note for note in drawn(tiny_world, picture="p", strength=0.5, **low).notes
    )


def test_regions_lie_upon_the_picture_though_only_a_part_of_it_is_drawn(tiny_world, monkeypatch):
    spot = torch.zeros(1, 1, 32, 32)
    spot[..., 2:10, 2:10] = 1
    monkeypatch.setitem(PICTURES, "spot", spot)
    monkeypatch.setitem(PICTURES, "large", picture_of(32, 32))
    there = {"picture": "large", "mask": "spot", "around": 2}
    here = ((0.0, 0.0, 0.5, 0.5), "two yellow fish", "", 0.0)
    away = ((0.5, 0.5, 0.5, 0.5), "two yellow fish", "", 0.0)
    plain, inside, outside = (
        drawn(tiny_world, regions=regions, **there) for regions in ((), (here,), (away,))
    )
    assert torch.equal(inside.picture, drawn(tiny_world, **{**there, "prompt": "two yellow fish"}).picture)
    assert torch.equal(outside.picture, plain.picture)
    assert "1 of 1 regions lie outside of what is painted around the mask" in outside.notes

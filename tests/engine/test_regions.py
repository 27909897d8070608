"""Regions of a request, from its fields to its pixels; tests/diffusion has what masks do to guides."""

from dataclasses import replace

import pytest
import torch
from guides_asked import ASKED

from sfumato.diffusion.samplers import SAMPLERS
from sfumato.engine import Engine, drawing
from sfumato.errors import InputError
from sfumato.request import Request

LEFT, RIGHT, ALL = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 0.5, 1.0), (0.0, 0.0, 1.0, 1.0)
BY = pytest.mark.parametrize("by", ["blend", "attention"])


def region(area, words, *, negative="", seam=0.0):
    return (area, words, negative, seam)


def outcomes(model, requests, pictures=None):
    found = {}
    jobs = [drawing(request, model, pictures=pictures or {}) for request in requests]
    for ended in Engine(model).run(jobs, at_once=len(jobs)):
        found |= {each.number: each.outcome for each in ended}
    return [found[number] for number in sorted(found)]


def drawn(model, request, pictures=None):
    (outcome,) = outcomes(model, [request], pictures)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def hills(**values):
    return Request(**{"prompt": "a castle", "seed": 7, "steps": 3, "size": (16, 16), **values})


def halves(**values):
    return hills(
        regions=(region(LEFT, "a red cat"), region((0.25, 0.0, 0.5, 0.5), "two fish", seam=0.2)), **values
    )


# by blend and by attention ------------------------------------------------------------------------


@BY
def test_a_region_that_covers_everything_is_the_plain_prompt_bit_for_bit(tiny_world, by):
    covered = hills(regions=(region(ALL, "a red cat", negative="fog", seam=0.4),), regions_by=by)
    plain = hills(prompt="a red cat", negative="fog")
    assert torch.equal(drawn(tiny_world, covered).picture, drawn(tiny_world, plain).picture)
    assert not torch.equal(drawn(tiny_world, covered).picture, drawn(tiny_world, hills()).picture)


@BY
def test_a_region_changes_the_picture_and_where_it_lies_matters(tiny_world, by):
    plain, left, right = (
        drawn(tiny_world, hills(regions=regions, regions_by=by if regions else "blend")).picture
        for regions in ((), (region(LEFT, "a red cat"),), (region(RIGHT, "a red cat"),))
    )
    assert not torch.equal(left, plain)
    assert not torch.equal(left, right)


@BY
@pytest.mark.parametrize("guidance", ASKED.values(), ids=ASKED)
def test_every_guide_draws_regions(tiny_world, guidance, by):
    asked = halves(guidance=guidance, negative="two yellow fish", regions_by=by, sampler="euler")
    assert not torch.equal(
        drawn(tiny_world, asked).picture,
        drawn(tiny_world, replace(asked, regions=(), regions_by="blend")).picture,
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_regions(glass, sampler):
    asked = Request(prompt="a", seed=1, steps=8, sampler=sampler, regions=(region(LEFT, "a long red cat"),))
    picture = drawn(glass, asked).picture
    plain = drawn(glass, replace(asked, regions=())).picture
    assert picture.isfinite().all()
    assert not torch.equal(picture[..., :4], plain[..., :4])


@BY
def test_requests_with_other_regions_share_a_batch_and_are_as_alone(tiny_world, by):
    requests = [
        halves(regions_by=by),
        hills(prompt="a red car"),
        hills(regions=(region(RIGHT, "two fish", negative="fog"),), regions_by=by),
        hills(regions=(region(LEFT, "a cat"),), regions_by="blend"),
    ]
    together = outcomes(tiny_world, requests)
    for request, outcome in zip(requests, together, strict=True):
        assert torch.equal(outcome.picture, drawn(tiny_world, request).picture), request


@BY
def test_a_region_s_words_may_change_on_the_way(tiny_world, by):
    changing, first, second = (
        hills(regions=(region(LEFT, words),), regions_by=by, steps=4)
        for words in ("a [red cat:blue car:0.5]", "a red cat", "a blue car")
    )
    pictures = [drawn(tiny_world, each).picture for each in (changing, first, second)]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[0], pictures[2])


@BY
def test_weights_and_unwanted_words_of_a_region_are_its_own(tiny_world, by):
    variants = [
        region(LEFT, "a red cat"),
        region(LEFT, "a (red:1.4) cat"),
        region(LEFT, "a red cat", negative="two fish"),
    ]
    pictures = [drawn(tiny_world, hills(regions=(each,), regions_by=by)).picture for each in variants]
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[0], pictures[2])
    inherited = hills(regions=(region(LEFT, "a red cat"),), regions_by=by, negative="two fish")
    told = hills(
        regions=(region(LEFT, "a red cat", negative="two fish"),), regions_by=by, negative="two fish"
    )
    assert torch.equal(drawn(tiny_world, inherited).picture, drawn(tiny_world, told).picture)


def test_all_rows_go_in_one_round_and_from_the_middle_on_the_shared_negative_is_one_row(glass):
    # two halves cover all: the prompt itself is not asked
    drawn(glass, hills(size=(8, 8), steps=2, regions=(region(LEFT, "a red cat"), region(RIGHT, "a truck"))))
    rows = [[call.conditioning.context[0, 0, 0].item() for call in forward] for forward in glass.forwards]
    assert rows == [[9.0, 0.0], [7.0, 0.0], [9.0, 0.0], [7.0, 7.0]]
    assert glass.texts == ["a castle", "", "a red cat", "a truck"]


def test_regions_are_not_moved_where_rows_see_a_picture_beside_the_latent(glass):
    glass.channels_beside = 5
    drawn(glass, hills(size=(8, 8), steps=1, regions=(region(LEFT, "a red cat"),)))
    xs = {id(call.x) for forward in glass.forwards for call in forward}
    assert len(xs) == 1


def test_by_attention_regions_cost_no_rows(glass):
    drawn(glass, hills(size=(8, 8), steps=1, regions=(region(LEFT, "a red cat"),), regions_by="attention"))
    (forward,) = glass.forwards
    assert [call.conditioning.context[0, :, 0].tolist() for call in forward] == [
        [8.0] * 3 + [9.0] * 3,
        [0.0] * 6,
    ]
    assert [(each.start, each.stop) for each in forward[0].conditioning.regions] == [(3, 6)]


# masks, notes and errors --------------------------------------------------------------------------


def test_a_mask_s_shades_are_shares(glass):
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4], mask[..., 4:6] = 1.0, 0.5
    asked = hills(size=(8, 8), regions=(region("abc", "a red cat"),))
    picture = drawn(glass, asked, {"abc": mask}).picture
    cat, castle = (
        drawn(glass, hills(size=(8, 8), prompt=words)).picture for words in ("a red cat", "a castle")
    )
    assert torch.equal(picture[..., :4], cat[..., :4])
    assert torch.equal(picture[..., 6:], castle[..., 6:])
    between = picture[..., 4:6]
    assert ((between - cat[..., 4:6]) * (between - castle[..., 4:6]) < 0).all()


@pytest.mark.parametrize(
    ("regions", "by", "says"),
    [
        ([region((0.0, 0.0, 0.02, 1.0), "a cat")], "blend", "less than half of every 1x1 pixels"),
        ([region("abc", "a cat")], "blend", "bring its file"),
        ([region("small", "a cat")], "blend", "4x4 pixels, the picture 8x8"),
        ([region("picture", "a cat")], "blend", "a picture in colours"),
        ([region(LEFT, "a cat AND a dog")], "attention", "take regions by blend"),
        ([region(LEFT, "a cat <lora:ink:0.5>")], "attention", "share a network"),
        ([region(LEFT, "a cat <lora:ink:0.5>")], "blend", "no adapter 'ink' hangs here"),
    ],
)
def test_what_cannot_be_a_region_fails_before_anything_is_asked(glass, regions, by, says):
    pictures = {"small": torch.ones(1, 1, 4, 4), "picture": torch.ones(1, 3, 8, 8)}
    asked = hills(size=(8, 8), regions=tuple(regions), regions_by=by)
    with pytest.raises(InputError, match=says):
        next(drawing(asked, glass, pictures=pictures))


def test_regions_that_are_not_seen_are_told(glass):
    hidden = drawn(glass, hills(size=(8, 8), regions=(region(LEFT, "a cat"), region(ALL, "a dog")))).notes
    assert any("region 1 ('a cat') has no effect: later regions cover it" in note for note in hidden)
    assert any("the prompt's own words are followed nowhere" in note for note in hidden)
    wide = drawn(glass, hills(size=(8, 8), regions=(region((0.4, 0.0, 0.25, 1.0), "a cat", seam=1.0),))).notes
    assert any("its seam is wider than itself" in note for note in wide)
    assert not any("region" in note for note in drawn(glass, hills(size=(8, 8))).notes)


@BY
def test_notes_on_a_region_s_words_name_the_region(glass, by):
    notes = drawn(glass, hills(size=(8, 8), regions=(region(LEFT, "a red cat"),), regions_by=by)).notes
    assert "region 1 ('a red cat'): read a red cat" in notes

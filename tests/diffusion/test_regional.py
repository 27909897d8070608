"""Regions: what each place follows, what is asked, and what is left untouched. The network is a formula."""

import gc
import weakref
from functools import partial

import pytest
import torch

from sfumato.diffusion.guidance import apg, cfg, cfg_pp, interval, plain
from sfumato.diffusion.guidance.regional import blended, layered
from sfumato.diffusion.guidance.regional import regional as regional_apart
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Call, Conditioning, Denoised, Eval, Level, drive, guided
from sfumato.diffusion.samplers.euler import euler

CAT, CAR, HILLS, NOTHING, FOG = (Conditioning(torch.full((1, 3, 2), float(seed))) for seed in range(5))
regional = partial(regional_apart, apart=0.0)
QUESTION = Eval(SeededNoise(9)(torch.empty(1, 3, 4, 6)), Level(0.4, 0.6))


def seen(call: Call) -> torch.Tensor:
    told = int(call.conditioning.context[0, 0, 0])
    return 0.6 * call.x / (1 + call.level.sigma) + 0.2 * told * call.x.sin() + SeededNoise(told)(call.x)


def network(calls):
    return [seen(call) for call in calls]


def answered(guide, question=QUESTION) -> Denoised:
    return drive(guide(question), network)


def rounds(guide) -> list[list[float]]:
    """The words of all the rows that it asks, round by round."""
    asked = []

    def answer(calls):
        asked.append([float(call.conditioning.context[0, 0, 0]) for call in calls])
        return network(calls)

    drive(guide(QUESTION), answer)
    return asked


def columns(first: int, stop: int, value: float = 1.0) -> torch.Tensor:
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., first:stop] = value
    return mask


def test_each_place_follows_its_region_and_what_none_covers_follows_the_rest():
    guide = regional([(cfg(CAT, NOTHING, 4.0), columns(0, 2)), (plain(CAR), columns(4, 6))], plain(HILLS))
    clean = answered(guide).clean
    for places, alone in (
        (slice(0, 2), cfg(CAT, NOTHING, 4.0)),
        (slice(4, 6), plain(CAR)),
        (slice(2, 4), plain(HILLS)),
    ):
        assert torch.equal(clean[..., places], answered(alone).clean[..., places])


def test_a_feathered_place_is_between_the_two_by_the_mask():
    clean = answered(regional([(plain(CAT), columns(0, 6, 0.25))], plain(HILLS))).clean
    torch.testing.assert_close(clean, 0.25 * answered(plain(CAT)).clean + 0.75 * answered(plain(HILLS)).clean)


def test_a_later_region_lies_on_an_earlier_one():
    guide = regional([(plain(CAT), columns(0, 6)), (plain(CAR), columns(2, 4))], plain(HILLS))
    clean = answered(guide).clean
    assert torch.equal(clean[..., 2:4], answered(plain(CAR)).clean[..., 2:4])
    assert torch.equal(clean[..., :2], answered(plain(CAT)).clean[..., :2])


def test_shares_add_up_to_one_whatever_the_masks():
    masks = [torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    shares = layered(masks)
    assert len(shares) == 5
    torch.testing.assert_close(sum(shares), torch.ones(1, 1, 5, 5))
    assert all((share >= 0).all() for share in shares)


def test_a_region_that_covers_everything_is_its_guide_alone_and_the_rest_is_not_asked():
    alone = cfg(CAT, NOTHING, 4.0)
    guide = regional([(plain(CAR), columns(0, 3)), (alone, columns(0, 6))], plain(HILLS))
    assert guide is alone
    assert rounds(guide) == [[0.0, 3.0]]


def test_all_rows_go_in_one_round_and_a_shared_negative_is_asked_once():
    guides = [(cfg(CAT, NOTHING, 4.0), columns(0, 2)), (cfg(CAR, NOTHING, 4.0), columns(2, 4))]
    assert rounds(regional(guides, cfg(HILLS, NOTHING, 4.0))) == [[0.0, 3.0, 1.0, 2.0]]
    other = [(cfg(CAT, NOTHING, 4.0), columns(0, 2)), (cfg(CAR, FOG, 4.0), columns(2, 4))]
    assert rounds(regional(other, plain(HILLS))) == [[0.0, 3.0, 1.0, 4.0, 2.0]]


def test_a_row_of_other_levels_or_adapters_is_not_taken_for_the_same():
    worn = Conditioning(CAT.context, adapters=(("ink", 1.0),))
    assert rounds(regional([(plain(CAT), columns(0, 3))], plain(worn))) == [[0.0, 0.0]]


def test_guides_that_ask_twice_or_never_keep_in_step():
    def twice(question):
        (first,) = yield [Call(question.x, question.level, CAT)]
        (second,) = yield [Call(first, question.level, CAR)]
        return Denoised(second)

    def never(question):
        return Denoised(question.x)
        yield

    guide = regional([(twice, columns(0, 2)), (never, columns(2, 4))], plain(HILLS))
    assert rounds(guide) == [[0.0, 2.0], [1.0]]
    clean = answered(guide).clean
    assert torch.equal(clean[..., :2], answered(twice).clean[..., :2])
    assert torch.equal(clean[..., 2:4], QUESTION.x[..., 2:4])


def test_what_all_regions_tell_is_told_of_the_whole():
    guides = [(cfg(CAT, NOTHING, 4.0), columns(0, 3))]
    answer = answered(regional(guides, cfg(HILLS, FOG, 2.0)))
    assert torch.equal(answer.conditional[..., :3], seen(Call(*QUESTION, CAT))[..., :3])
    assert torch.equal(answer.unconditional[..., 3:], seen(Call(*QUESTION, FOG))[..., 3:])
    assert answered(regional(guides, plain(HILLS))).unconditional is None


def test_noise_is_read_where_each_region_reads_it():
    answer = answered(regional([(cfg_pp(CAT, NOTHING, 0.6), columns(0, 3))], plain(HILLS)))
    assert torch.equal(answer.noise_from[..., :3], seen(Call(*QUESTION, NOTHING))[..., :3])
    assert torch.equal(answer.noise_from[..., 3:], seen(Call(*QUESTION, HILLS))[..., 3:])
    assert answered(regional([(plain(CAT), columns(0, 3))], plain(HILLS))).noise_from is None


def test_what_overflows_in_one_region_stays_there():
    endless = Denoised(torch.full((1, 3, 4, 6), torch.inf))
    mixture = blended([endless, Denoised(torch.ones(1, 3, 4, 6))], [columns(0, 3), columns(3, 6)])
    assert torch.equal(mixture.clean[..., 3:], torch.ones(1, 3, 4, 3))


def walked(guide, x):
    return guided(euler(x, flow_uniform(4), SeededNoise(0)), guide)


def test_a_guide_that_remembers_does_so_in_its_region_alone():
    def guide():
        return regional([(apg(CAT, NOTHING, 6.0), columns(0, 3))], apg(HILLS, NOTHING, 6.0))

    first, second = (drive(walked(guide(), QUESTION.x), network) for _ in range(2))
    assert torch.equal(first, second)
    again = guide()
    assert torch.equal(drive(walked(again, QUESTION.x), network), drive(walked(again, QUESTION.x), network))


def test_intervals_of_regions_begin_and_end_on_their_own():
    early = interval(cfg(CAT, NOTHING, 4.0), plain(CAT), stop=0.3)
    late = interval(cfg(HILLS, NOTHING, 4.0), plain(HILLS), start=0.3)
    guide = regional([(early, columns(0, 3))], late)
    assert rounds(guide) == [[0.0, 2.0, 3.0]]  # progress 0.4


def test_closing_closes_every_region_and_frees_its_tensors():
    guide = regional([(cfg(CAT, NOTHING, 4.0), columns(0, 3))], cfg(HILLS, NOTHING, 4.0))
    job = walked(guide, QUESTION.x)
    calls = job.send(network(next(job)))
    held = weakref.ref(calls[0].x)
    del calls
    job.close()
    gc.collect()
    assert held() is None


# each with the picture to itself ------------------------------------------------------------------

EARLY = Level(0.1, 0.9)


def shown(guide, level=EARLY, x=QUESTION.x) -> dict[float, torch.Tensor]:
    """What the rows of each text see."""
    rows = {}

    def answer(calls):
        rows.update({float(call.conditioning.context[0, 0, 0]): call.x for call in calls})
        return network(calls)

    drive(guide(Eval(x, level)), answer)
    return rows


def test_at_first_a_region_sees_the_picture_with_itself_in_the_middle():
    rows = shown(regional_apart([(plain(CAT), columns(0, 2)), (plain(CAR), columns(4, 6))], plain(HILLS)))
    assert torch.equal(rows[0.0], QUESTION.x.roll(2, 3))
    assert torch.equal(rows[1.0], QUESTION.x.roll(-2, 3))
    assert rows[2.0] is QUESTION.x


def test_what_it_sees_is_put_back_in_its_place():
    guide = regional_apart([(cfg_pp(CAT, NOTHING, 0.6), columns(0, 2))], plain(HILLS))
    answer = drive(guide(Eval(QUESTION.x, EARLY)), network)
    alone = answered(cfg_pp(CAT, NOTHING, 0.6), Eval(QUESTION.x.roll(2, 3), EARLY))
    assert torch.equal(answer.clean[..., :2], alone.clean[..., 2:4])
    assert torch.equal(answer.noise_from[..., :2], alone.noise_from[..., 2:4])
    hills = seen(Call(QUESTION.x, EARLY, HILLS))
    assert torch.equal(answer.clean[..., 2:], hills[..., 2:])
    assert torch.equal(answer.noise_from[..., 2:], hills[..., 2:])


def test_then_the_rest_s_guess_lies_around_it_with_the_noise_that_was_there():
    guide = regional_apart([(plain(CAT), columns(2, 4))], plain(HILLS))
    before = drive(guide(Eval(QUESTION.x, EARLY)), network)
    hills = seen(Call(QUESTION.x, EARLY, HILLS))
    here = Level(0.2, 0.8)
    noise = SeededNoise(3)(before.clean)
    x = here.alpha * before.clean + here.sigma * noise
    rows = shown(guide, here, x)
    assert torch.equal(rows[0.0][..., 2:4], x[..., 2:4])
    around = here.alpha * hills + here.sigma * noise
    torch.testing.assert_close(rows[0.0][..., :2], around[..., :2])
    torch.testing.assert_close(rows[0.0][..., 4:], around[..., 4:])
    assert rows[2.0] is x


def test_without_a_rest_the_mean_lies_around_it():
    guide = regional_apart([(plain(CAT), columns(0, 3)), (plain(CAR), columns(3, 6))], plain(HILLS))
    before = drive(guide(Eval(QUESTION.x, EARLY)), network)
    x = 0.2 * before.clean
    rows = shown(guide, Level(0.2, 0.8), x)
    mean = 0.2 * before.clean.mean((2, 3), keepdim=True).expand_as(x)
    moved = rows[0.0].roll(-2, 3)  # half a place more than the middle is
    assert torch.equal(moved[..., :3], x[..., :3])
    torch.testing.assert_close(moved[..., 3:], mean[..., 3:])
    assert 2.0 not in rows


def test_from_the_middle_of_the_walk_on_all_see_the_whole_picture():
    guide = regional_apart([(plain(CAT), columns(0, 2))], plain(HILLS))
    drive(guide(Eval(QUESTION.x, EARLY)), network)
    rows = shown(guide, Level(0.5, 0.5))
    assert rows[0.0] is rows[2.0] is QUESTION.x


def test_a_walk_anew_remembers_nothing_and_two_walks_at_once_are_refused():
    guide = regional_apart([(plain(CAT), columns(0, 3))], plain(HILLS))
    first, again = (drive(walked(guide, QUESTION.x), network) for _ in range(2))
    assert torch.equal(first, again)
    one, other = walked(guide, QUESTION.x), walked(guide, QUESTION.x)
    next(one)
    with pytest.raises(ValueError, match="two runs at once"):
        next(other)
    one.close()
    next(walked(guide, QUESTION.x))  # closing gave it free


def test_a_region_that_covers_everything_is_not_set_apart():
    alone = plain(CAT)
    assert regional_apart([(alone, columns(0, 6))], plain(HILLS)) is alone


def test_no_regions_are_an_error():
    with pytest.raises(ValueError, match="at least one"):
        regional([], plain(CAT))

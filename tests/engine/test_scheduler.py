"""Strangers share every forward, and none of them can tell; they come and go as they like."""

import gc
import random
from dataclasses import replace

import pytest
import torch
from scheduled import Clock, Costly, Watched, alone, job, sizes_of, to_the_end, together

from sfumato.checkpoints.tensors import Tensors
from sfumato.engine import EXACT_ROWS, FAST_ROWS, Drawn, Entry, Scheduler, drawing
from sfumato.errors import DeadlinePassed
from sfumato.request import Request

MIXED = [
    {},
    {"prompt": "a castle", "seed": 4, "steps": 7, "sampler": "dpmpp_2m", "guidance": 5.0},
    {"prompt": "a blue car", "negative": "cloud", "steps": 5, "sampler": "ddpm", "guidance": 7.5},
    {"guidance": 1.0, "steps": 3, "sampler": "euler_ancestral", "levels": "karras"},
    {"guidance": "apg(3)", "seed": 8, "steps": 6, "sampler": "heun"},
    {"picture": "p", "strength": 0.5, "steps": 6},
    {"picture": "p", "mask": "half", "steps": 5},
    {"adapters": (("ink", 0.8, 0.8),), "seed": 11},
    {"adapters": (("wool", 0.5, 0.0), ("ink", -0.4, 0.3)), "steps": 6, "guidance": 1.0},
]


@pytest.fixture(scope="module")
def dressed(tiny_world):
    """The tiny world with two adapters that hang beside its U-Net and its text tower."""
    world = replace(tiny_world)
    generator = torch.Generator().manual_seed(5)
    for name in ("ink", "wool"):
        tensors = {}
        for part, network in (("unet", world.unet), ("text_encoder", world.text)):
            linear = [place for place, each in network.named_modules() if isinstance(each, torch.nn.Linear)]
            for place in linear[:3]:
                leaf = network.get_submodule(place)
                for which, shape in (("A", (2, leaf.in_features)), ("B", (leaf.out_features, 2))):
                    tensors[f"{part}.{place}.lora_{which}.weight"] = 0.3 * torch.randn(
                        shape, generator=generator
                    )
        world.closet.hang(name, Tensors.of(tensors), {})
    yield world
    for name in ("ink", "wool"):
        world.closet.remove(name)


@pytest.fixture(scope="module")
def expected(dressed):
    """The pictures of ``MIXED``, each drawn exactly and alone."""
    return [alone(dressed, **wish) for wish in MIXED]


def test_one_forward_serves_all_kinds_of_requests(dressed):
    """Other steps, samplers, levels, scales, guided or not, from a picture, under a mask, with adapters."""
    model = Watched(dressed)
    scheduler = Scheduler(timed=False)
    jobs = [job(model, **{**wish, "steps": 8}) for wish in MIXED]
    for each in jobs:
        scheduler.join(Entry(each, model))
    to_the_end(scheduler)
    fullest = [forward for forward in model.forwards if len(forward) == FAST_ROWS]
    evaluations = sum(map(len, model.forwards))
    assert FAST_ROWS * len(fullest) > 0.7 * evaluations
    assert max(len({sigma for sigma, _ in forward}) for forward in fullest) >= 4
    worn = {adapters for forward in fullest for _, adapters in forward}
    assert {(), (("ink", 0.8),), (("wool", 0.5), ("ink", -0.4))} <= worn
    assert any(len({adapters for _, adapters in forward}) == 3 for forward in fullest)


def test_each_kind_of_request_shares_its_forwards_with_a_plain_one(dressed):
    for wish in MIXED[1:]:
        model = Watched(dressed)
        plain, other = ({**each, "steps": 8} for each in (MIXED[0], wish))
        together(model, plain, other, timed=False)
        shared = sum(len(forward) > EXACT_ROWS for forward in model.forwards)
        assert shared >= 4, wish


def test_an_exact_picture_is_bitwise_what_it_is_alone_whoever_comes_and_goes(dressed, expected):
    exactly = fast = 0
    for seed in range(6):
        chance = random.Random(seed)
        scheduler, joined, found = Scheduler(timed=False), {}, []
        while scheduler.live or len(joined) < 12:
            if len(joined) < 12 and chance.random() < 0.5:
                wish, exact = chance.randrange(len(MIXED)), chance.random() < 0.5
                entry = Entry(job(dressed, **MIXED[wish]), dressed, client=chance.choice("abc"), exact=exact)
                joined[scheduler.join(entry)] = wish, exact
            if chance.random() < 0.05:
                scheduler.leave(chance.choice([*joined, -1]))
            found += scheduler.step()
        for each in found:
            wish, exact = joined[each.number]
            assert each.exact or not exact
            if each.exact:  # asked for, or by chance
                assert torch.equal(each.outcome.picture, expected[wish]), MIXED[wish]
                exactly += exact
            else:
                fast += 1
    assert exactly > 10
    assert fast > 10


BOUND = 1e-5
"""Of the range 0..1; docs/serving/engine.md tells what was measured on this and on the embedded model."""


def test_a_fast_picture_is_within_the_bound_of_the_exact_one(dressed, expected):
    furthest = 0.0
    for seed in range(3):
        wishes = random.Random(seed).choices(range(len(MIXED)), k=10)
        found = together(dressed, *(MIXED[wish] for wish in wishes), timed=False)
        for wish, ended in zip(wishes, found, strict=True):
            furthest = max(furthest, (ended.outcome.picture - expected[wish]).abs().max().item())
    assert 0 < furthest < BOUND, furthest


def test_whether_a_picture_was_drawn_exactly_is_told_truly(glass):
    guided, unguided = {}, {"guidance": 1.0}
    sizes, (one,) = sizes_of(glass, guided)
    assert set(sizes) == {EXACT_ROWS}
    assert one.exact  # not asked for, but so it was
    (one,) = sizes_of(glass, unguided)[1]
    assert not one.exact
    (one,) = sizes_of(glass, unguided, exact=True)[1]
    assert one.exact
    short, long = sizes_of(glass, {"steps": 2}, {"steps": 9})[1]
    assert not short.exact
    assert not long.exact  # the rest of its forwards make up for nothing
    assert [each.exact for each in sizes_of(glass, guided, unguided, exact=True)[1]] == [True, True]


def test_a_fast_row_fills_the_room_that_an_exact_one_leaves(glass):
    scheduler = Scheduler(timed=False)
    scheduler.join(Entry(job(glass, guidance=1.0), glass, exact=True))
    scheduler.join(Entry(job(glass, guidance=1.0), glass))
    found = to_the_end(scheduler)
    assert [len(forward) for forward in glass.forwards] == [EXACT_ROWS] * 4
    assert found[0].exact
    assert found[1].exact


def test_the_same_jobs_meet_in_the_same_forwards_unless_time_is_measured(glass):
    wishes = [{"steps": steps, "guidance": scale} for steps in (3, 7, 4, 5) for scale in (1.0, 4.0)]
    first = sizes_of(glass, *wishes)[0]
    glass.forwards.clear()
    assert sizes_of(glass, *wishes)[0] == first


def test_fewer_large_rows_share_a_forward(glass):
    large = {"size": (16, 16)}
    sizes_of(glass, *[large] * 5, {"size": (16, 8)}, *[{"size": (8, 8)}] * 5)
    rows = {}
    for forward in glass.forwards:
        rows.setdefault(tuple(forward[0].x.shape[2:]), set()).add(len(forward))
    assert max(rows[16, 16]) == 2
    assert max(rows[8, 16]) == 2
    assert max(rows[8, 8]) == FAST_ROWS
    glass.forwards.clear()
    assert max(sizes_of(glass, *[{"size": (16, 8)}] * 5)[0]) == FAST_ROWS // 2


class Tight:
    """A foresight by which each row of a forward needs a MB."""

    def __init__(self, model, megabytes):
        self.model, self.free = model, lambda: megabytes << 20

    def size_of(self, latent):
        return latent.shape[3], latent.shape[2]

    def steps(self, size, *, rows, controls):
        return rows << 20


@pytest.mark.parametrize(("megabytes", "rows"), [(2000, 8), (8, 8), (5, 5), (1, 2)])
def test_a_fast_forward_has_no_more_rows_than_memory_is_free_for(glass, megabytes, rows):
    scheduler = Scheduler(timed=False)
    for seed in range(6):
        scheduler.join(Entry(job(glass, seed=seed), glass, foresight=Tight(glass, megabytes)))
    ended = to_the_end(scheduler).values()
    assert all(isinstance(each.outcome, Drawn) for each in ended)
    assert max(len(forward) for forward in glass.forwards) == rows


def test_two_models_are_drawn_with_in_turns_and_share_nothing(glass):
    other = type(glass)()
    clock = Clock()
    models = [Costly(glass, clock), Costly(other, clock)]
    scheduler = Scheduler(clock=clock)
    for number in range(4):
        model = models[number % 2]
        scheduler.join(Entry(job(model, steps=3), model, client=str(number % 2)))
    found = to_the_end(scheduler)
    assert all(isinstance(each.outcome, Drawn) for each in found.values())
    assert [len(forward) for forward in glass.forwards] == [4] * 3
    assert [len(forward) for forward in other.forwards] == [4] * 3


def test_who_leaves_is_closed_at_once_and_all_its_tensors_are_freed(tiny_world):
    model = Watched(tiny_world)
    scheduler = Scheduler()
    staying = scheduler.join(Entry(job(model, steps=12), model))
    for _ in range(6):
        scheduler.step()
    before = len(model.seen)
    leaving = job(model, steps=12, sampler="dpmpp_2m")
    number = scheduler.join(Entry(leaving, model))
    for _ in range(8):
        scheduler.step()
    seen = model.seen[before:]
    assert leaving.gi_frame is not None
    scheduler.leave(number)
    assert leaving.gi_frame is None  # closed
    assert scheduler.live == 1
    del leaving
    scheduler.leave(staying)
    gc.collect()
    assert len(seen) > 4
    assert not any(each() is not None for each in seen)
    scheduler.leave(number)  # nobody is there
    assert scheduler.step() == []


def test_who_leaves_before_it_began_never_begins(glass):
    scheduler = Scheduler()
    number = scheduler.join(Entry(job(glass), glass))
    scheduler.leave(number)
    assert scheduler.live == 0
    assert scheduler.step() == []
    assert glass.texts == []


def test_a_watcher_may_end_its_own_job_and_others(glass):
    scheduler = Scheduler(timed=False)
    seen = []

    def watch(step):
        seen.append(step.index)
        scheduler.leave(own)
        scheduler.leave(other)

    request = Request(prompt="a", seed=1, steps=5, sampler="euler")
    own = scheduler.join(Entry(drawing(request, glass, watch), glass))
    other = scheduler.join(Entry(job(glass), glass))
    third = scheduler.join(Entry(job(glass), glass))
    assert set(to_the_end(scheduler)) == {third}
    assert seen == [1]


def test_numbers_are_never_given_twice_and_tags_come_back(glass):
    scheduler = Scheduler()
    first = scheduler.join(Entry(job(glass), glass, tag="mine"))
    assert to_the_end(scheduler)[first].tag == "mine"
    assert scheduler.join(Entry(job(glass), glass)) != first
    scheduler.close()
    assert scheduler.live == 0


def test_a_deadline_ends_a_job_within_one_step(glass):
    clock = Clock()
    model = Costly(glass, clock)
    scheduler = Scheduler(clock=clock)
    late = scheduler.join(Entry(job(model, steps=50), model, deadline=10.0))
    never = scheduler.join(Entry(job(model, steps=50), model, deadline=0.0))
    other = scheduler.join(Entry(job(model, steps=50), model, deadline=1e9))
    found = {}
    while late not in found:
        began = clock.now
        found |= {each.number: each for each in scheduler.step()}
        assert clock.now == 0.1 or began <= 10 + 2 or late in found
    assert began >= 10
    assert isinstance(found[late].outcome, DeadlinePassed)
    assert "give it more time" in str(found[late].outcome)
    assert isinstance(found[never].outcome, DeadlinePassed)
    assert isinstance(to_the_end(scheduler)[other].outcome, Drawn)

"""What goes wrong with one request ends that request, with a way out, and no other."""

import gc
import weakref
from dataclasses import replace
from itertools import count

import pytest
import torch
from scheduled import Clock, alone, job, sizes_of, to_the_end, together

from sfumato.diffusion.protocol import Call, Conditioning, Level
from sfumato.engine import FAST_ROWS, Drawn, Entry, Scheduler
from sfumato.engine.question import Encode
from sfumato.engine.scheduler import CAUTION
from sfumato.errors import InputError, NotFinite, OutOfMemory
from sfumato.families.model import Wording

VENOM = {"prompt": "venom"}


def is_venom(call):
    return bool(call.conditioning.context[0, 0, 0] == len("venom"))


def nan_like(answer):
    return torch.full_like(answer, float("nan"))


def infinite_like(answer):
    return torch.where(torch.arange(answer.numel()).view_as(answer) == 5, float("inf"), answer)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("spoilt", [nan_like, infinite_like])
def test_numbers_that_are_none_end_the_job_of_their_row_alone(glass, spoilt, exact):
    wishes = [{"guidance": 1.0}, {**VENOM, "guidance": 1.0}, {"steps": 7}, {"guidance": 1.0, "seed": 5}]
    sound = [alone(glass, **wish) for wish in wishes]
    denoise = glass.denoise

    def spoiling(calls):
        found = denoise(calls)
        late = [is_venom(call) and call.level.sigma < 0.6 for call in calls]
        return [spoilt(each) if bad else each for each, bad in zip(found, late, strict=True)]

    glass.denoise = spoiling
    found = together(glass, *wishes, exact=exact, timed=False)
    assert [type(each.outcome) for each in found] == [Drawn, NotFinite, Drawn, Drawn]
    for each, picture in zip(found, sound, strict=True):
        if isinstance(each.outcome, Drawn):
            torch.testing.assert_close(each.outcome.picture, picture)
    told = str(found[1].outcome)
    assert "not finite at 8x8, noise level 0.5" in told
    assert "float32" in told


@pytest.mark.parametrize("where", ["encode", "decode", "look"])
def test_numbers_that_are_none_are_an_error_wherever_they_come_from(glass, where):
    glass.look = lambda picture: glass.blank((picture.shape[3], picture.shape[2]))
    ask = getattr(glass, where)

    def spoiling(given):
        found = ask(given)
        if where == "encode":
            told = replace(found[0].conditioning, context=nan_like(found[0].conditioning.context))
            return [replace(found[0], conditioning=told)] if given[0].text == "venom" else found
        return nan_like(found) if given.shape[-1] == 16 else found

    setattr(glass, where, spoiling)
    wish = {**VENOM, "size": (16, 16)} if where != "look" else {"picture": "p", "strength": 0.5}
    bad, good = together(glass, wish, {})
    assert isinstance(bad.outcome, NotFinite)
    assert isinstance(good.outcome, Drawn)


def test_a_walk_that_leaves_the_finite_numbers_by_itself_is_told_from_a_network_that_does(glass):
    def far_apart(calls):
        return [call.x + (3e38 if call.conditioning.context.any() else -3e38) for call in calls]

    glass.denoise = far_apart  # its own answers are finite
    (found,) = together(glass, {"guidance": 5.0, "steps": 6})
    assert isinstance(found.outcome, InputError)
    assert "driven out of all bounds at 8x8, noise level" in str(found.outcome)


OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_what_is_too_much_together_is_drawn_apart(glass, error):
    wishes = [{"seed": seed, "steps": 4} for seed in range(5)]
    denoise = glass.denoise

    def cramped(calls):
        glass.tried.append(len(calls))
        if len(calls) > 4:
            raise error
        return denoise(calls)

    glass.denoise, glass.tried = cramped, []
    found = together(glass, *wishes, timed=False)
    assert all(isinstance(each.outcome, Drawn) for each in found)
    assert sum(rows > 4 for rows in glass.tried) == 1  # it is not tried again and again
    assert 4 in glass.tried  # those who fit still share


def test_caution_does_not_last_for_ever(glass):
    denoise = glass.denoise
    failures = count()

    def cramped(calls):
        if len(calls) == FAST_ROWS and next(failures) == 0:
            raise MemoryError
        return denoise(calls)

    glass.denoise = cramped
    sizes, _ = sizes_of(glass, *[{"steps": CAUTION // 2 + 20}] * 4)
    assert FAST_ROWS not in sizes[:CAUTION]
    assert FAST_ROWS in sizes[CAUTION:]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_who_has_too_little_memory_even_alone_gets_an_answer_with_a_way_out(glass, error, exact):
    denoise = glass.denoise

    def cramped(calls):
        if any(map(is_venom, calls)):
            raise error
        return denoise(calls)

    glass.denoise = cramped
    size = {"size": (32, 16)}
    found = together(glass, size, {**size, **VENOM}, {**size, "guidance": 1.0}, exact=exact, timed=False)
    assert [type(each.outcome) for each in found] == [Drawn, OutOfMemory, Drawn]
    assert "out of memory at 32x16, noise level 1: try 16x8" in str(found[1].outcome)


def test_the_answer_holds_on_to_no_tensor_of_the_forward_that_failed(glass):
    kept = []

    def cramped(calls):
        activations = torch.zeros(1000)
        kept.append(weakref.ref(activations))
        raise MemoryError

    glass.denoise = cramped
    (found,) = together(glass, {"size": (8, 8)})
    gc.collect()
    assert isinstance(found.outcome, OutOfMemory)
    assert [each() for each in kept] == [None]


def test_too_little_memory_to_decode_ends_that_job_alone(glass):
    decode = glass.decode

    def cramped(latent):
        if latent.shape[-1] > 8:
            raise OUT_OF_MEMORY[0]
        return decode(latent)

    glass.decode = cramped
    bad, good = together(glass, {"size": (16, 16)}, {})
    assert isinstance(good.outcome, Drawn)
    assert isinstance(bad.outcome, OutOfMemory)
    assert "where the latent of 16x16 is decoded: try 8x8" in str(bad.outcome)


def test_torch_tells_of_too_little_memory_as_is_expected_here(glass):
    def too_much(latent):
        return torch.empty(1 << 46, dtype=torch.float32)

    glass.decode = too_much
    (found,) = together(glass, {})
    assert isinstance(found.outcome, OutOfMemory)


def test_whatever_else_fails_in_a_shared_forward_ends_who_is_the_cause_of_it(glass):
    denoise = glass.denoise

    failures = []

    def strict(calls):
        if any(map(is_venom, calls)):
            failures.append(len(calls))
            raise ValueError("this row cannot be drawn")
        return denoise(calls)

    glass.denoise = strict
    found = together(glass, {}, VENOM, {"steps": 6}, {"guidance": 1.0}, {}, {}, {"steps": 5}, {}, timed=False)
    assert [type(each.outcome) for each in found] == [Drawn, ValueError, *[Drawn] * 6]
    assert failures[-1:] == [2]  # then alone, and nobody else rides with it


def test_what_a_job_raises_ends_that_job_alone(glass):
    def raising(after):
        for _ in range(after):
            yield [Encode(Wording(text="a"))]
        raise InputError("not like this")

    def unwilling():
        try:
            yield [Encode(Wording(text="a"))]
        finally:
            raise ArithmeticError("no")

    scheduler = Scheduler()
    jobs = [raising(0), raising(1), job(glass), raising(3), unwilling(), job(glass, size=(5, 5))]
    for each in jobs:
        scheduler.join(Entry(each, glass))
    found = to_the_end(scheduler)
    kinds = [type(found[number].outcome) for number in range(len(jobs))]
    assert kinds == [InputError, InputError, Drawn, InputError, ArithmeticError, InputError]


def test_a_job_that_fails_while_it_is_closed_takes_no_other_with_it(glass):
    def unwilling():
        try:
            while True:
                yield [Encode(Wording(text="a"))]
        finally:
            raise ArithmeticError("no")

    clock = Clock()
    scheduler = Scheduler(clock=clock)
    late = scheduler.join(Entry(unwilling(), glass, deadline=1.0))
    other = scheduler.join(Entry(job(glass), glass))
    scheduler.step()
    clock.now = 2.0
    found = to_the_end(scheduler)
    assert isinstance(found[late].outcome, ArithmeticError)
    assert isinstance(found[other].outcome, Drawn)


def test_a_question_of_no_rows_is_answered_at_once(glass):
    def asking():
        answers = yield []
        assert answers == []
        yield [Encode(Wording(text="a"))]
        assert (yield []) == []
        return Drawn(glass.blank((8, 8)), ())

    scheduler = Scheduler()
    number = scheduler.join(Entry(asking(), glass))
    assert isinstance(to_the_end(scheduler)[number].outcome, Drawn)


def test_a_job_that_asks_what_the_model_cannot_place_ends_alone(glass):
    def lane(call):
        if call.level.sigma > 2:
            raise InputError("no such lane")
        return 0

    def asking():
        yield [Call(glass.blank((8, 8)), Level(1.0, 3.0), Conditioning(torch.ones(1, 3, 4)))]

    glass.lane = lane
    scheduler = Scheduler()
    bad, good = scheduler.join(Entry(asking(), glass)), scheduler.join(Entry(job(glass), glass))
    found = to_the_end(scheduler)
    assert isinstance(found[bad].outcome, InputError)
    assert isinstance(found[good].outcome, Drawn)


def test_inference_mode_never_leaks_out_of_a_step(glass):
    scheduler = Scheduler()
    scheduler.join(Entry(job(glass), glass))
    while scheduler.live:
        scheduler.step()
        assert not torch.is_inference_mode_enabled()

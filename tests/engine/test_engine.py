import pytest
import torch

from sfumato.diffusion.protocol import Call, Conditioning, Level
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.engine import EXACT_ROWS, FAST_ROWS, Drawn, Engine, drawing
from sfumato.request import Request

STRANGERS = [
    Request(prompt="a red cat", seed=1, steps=5),
    Request(prompt="a castle", seed=2, steps=3, sampler="euler_ancestral", guidance=1),
    Request(prompt="a blue car", negative="cloud", seed=3, steps=7, sampler="ddpm", guidance=7.5),
    Request(prompt="two yellow fish", seed=4, steps=4, sampler="ddim", size=(8, 24)),
    Request(prompt="a cloud", seed=5, steps=1, guidance=0, size=(8, 24)),
]


def outcomes(engine, requests, **options):
    rounds = engine.run((drawing(request, engine.model) for request in requests), **options)
    found = {ended.number: ended.outcome for round_ in rounds for ended in round_}
    return [found[number] for number in range(len(requests))]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_a_picture_is_the_same_alone_and_among_strangers_bit_for_bit(tiny_world, at_once):
    engine = Engine(tiny_world)
    alone = [outcomes(engine, [request])[0].picture for request in STRANGERS]
    together = [outcome.picture for outcome in outcomes(engine, STRANGERS, at_once=at_once)]
    backwards = [outcome.picture for outcome in outcomes(engine, STRANGERS[::-1], at_once=at_once)][::-1]
    assert all(map(torch.equal, alone, together))
    assert all(map(torch.equal, alone, backwards))
    assert len({picture.mean().item() for picture in alone}) == len(STRANGERS)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_every_sampler_draws_the_same_beside_another_seed(tiny_world, sampler):
    one, two = (Request(prompt="a castle", seed=seed, steps=4, sampler=sampler) for seed in (1, 2))
    engine = Engine(tiny_world)
    (alone,), (together, other) = outcomes(engine, [one]), outcomes(engine, [one, two])
    assert torch.equal(alone.picture, together.picture)
    assert not torch.equal(alone.picture, other.picture)


def test_every_exact_forward_has_one_number_of_rows_all_of_one_shape(glass):
    outcomes(Engine(glass), STRANGERS)
    assert {len(forward) for forward in glass.forwards} == {EXACT_ROWS}
    assert all(len({call.x.shape for call in forward}) == 1 for forward in glass.forwards)


def test_fast_forwards_are_as_full_as_can_be(glass):
    requests = [Request(prompt="a", seed=seed, steps=2) for seed in range(5)]
    outcomes(Engine(glass, fast=True), requests)
    assert [len(forward) for forward in glass.forwards] == [FAST_ROWS, FAST_ROWS, 4]


def test_fast_pictures_are_almost_those_that_are_exact(tiny_world):
    exact, fast = (outcomes(Engine(tiny_world, fast=fast), STRANGERS) for fast in (False, True))
    for one, other in zip(exact, fast, strict=True):
        torch.testing.assert_close(one.picture, other.picture, atol=1e-4, rtol=0)


def test_a_request_that_fails_at_once_takes_no_other_with_it(glass):
    bad = Request(prompt="a", seed=0, size=(5, 5))
    found = outcomes(Engine(glass), [STRANGERS[0], bad, STRANGERS[1]])
    assert [isinstance(outcome, Drawn) for outcome in found] == [True, False, True]
    assert "5x5" in str(found[1])


def test_a_forward_that_fails_ends_only_those_in_it(glass):
    poisoned = Request(prompt="poison", seed=0, steps=2)
    found = outcomes(Engine(glass), [STRANGERS[0], poisoned, STRANGERS[2]])
    assert [type(outcome) for outcome in found] == [Drawn, RuntimeError, Drawn]


class Talk:
    """A job that asks for words for ever and remembers being closed."""

    def __init__(self):
        self.closed = False

    def run(self):
        from sfumato.engine.question import Encode
        from sfumato.families.model import Wording

        try:
            while True:
                yield [Encode(Wording(text="a"))]
        finally:
            self.closed = True


def test_closing_the_run_closes_every_live_job(glass):
    talks = [Talk(), Talk()]
    rounds = Engine(glass).run(talk.run() for talk in talks)
    next(rounds)
    assert not any(talk.closed for talk in talks)
    rounds.close()
    assert all(talk.closed for talk in talks)


def test_an_interrupt_within_a_forward_closes_every_live_job(glass):
    def interrupted(texts):
        raise KeyboardInterrupt

    glass.encode = interrupted
    talks = [Talk(), Talk()]
    jobs = [talk.run() for talk in talks]
    with pytest.raises(KeyboardInterrupt):
        list(Engine(glass).run(jobs))
    assert all(talk.closed for talk in talks)


def test_no_more_jobs_live_at_once_than_allowed(glass):
    begun = []

    def requests():
        for number in range(6):
            begun.append(number)
            yield drawing(Request(prompt="a", seed=number, steps=3), glass)

    rounds = Engine(glass).run(requests(), at_once=2)
    next(rounds)
    assert begun == [0, 1]
    ended = [each.number for round_ in rounds for each in round_]
    assert ended == list(range(6))


def test_a_job_that_ends_makes_room_for_the_next_while_others_go_on(glass):
    lengths = [Request(prompt="a", seed=0, steps=steps) for steps in (9, 1, 1, 1)]
    rounds = Engine(glass).run((drawing(request, glass) for request in lengths), at_once=2)
    assert [ended.number for round_ in rounds for ended in round_][-1] == 0


def test_inference_mode_never_leaks_to_the_caller(tiny_world):
    for _ in Engine(tiny_world).run([drawing(STRANGERS[0], tiny_world)]):
        assert not torch.is_inference_mode_enabled()
    assert not torch.is_inference_mode_enabled()


def test_nothing_to_draw_is_no_round_at_all(glass):
    assert list(Engine(glass).run([])) == []


def test_a_batch_of_every_sampler_gives_each_request_the_picture_it_has_alone(tiny_world):
    """Different step counts, guided and not, one and two evaluations a step, all live at once."""
    requests = [
        Request(
            prompt="a red cat" if number % 3 else "a castle",
            seed=number,
            steps=listing.fewest + 1 + number % 4,
            sampler=name,
            guidance=1 if number % 2 else 5,
        )
        for number, (name, listing) in enumerate(SAMPLERS.items())
    ]
    engine = Engine(tiny_world)
    together = outcomes(engine, requests, at_once=len(requests))
    for request, among in zip(requests, together, strict=True):
        (alone,) = outcomes(engine, [request])
        assert torch.equal(alone.picture, among.picture), request.sampler


def test_calls_that_see_a_picture_and_calls_that_see_none_share_no_forward(glass):
    blind, seeing = (Conditioning(torch.ones(1, 3, 4), beside=x) for x in (None, torch.ones(1, 5, 8, 8)))
    x = glass.blank((8, 8))

    def talk():
        yield [Call(x, Level(0.5, 0.5), told) for told in (blind, seeing, blind)]
        return Drawn(x, ())

    assert [ended for round_ in Engine(glass).run([talk()]) for ended in round_]
    assert [len({call.conditioning.beside is None for call in forward}) for forward in glass.forwards] == [
        1,
        1,
    ]


def test_calls_of_other_lanes_share_no_forward(glass):
    """Lanes are other networks; here they are told apart by what the row wears."""
    plain, worn = (Conditioning(torch.ones(1, 3, 4), adapters=adapters) for adapters in ((), (("ink", 0.8),)))
    x, level = glass.blank((8, 8)), Level(0.5, 0.5)

    def talk():
        yield [Call(x, level, told) for told in (plain, worn, plain)]
        return Drawn(x, ())

    assert [ended for round_ in Engine(glass).run([talk()]) for ended in round_]
    assert [{call.conditioning.adapters for call in forward} for forward in glass.forwards] == [
        {()},
        {(("ink", 0.8),)},
    ]

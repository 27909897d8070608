"""Nobody waits long for strangers: in forwards and in seconds that are counted, never measured."""

import pytest
from scheduled import Clock, Costly, job, together

from sfumato.engine import Drawn, Entry, Scheduler
from sfumato.engine.question import Decode
from sfumato.engine.scheduler import LIVE


def crowded(glass, clients=1, each=50):
    """A scheduler in which some clients draw many large pictures each, with the model and its clock."""
    clock = Clock()
    model = Costly(glass, clock)
    scheduler = Scheduler(clock=clock)
    for client in range(clients):
        for _ in range(each):
            big = job(model, steps=30, size=(32, 32))
            scheduler.join(Entry(big, model, client=f"many{client}"))
    for _ in range(5 * clients * each):
        scheduler.step()
    return scheduler, model, clock


@pytest.mark.parametrize("clients", [1, 4])
def test_a_strangers_small_picture_waits_for_no_more_than_a_forward_of_each_crowd(glass, clients):
    scheduler, model, clock = crowded(glass, clients)
    since, forwards = clock.now, len(glass.forwards)
    small = scheduler.join(Entry(job(model, steps=4, guidance=1.0), model, client="stranger"))
    steps = 0
    while small not in {each.number for each in scheduler.step()}:
        steps += 1
        assert steps < 100
    own, big = 4 * 1 + 0.1 + 1, 2 * 16
    assert len(glass.forwards) - forwards <= 4 + 2 * clients
    assert clock.now - since <= own + 2 * clients * big


def test_it_also_waits_for_no_more_if_it_has_to_share_with_them(glass):
    """All of one size: its rows ride in the forwards of others, and theirs in its own."""
    clock = Clock()
    model = Costly(glass, clock)
    scheduler = Scheduler(clock=clock)
    for _ in range(50):
        scheduler.join(Entry(job(model, steps=30), model, client="many"))
    for _ in range(250):
        scheduler.step()
    forwards = len(glass.forwards)
    small = scheduler.join(Entry(job(model, steps=4), model, client="stranger"))
    while small not in {each.number for each in scheduler.step()}:
        assert len(glass.forwards) - forwards <= 6


@pytest.mark.parametrize("client", ["same", "other"])
def test_a_stream_of_small_pictures_never_starves_a_big_one(glass, client):
    clock = Clock()
    model = Costly(glass, clock)
    scheduler = Scheduler(clock=clock)
    big = scheduler.join(Entry(job(model, steps=10, size=(32, 32)), model, client="same"))
    small = [scheduler.join(Entry(job(model, steps=2), model, client=client)) for _ in range(3)]
    for _ in range(4000):
        ended = {each.number for each in scheduler.step()}
        if big in ended:
            break
        for number in ended & {*small}:
            small[small.index(number)] = scheduler.join(Entry(job(model, steps=2), model, client=client))
    else:
        pytest.fail("the big one never ended")
    assert clock.now < 4 * 1.5 * 10 * 32  # it and three others, had they equal shares, and half as much


def test_the_decoding_of_a_large_picture_holds_up_others_by_itself_alone(glass):
    clock = Clock()
    model = Costly(glass, clock)
    scheduler = Scheduler(clock=clock)
    latent = model.blank((64, 64))

    def large():
        for _ in range(3):
            yield [Decode(latent)]
        return Drawn(latent, ())

    scheduler.join(Entry(large(), model, client="a"))
    small = scheduler.join(Entry(job(model, steps=5), model, client="b"))
    scheduler.step()
    assert clock.now == pytest.approx(64)  # the first decoding
    while small not in {each.number for each in scheduler.step()}:
        assert clock.now < 2 * 64


def test_a_client_with_none_finds_room_among_all_the_jobs_of_another(glass):
    scheduler = Scheduler()
    numbers = []
    while scheduler.has_room("many"):
        numbers.append(scheduler.join(Entry(job(glass), glass, client="many")))
    assert len(numbers) == LIVE
    stranger = scheduler.join(Entry(job(glass), glass, client="stranger"))
    assert not scheduler.has_room("stranger")  # its second waits as all do
    others = 0
    while scheduler.has_room(f"other{others}"):
        scheduler.join(Entry(job(glass), glass, client=f"other{others}"))
        others += 1
    assert others == LIVE - 2  # as many clients as jobs of a kind that there is room for
    scheduler.leave(stranger)
    assert scheduler.has_room("stranger")
    scheduler.close()
    assert scheduler.has_room("many")


def test_what_is_told_of_seconds_adds_up_to_all_that_were_spent(glass):
    clock = Clock()
    model = Costly(glass, clock)
    wishes = [{"steps": 3}, {"steps": 5, "guidance": 1.0}, {"steps": 2, "size": (16, 16)}]
    found = together(model, *wishes, clock=clock)
    assert sum(each.seconds for each in found) == pytest.approx(clock.now)
    assert all(each.seconds > 0 for each in found)

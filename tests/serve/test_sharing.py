"""Strangers in one worker: nobody waits for another's job to end, and nobody ends with another's error.

The worker's rounds are run here by hand, one forward each, so that they can be counted.
"""

import pytest
import torch
from PIL import Image

from sfumato.engine.footprint import foreseen_bytes
from sfumato.engine.line import PATIENCE
from sfumato.engine.precision import ModelFile
from sfumato.errors import CheckpointError
from sfumato.families.loading import LOADING
from sfumato.families.model import Wording
from sfumato.provenance.recipe import pixel_digest

LONG = 500  # steps


class Rounds:
    """A worker whose rounds are counted."""

    def __init__(self, room):
        self.room, self.worker, self.count = room, room.studio.worker, 0

    def until(self, found, most):
        """Rounds until that is so; fails after ``most`` of them."""
        before = self.count
        while not found():
            assert self.count - before < most, f"not so after {most} forwards"
            self.worker._round()
            self.count += 1
        return self.count - before

    def ended(self, job):
        return job.id not in self.worker.running and job.id not in self.worker.waiting

    def state(self, job):
        self.room.until(lambda: not self.worker._keeper.busy)
        return self.room.studio.store.job(job.id)


@pytest.fixture
def rounds(opened):
    return lambda **changes: Rounds(opened(start=False, **changes))


@pytest.mark.parametrize("size", [(16, 16), (24, 24)])
def test_a_stranger_waits_for_none_of_many_long_jobs_of_one_client(rounds, size):
    """With their forwards, or between them: its five steps are done before one of theirs could be."""
    here = rounds(limits={"live": 3})
    crowd = [here.room.ask("crowd", steps=LONG) for _ in range(6)]
    here.until(lambda: here.worker.live == 3, 50)
    for _ in range(20):
        here.worker._round()
    stranger = here.room.ask("stranger", steps=5, size=size)
    second = here.room.ask("stranger", steps=5, size=size)
    own = 2 + 5 + 1  # two texts, steps, the picture
    assert here.until(lambda: here.ended(stranger), 60) <= 3 * own
    assert here.until(lambda: here.ended(second), 60) <= 3 * own
    assert [here.state(job).state for job in (stranger, second)] == ["done", "done"]
    assert [here.state(job).state for job in crowd] == ["running"] * 3 + ["queued"] * 3


def test_a_job_whose_model_finds_no_room_is_not_passed_over_for_ever(rounds, tiny_weights):
    """Others that draw with a model that is there go before it some times, and then let it in."""
    models = tuple(ModelFile(name=name, path=tiny_weights) for name in "ab")
    here = rounds(models=models, budget=int(1.5 * foreseen_bytes(tiny_weights, LOADING)))
    number, drawn = 0, []

    def asked():
        nonlocal number
        number += 1
        drawn.append(here.room.ask(f"c{number}", steps=2 + number % 3, model="a"))

    asked()
    asked()
    here.until(lambda: here.worker.live == 2, 50)
    other = here.room.ask("other", steps=2, model="b")

    def is_over():
        if sum(not here.ended(job) for job in drawn) < 2:
            asked()
        return here.ended(other)

    here.until(is_over, 400)
    assert here.state(other).state == "done"
    assert PATIENCE <= number < 3 * PATIENCE


def test_a_model_that_cannot_be_loaded_fails_its_job_beside_others(rounds, tiny_weights, monkeypatch):
    models = tuple(ModelFile(name=name, path=tiny_weights) for name in "ab")
    here = rounds(models=models)
    make = here.room.studio.shelf.maker.make

    def broken(name):
        if name == "b":
            raise CheckpointError("b: its last block is not there")
        return make(name)

    monkeypatch.setattr(here.room.studio.shelf.maker, "make", broken)
    good = here.room.ask(steps=20, model="a")
    here.until(lambda: here.worker.live, 50)
    bad = here.room.ask(steps=20, model="b")
    here.until(lambda: here.ended(bad), 3)
    assert (here.state(bad).state, here.state(bad).error) == ("failed", "b: its last block is not there")
    here.until(lambda: here.ended(good), 60)
    assert here.state(good).state == "done"
    assert here.room.studio.shelf.resident.keys() == {"a"}


def test_numbers_that_are_none_fail_their_job_and_nobody_elses(rounds, monkeypatch):
    here = rounds()
    good, bad = here.room.ask("a", steps=12), here.room.ask("b", steps=12, prompt="a blue car")
    here.until(lambda: here.worker.live == 2, 50)
    with here.room.studio.shelf.lent("tiny") as painter:
        kind = type(painter.model)
        (read,) = painter.model.encode([Wording(text="a blue car")])
    denoise, spoilt = kind.denoise, []

    def spoils(model, calls):
        answers = list(denoise(model, calls))
        for row, call in enumerate(calls):
            if torch.equal(call.conditioning.context, read.conditioning.context) and call.level.sigma < 0.7:
                answers[row] = torch.full_like(answers[row], torch.nan)
                spoilt.append(len(calls))
        return answers

    monkeypatch.setattr(kind, "denoise", spoils)
    here.until(lambda: here.ended(bad), 60)
    assert spoilt == [4], "two rows were the other's"
    assert "not finite" in here.state(bad).error
    here.until(lambda: here.ended(good), 60)
    assert here.state(good).state == "done"


def test_who_cancels_is_out_before_the_next_forward(rounds):
    here = rounds(limits={"live": 1})
    first = here.room.ask(steps=LONG)
    here.until(lambda: here.worker.live, 50)
    second = here.room.ask(steps=1)
    here.room.studio.store.cancel(first.id)
    here.worker.forget(first.id)
    assert here.until(lambda: here.ended(first), 5) == 1
    here.until(lambda: here.ended(second), 30)
    assert here.state(second).state == "done"


def test_what_is_cancelled_while_its_model_finds_no_room_does_not_wait_on(rounds, monkeypatch):
    """It had been taken from the line when the order came, and was put back then."""
    here = rounds()
    job = here.room.ask(steps=1)
    borrowed = here.worker._planning.borrowed

    def busy(wish):
        from sfumato.engine.residency import Busy

        here.worker.forget(job.id)
        monkeypatch.setattr(here.worker._planning, "borrowed", borrowed)
        raise Busy("for now")

    monkeypatch.setattr(here.worker._planning, "borrowed", busy)
    here.worker._round()
    here.worker._round()
    assert len(here.worker.waiting) == 0


def test_a_preview_that_the_decoder_has_no_memory_for_is_a_quick_one(rounds):
    here = rounds()
    job = here.room.ask(steps=LONG)
    here.until(lambda: here.worker.running and here.worker._running[job.id].parts[0].clean is not None, 20)
    running = here.worker._running[job.id]
    foresight = running.painter.foresight
    whole = here.worker._showing.in_full(running)
    foresight.free, free = (lambda: 1), foresight.free
    quick = here.worker._showing.in_full(running)
    foresight.free = free
    assert whole.size == (16, 16)
    assert quick.tobytes() != whole.tobytes()


def test_nothing_is_kept_of_a_cancelled_job_that_took_a_step_meanwhile(rounds):
    """Pages cancel at every key while one types: what was told last, with its preview, would pile up."""
    here = rounds()
    job, hub = here.room.ask(steps=LONG), here.room.studio.hub
    here.until(lambda: hub.last(job.id) and hub.last(job.id).kind == "step", 20)
    here.room.studio.store.cancel(job.id)
    hub.tell(job.id, "cancelled", {})
    here.worker._round()
    here.worker.forget(job.id)
    here.worker._listen()
    assert hub.last(job.id) is None


def test_pictures_that_strangers_displace_are_laid_again_for_the_jobs_next_ones(rounds):
    here = rounds(limits={"of_one_job": 1})
    image = Image.new("RGB", (16, 16), "teal")
    digest = pixel_digest(image)
    here.room.studio.pictures_of("a").keep(digest, image)
    job = here.room.ask("a", picture=digest, strength=0.5, steps=4, count=3)
    here.until(lambda: here.worker.live, 10)
    here.worker._running[job.id].painter._lightbox.pictures.clear()
    here.until(lambda: here.ended(job), 60)
    assert (here.state(job).state, here.state(job).error) == ("done", None)

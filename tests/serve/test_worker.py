"""Jobs through the worker: drawn together, watched, cancelled, failed alone, taken up after a restart."""

import asyncio
import json
import threading
import time

import pytest
from PIL import Image

from sfumato.errors import InputError
from sfumato.serve.preparing import prepared
from sfumato.serve.refused import Refused
from sfumato.serve.wish import Wish

LONG = 2000  # steps of the tiny model: some seconds


def heard(room, job, until=lambda event: False, **how):
    """The events of a job until it ends, or until one that is looked for."""

    async def listen():
        found = []
        async for event in room.studio.events(job.id, **how):
            found.append(event)
            if until(event):
                break
        return found

    return asyncio.run(asyncio.wait_for(listen(), 30))


def denoised(room, monkeypatch):
    """The sizes of the forwards from now on."""
    sizes = []
    painter = room.studio.shelf.borrow("tiny")
    room.studio.shelf.give_back("tiny")
    kind, denoise = type(painter.model), type(painter.model).denoise

    def counted(model, calls):
        sizes.append(len(calls))
        return denoise(model, calls)

    monkeypatch.setattr(kind, "denoise", counted)
    return sizes


def test_a_wish_becomes_pictures_in_the_gallery_in_the_order_of_their_seeds(room):
    job = room.draw(seed=7, count=3, steps=2)
    assert job.state == "done", job.error
    kept = [room.studio.store.picture(each) for each in job.pictures]
    assert [each.seed for each in kept] == [7, 8, 9]
    for each in kept:
        with Image.open(room.studio.folder.file(each)) as image:
            image.load()
            receipt = json.loads(image.text["sfumato"])
        assert receipt["request"]["seed"] == each.seed
        assert image.size == (each.width, each.height) == (16, 16)


def test_a_job_tells_of_its_place_its_start_each_step_and_its_end(opened):
    room = opened(start=False)
    job = room.ask(seed=1, steps=5)

    async def listen():
        found = []
        async for event in room.studio.events(job.id):
            found.append(event)
            if len(found) == 1:
                room.studio.start()
        return found

    events = asyncio.run(listen())
    kinds = [event.kind for event in events]
    assert kinds[0] == "queued"
    assert kinds[-1] == "done"
    assert [*dict.fromkeys(kinds)] == ["queued", "started", "step", "done"]
    assert events[0].data == {"place": 1, "of": 1}
    steps = [event.data for event in events if event.kind == "step"]
    assert steps[-1]["index"] == steps[-1]["total"] == 5
    assert events[-1].data["job"].pictures


def test_pictures_of_one_job_share_forwards(room, monkeypatch):
    sizes = denoised(room, monkeypatch)
    room.draw(seed=3, count=4, steps=6)
    assert max(sizes) == 8, "four guided pictures have eight rows"
    assert sum(sizes) == 4 * 2 * 6


def test_an_exact_picture_is_the_same_whoever_else_draws(room):
    alone = room.draw(seed=11, steps=8, exact=True)
    together = [room.ask(seed=11, steps=8, exact=True), *(room.ask(seed=n, steps=8) for n in range(3))]
    job = room.wait(*together)[0]
    pixels = [room.studio.store.picture(each.pictures[0]).pixels for each in (alone, job)]
    assert pixels[0] == pixels[1]
    assert not any("drawn fast" in note for note in job.notes)


def test_a_cancelled_job_is_drawn_no_further_than_one_step(room, monkeypatch):
    sizes = denoised(room, monkeypatch)
    job = room.ask(steps=LONG)
    room.until(lambda: len(sizes) > 3)
    asyncio.run(room.studio.cancel(job.id))
    drawn = len(sizes)
    room.until(lambda: not room.studio.worker.live)
    assert len(sizes) <= drawn + 2
    assert room.state(job) == "cancelled"
    assert heard(room, job)[-1].kind == "cancelled"


def test_a_job_that_is_cancelled_in_the_line_is_never_begun(opened):
    room = opened(limits={"live": 1})
    first = room.ask(steps=LONG)
    room.until(lambda: room.studio.worker.live)
    second = room.ask(steps=1)
    assert room.studio.place(second.id) == 1
    ended = asyncio.run(room.studio.cancel(second.id))
    assert (ended.state, ended.started) == ("cancelled", None)
    assert room.studio.place(second.id) == 0
    asyncio.run(room.studio.cancel(first.id))


def test_who_stops_listening_cancels_nothing(room):
    job = room.ask(steps=30)
    heard(room, job, until=lambda event: event.kind == "step")
    assert room.wait(job)[0].state == "done"


def test_a_deadline_ends_a_job_and_says_so(room):
    job = room.draw(steps=LONG, deadline=0.4)
    assert job.state == "failed"
    assert "time" in job.error


def test_a_deadline_ends_a_job_that_still_waits(opened):
    room = opened(limits={"live": 1})
    long = room.ask(steps=LONG)
    room.until(lambda: room.studio.worker.live)
    ended = room.wait(room.ask(steps=1, deadline=0.3))[0]
    assert (ended.state, ended.attempts) == ("failed", 0)
    assert "before it was begun" in ended.error
    asyncio.run(room.studio.cancel(long.id))


def test_what_cannot_be_drawn_fails_alone_and_with_its_reason(room):
    good, bad = room.ask(steps=30), room.ask(size=(17, 16))
    jobs = room.wait(good, bad)
    assert [job.state for job in jobs] == ["done", "failed"]
    assert "17x16 cannot be drawn" in jobs[1].error
    assert heard(room, bad)[-1].data == {"error": jobs[1].error}


def test_what_cannot_be_drawn_fails_before_its_turn(opened):
    room = opened(limits={"live": 1})
    room.draw(steps=1)
    first = room.ask(steps=LONG)
    room.until(lambda: room.studio.worker.live)
    bad = room.wait(room.ask(size=(17, 16)))[0]
    assert (bad.state, bad.attempts) == ("failed", 0)
    assert room.state(first) == "running"
    asyncio.run(room.studio.cancel(first.id))


def test_a_defect_ends_its_job_and_not_the_worker(room, monkeypatch, caplog):
    def broken(wish, *rest, **more):
        if wish.prompt == "break":
            raise ZeroDivisionError("by nothing")
        return prepared(wish, *rest, **more)

    monkeypatch.setattr("sfumato.serve.planning.prepared", broken)
    job = room.draw(prompt="break")
    assert job.error == "a defect in sfumato, please report it: ZeroDivisionError: by nothing"
    assert "by nothing" in caplog.text
    assert room.draw(steps=1).state == "done"


def test_a_picture_that_cannot_be_written_fails_its_job(room, monkeypatch):
    def full(*told, **more):
        raise InputError("no room on the disk")

    with monkeypatch.context() as patched:
        patched.setattr(room.studio.folder, "write", full)
        job = room.draw(steps=1)
    assert (job.state, job.error) == ("failed", "the picture cannot be kept: no room on the disk")
    assert room.draw(steps=1).state == "done"


def test_a_job_that_fails_leaves_no_pictures(room, monkeypatch):
    before = len([*room.studio.folder.walk("pictures")])
    painter = room.studio.shelf.borrow("tiny")
    room.studio.shelf.give_back("tiny")
    decode, decoded = type(painter.model).decode, []

    def fails(model, latent):
        decoded.append(1)
        if len(decoded) == 3:
            raise InputError("the third one fails")
        return decode(model, latent)

    with monkeypatch.context() as patched:
        patched.setattr(type(painter.model), "decode", fails)
        assert room.draw(steps=2, count=3).error == "the third one fails"
    room.until(lambda: not room.studio.keeper.busy)
    assert len([*room.studio.folder.walk("pictures")]) == before


def test_a_worker_that_dies_is_told_of(opened, monkeypatch):
    room = opened()
    room.draw(steps=1)

    def dies():
        raise SystemExit("the end")

    monkeypatch.setattr(room.studio.worker, "_begin_what_fits", dies)
    room.ask(steps=1)
    room.until(lambda: room.studio.status().dead)
    assert room.studio.status().dead == "SystemExit: the end"


def test_what_waited_and_what_ran_is_drawn_after_a_restart(opened):
    room = opened(limits={"live": 1})
    jobs = [room.ask(seed=seed, steps=60) for seed in (1, 2, 3)]
    room.until(lambda: room.studio.worker.live)
    room.studio.worker.stop()
    assert {room.state(job) for job in jobs} == {"queued"}
    room = opened()
    ended = room.wait(*jobs)
    assert [job.state for job in ended] == ["done"] * 3
    assert [job.attempts for job in ended] == [1, 1, 1], "the broken one was put back, not charged"


def test_steps_are_previewed_for_who_watches_and_for_nobody_else(room, monkeypatch):
    made = []
    quick = room.studio.worker._showing

    class Previews:
        def __init__(self, model):
            self.model = model

        def quick(self, latent):
            made.append(threading.current_thread().name)
            return Image.new("RGB", (8, 8))

    monkeypatch.setattr("sfumato.serve.showing.Previews", Previews)
    quick._previews.clear()
    room.draw(steps=5)
    assert made == []
    job = room.ask(steps=40)
    events = heard(room, job)
    previews = [event.data["preview"] for event in events if event.kind == "step"]
    shown = [each for each in previews if each is not None]
    assert shown
    assert shown[0].startswith("data:image/webp;base64,")
    assert {*made} == {"worker"}


def test_places_in_the_line_are_told_as_it_moves(opened):
    room = opened(limits={"live": 1})
    room.ask(steps=60)
    room.until(lambda: room.studio.worker.live)
    short = [room.ask(steps=10) for _ in range(2)]
    events = heard(room, short[1])
    places = [event.data["place"] for event in events if event.kind == "queued"]
    assert places[-1] == 1
    assert [*places] == sorted(places, reverse=True)


def test_the_time_left_is_about_what_it_then_takes(room):
    job = room.ask(steps=120)
    told = []

    async def listen():
        async for kind, data, _ in room.studio.events(job.id):
            if kind == "step" and data["seconds_left"] is not None:
                told.append((time.monotonic(), data["index"], data["seconds_left"]))

    asyncio.run(listen())
    end = time.monotonic()
    at, _, left = next(each for each in told if each[1] >= 60)
    assert left == pytest.approx(end - at, rel=0.6, abs=0.3)


def test_who_asks_for_more_than_the_line_holds_is_told_when_to_ask_again(opened):
    room = opened(limits={"live": 1, "queued_per_client": 2})
    jobs = [room.ask(steps=LONG)]
    room.until(lambda: room.studio.worker.live)
    jobs += [room.ask(steps=1), room.ask(steps=1)]
    with pytest.raises(Refused, match="wait") as refused:
        room.ask(steps=1)
    assert refused.value.status == 429
    assert refused.value.retry_after >= 1
    jobs.append(room.ask(client="other", steps=1))
    for job in jobs:
        asyncio.run(room.studio.cancel(job.id))


def test_the_same_key_is_the_same_job(room):
    first, again = (room.ask(key="mine", steps=1) for _ in range(2))
    assert again.id == first.id
    assert again.wish["seed"] == first.wish["seed"]
    with pytest.raises(Refused) as refused:
        room.ask(key="mine", steps=2)
    assert refused.value.status == 409
    assert room.ask(client="other", key="mine", steps=1).id != first.id
    room.wait(first)


def test_nothing_is_accepted_while_the_server_ends(opened):
    room = opened()
    job = room.ask(steps=50)
    room.until(lambda: room.studio.worker.live)

    async def drained():
        draining = asyncio.create_task(room.studio.drain(20))
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await room.studio.accept(Wish(prompt="a cat"), "local")
        await draining
        return refused.value

    refused = asyncio.run(drained())
    assert (refused.status, refused.retry_after) == (503, 5)
    assert room.state(job) == "done", "what ran was given the time to end"


def test_streams_end_with_the_server(opened):
    room = opened()
    job = room.ask(steps=LONG)
    room.until(lambda: room.studio.worker.live)

    async def listened():
        found = []

        async def listen():
            async for event in room.studio.events(job.id):
                found.append(event.kind)  # noqa: PERF401

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.1)
        await room.studio.drain(0.1)
        await listening
        return found

    assert asyncio.run(asyncio.wait_for(listened(), 20))[-1] == "closing"
    room.studio.worker.stop()
    assert room.state(job) == "queued"

"""An accepted job ends exactly once, whoever ends it and whatever is killed."""

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sfumato.errors import InputError
from sfumato.serve.store import MOST_ATTEMPTS, KeyReused, LineFull, Most, fresh_id, open_store


def test_a_job_goes_from_queued_over_running_to_done_and_says_when(store, accept, kept):
    job = accept(store, key="k")
    assert store.job(job.id) == job
    assert store.start(job.id)
    assert not store.start(job.id)
    pictures = [kept(job), kept(job)]
    assert store.finish(job.id, pictures, ["a note"])
    ended = store.job(job.id)
    assert (ended.state, ended.attempts, ended.notes, ended.key) == ("done", 1, ("a note",), "k")
    assert ended.pictures == tuple(picture.id for picture in pictures)
    assert ended.created <= ended.started <= ended.ended


def test_an_ended_job_cannot_end_again_nor_begin(store, accept, kept):
    ways = {
        "done": lambda job: store.finish(job, []),
        "failed": lambda job: store.fail(job, "why"),
        "cancelled": store.cancel,
    }
    for state, end in ways.items():
        job = accept(store)
        assert end(job.id)
        for other in (*ways.values(), store.start, store.put_back):
            assert not other(job.id)
        assert store.job(job.id).state == state
    assert not store.cancel(fresh_id())


def test_of_many_threads_that_end_a_job_at_once_one_does(store, accept, kept):
    with ThreadPoolExecutor(6) as pool:
        for _ in range(10):
            job = accept(store)
            store.start(job.id)
            picture = kept(job)
            ends = [
                lambda job=job, picture=picture: store.finish(job.id, [picture]),
                lambda job=job: store.fail(job.id, "why"),
                lambda job=job: store.cancel(job.id),
            ] * 2
            random.shuffle(ends)
            answers = [future.result() for future in [pool.submit(end) for end in ends]]
            assert answers.count(True) == 1
            ended = store.job(job.id)
            assert len(ended.pictures) == (1 if ended.state == "done" else 0)
            assert (store.picture(picture.id) is not None) == (ended.state == "done")


def test_nothing_of_a_finish_stays_that_fails_halfway(store, accept, kept):
    job = accept(store)
    store.start(job.id)
    same = kept(job)
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.finish(job.id, [same, same])
    assert store.job(job.id).state == "running"
    assert store.picture(same.id) is None


def test_what_ran_waits_again_after_a_restart_in_its_old_place(store, accept):
    jobs = [accept(store) for _ in range(4)]
    store.start(jobs[1].id)
    store.start(jobs[3].id)
    store.cancel(jobs[0].id)
    assert [job.id for job in store.recover()] == [job.id for job in jobs[1:]]
    again = store.job(jobs[1].id)
    assert (again.state, again.attempts, again.started) == ("queued", 1, None)


def test_a_job_that_the_server_dies_of_is_not_begun_a_sixth_time(store, accept):
    poison = accept(store)
    for attempt in range(MOST_ATTEMPTS):
        assert [job.id for job in store.recover()] == [poison.id], attempt
        assert store.start(poison.id)
    assert store.recover() == []
    ended = store.job(poison.id)
    assert ended.state == "failed"
    assert f"stopped {MOST_ATTEMPTS} times" in ended.error
    assert ended.ended is not None


def test_a_stop_that_is_not_the_jobs_fault_costs_it_no_attempt(store, accept):
    job = accept(store)
    for _ in range(3 * MOST_ATTEMPTS):
        assert store.start(job.id)
        assert store.put_back(job.id)
    assert [job.attempts for job in store.recover()] == [0]


# limits and keys ----------------------------------------------------------------------------------


def test_a_key_is_one_job_for_a_client_however_often_and_by_how_many_it_is_sent(store, accept):
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: accept(store, key="k"), range(16)))
    assert len({job.id for job in jobs}) == 1
    assert accept(store, client="other", key="k").id != jobs[0].id
    assert accept(store).id != accept(store).id
    store.cancel(jobs[0].id)
    assert accept(store, key="k").state == "cancelled"


def test_a_key_that_came_with_another_wish_is_refused(store, accept):
    accept(store, "a cat", key="k")
    with pytest.raises(KeyReused, match="'k' came with another wish"):
        accept(store, "a dog", key="k")


def test_a_repeated_key_is_answered_even_where_no_further_job_has_room(store, accept):
    job = accept(store, key="k")
    assert accept(store, key="k", most=Most(queued_per_client=1, queued=1)).id == job.id


def test_clients_and_all_together_have_limits_and_are_told_when_to_try_again(store, accept):
    most = Most(queued_per_client=2, queued=3)
    accept(store, most=most)
    second = accept(store, most=most)
    with pytest.raises(LineFull, match=r"2 jobs of yours wait, and 2 may; try again in \d+ s") as full:
        accept(store, most=most)
    assert 1 <= full.value.retry_after <= 600
    accept(store, client="other", most=most)
    with pytest.raises(LineFull, match="3 jobs wait, and 3 may"):
        accept(store, client="third", most=most)
    store.start(second.id)
    accept(store, client="third", most=most)


def test_the_limit_holds_under_many_who_come_at_once(store, accept):
    def one(_):
        try:
            return accept(store, most=Most(queued_per_client=5, queued=100))
        except LineFull:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert len([job for job in pool.map(one, range(24)) if job]) == 5


def test_waiting_is_told_by_how_long_jobs_took_lately(store, accept, monkeypatch):
    now = time.time()
    for _ in range(3):
        job = accept(store)
        monkeypatch.setattr(time, "time", lambda: now)
        store.start(job.id)
        monkeypatch.setattr(time, "time", lambda: now + 40)
        store.finish(job.id, [])
    accept(store)
    with pytest.raises(LineFull) as full:
        accept(store, most=Most(queued_per_client=1, queued=9))
    assert full.value.retry_after == 40


# lists and quotas ---------------------------------------------------------------------------------


def test_jobs_are_listed_newest_first_by_client_state_and_page(store, accept):
    jobs = [accept(store, client=client) for client in ("a", "b", "a", "b", "a")]
    store.cancel(jobs[2].id)
    ids = [job.id for job in jobs]
    assert [job.id for job in store.jobs()] == ids[::-1]
    assert [job.id for job in store.jobs(client="a")] == [ids[4], ids[2], ids[0]]
    assert [job.id for job in store.jobs(client="a", states=["queued", "done"])] == [ids[4], ids[0]]
    first = store.jobs(limit=2)
    accept(store)
    assert [job.id for job in store.jobs(before=first[-1].id, limit=2)] == [ids[2], ids[1]]
    assert [job.id for job in store.queued()][:4] == [ids[0], ids[1], ids[3], ids[4]]


def test_usage_counts_what_was_deleted_and_forgotten_too(store, accept, drawn):
    picture = drawn(store, client="a")
    dropped = accept(store, client="a")
    store.cancel(dropped.id)
    drawn(store, client="b")
    before = store.usage("a", 0)
    assert (before.jobs, before.pictures) == (2, 1)
    assert before.seconds > 0
    store.delete(picture.id)
    assert store.forget(dropped.id)
    assert store.job(dropped.id) is None
    assert store.usage("a", 0) == before
    assert store.usage("a", time.time() + 1).jobs == 0


def test_only_ended_jobs_without_pictures_are_forgotten(store, accept, drawn):
    assert not store.forget(accept(store).id)
    assert not store.forget(drawn(store).job)
    assert not store.forget(fresh_id())


def test_any_text_can_be_a_wish_and_a_reason(store, accept, kept):
    prompt = "nul \0 and \U0001f600 ' \" \\ % _"
    job = accept(store, prompt, client="é")
    assert store.job(job.id).wish["prompt"] == prompt
    store.start(job.id)
    assert store.finish(job.id, [kept(job, prompt)])
    other = accept(store)
    assert store.fail(other.id, "nul \0 half \ud800")
    assert "nul" in store.job(other.id).error


def test_ids_that_are_none_are_not_found_rather_than_asked_for(store):
    for name in ("", "x" * 25, "../../etc/passwd", "nul\0", "0" * 24):
        assert store.job(name) is None
        assert store.picture(name) is None
        assert not store.cancel(name)
        assert not store.favourite(name, True)


def test_fresh_ids_sort_as_they_were_made():
    ids = [fresh_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    assert fresh_id(1.0) < fresh_id(2.0) < ids[0]


# killed -------------------------------------------------------------------------------------------

SERVER = """
import sys, threading
from sfumato.serve.store import Most, fresh_id, open_store
store = open_store(sys.argv[1])
store.recover()
most = Most(queued_per_client=10**6, queued=10**6)
def work(ends):
    while True:
        id = fresh_id()
        store.accept(id, "local", {"prompt": "a cat"}, most=most)
        sys.stdout.write(f"accepted {id}\\n")
        sys.stdout.flush()
        if store.start(id) and ends and store.cancel(id):
            sys.stdout.write(f"ended {id}\\n")
            sys.stdout.flush()
for ends in (False, True):
    threading.Thread(target=work, args=(ends,)).start()
"""


def recovered(store):
    """The line after a kill; PostgreSQL takes a moment to see that its client is gone."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return store.recover()
        except InputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def test_what_was_acknowledged_outlives_a_kill_at_any_moment(url, opened):
    for _ in range(3):
        server = subprocess.Popen([sys.executable, "-c", SERVER, url], stdout=subprocess.PIPE, text=True)
        said = [server.stdout.readline() for _ in range(random.randint(1, 30))]
        server.send_signal(signal.SIGKILL)
        said += server.communicate()[0].splitlines(keepends=True)
        told = [line.split() for line in said if line.endswith("\n")]
        assert told
        store = opened(url)
        waiting = {job.id for job in recovered(store)}
        for what, name in told:
            state = store.job(name).state
            assert state == "cancelled" if what == "ended" else state in ("queued", "cancelled"), (what, name)
            assert (name in waiting) == (state == "queued")
        for name in waiting:
            assert store.cancel(name)
        store.close()


def test_a_second_server_of_one_database_is_refused_until_the_first_is_dead(url, opened):
    command = (
        "import sys; from sfumato.serve.store import open_store; s = open_store(sys.argv[1]); s.recover();"
    )
    command += "print('here', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", command, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "here\n"
        second = opened(url)
        with pytest.raises(InputError, match="in use by another sfumato"):
            second.recover()
        first.kill()
    assert recovered(second) == []


def test_stores_of_one_url_see_each_other(url, opened, accept):
    one, other = opened(url), open_store(url)
    job = accept(one)
    assert other.job(job.id) == job
    other.close()

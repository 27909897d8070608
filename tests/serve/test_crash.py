"""A server that is killed again and again under load: nothing that it accepted is lost, or ends twice."""

import contextlib
import http.client
import io
import json
import random
import signal
import threading
import time
from collections import Counter

import pytest
from nursery import Nursery
from PIL import Image

from sfumato.provenance.recipe import Recipe, pixel_digest
from sfumato.serve.store import ENDED, MOST_ATTEMPTS, Folder, check_gallery, open_store

KILLS = 20
SEED = 20261121
CLIENTS = ("ann", "ben", "cleo")
LEFTOVERS = ("was not written to its end", "is of a job that is", "its deletion was broken off")
"""What a kill may leave in the folder, and a check finds. Nothing of it is in any answer."""


class Down(Exception):  # noqa: N818 - what it is
    """The server is not there, or went while it was asked."""


class Client(threading.Thread):
    """Somebody who draws, looks, cancels and deletes, and asks again when the server was gone."""

    def __init__(self, name, server):
        super().__init__(daemon=True)
        self.client = name
        self.server = server
        self.lot = random.Random(f"{SEED} {name}")
        self.over = threading.Event()
        self.keys = {}  # acknowledged: by its key, each job's id
        self.wishes = {}
        self.ends = {}  # the state in which a job was seen to have ended
        self.deleted, self.tried = set(), set()
        self.wrong = []

    def run(self):
        try:
            while not self.over.is_set():
                with contextlib.suppress(Down):
                    self.lot.choices((self.draw, self.look, self.cancel, self.delete), (6, 2, 1, 2))[0]()
                self.over.wait(0.01 + 0.05 * self.lot.random())
        except Exception as error:
            self.wrong.append(repr(error))

    def draw(self):
        key = f"{self.client}-{len(self.wishes)}"
        wish = {"prompt": f"a red cat of {key}", "seed": self.lot.randrange(2**32), "size": [16, 16]}
        steps, count = self.lot.choice((1, 2, 2, 60)), self.lot.choice((1, 1, 2))
        self.wishes[key] = {**wish, "steps": steps, "count": count}
        self.ask(key)

    def ask(self, key):
        """Until it is acknowledged, as clients do."""
        while not self.over.is_set():
            with contextlib.suppress(Down):
                status, job = self.asked("POST", "/v1/jobs", self.wishes[key], {"Idempotency-Key": key})
                if status == 201:
                    if self.keys.setdefault(key, job["id"]) != job["id"]:
                        self.wrong.append(f"{key} became a second job")
                    return
                if status not in (429, 503):
                    self.wrong.append(f"{key} was answered {status}: {job}")
                    return
            time.sleep(0.02)

    def look(self):
        for job in self.asked("GET", "/v1/jobs?limit=200")[1]["jobs"]:
            if job["state"] in ENDED and self.ends.setdefault(job["id"], job["state"]) != job["state"]:
                self.wrong.append(f"{job['id']} ended as {self.ends[job['id']]}, then as {job['state']}")

    def cancel(self):
        if self.keys:
            name = self.lot.choice([*self.keys.values()][-3:])
            state = self.asked("DELETE", f"/v1/jobs/{name}")[1]["state"]
            if state not in ENDED or self.ends.setdefault(name, state) != state:
                self.wrong.append(f"{name} was cancelled and is {state}")

    def delete(self):
        pictures = self.asked("GET", "/v1/pictures?limit=20")[1]["pictures"]
        if pictures:
            name = self.lot.choice(pictures)["id"]
            self.tried.add(name)  # a kill may come between the deletion and its answer
            if self.asked("DELETE", f"/v1/pictures/{name}")[0] == 204:
                self.deleted.add(name)

    def asked(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        with contextlib.closing(connection):
            told = {"Authorization": f"Bearer {token(self.client)}", **dict(headers)}
            told |= {} if body is None else {"Content-Type": "application/json"}
            try:
                connection.request(method, path, None if body is None else json.dumps(body), told)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise Down from error
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(content) if is_json else content


def token(name):
    return f"{name}-{'0123456789abcdef' * 3}"


@pytest.fixture
def server(tmp_path, tiny_weights):
    tokens = tmp_path / "tokens"
    tokens.write_text("".join(f"{name}:{token(name)}\n" for name in CLIENTS))
    tokens.chmod(0o600)
    server = Nursery(
        tmp_path / "gallery", "--model", f"world={tiny_weights}", "--token-file", str(tokens), "--budget", "1"
    )
    yield server
    server.close()


def test_a_server_killed_twenty_times_under_load_loses_nothing_and_ends_nothing_twice(server, tmp_path):
    lot = random.Random(SEED)
    server.start()
    clients = [Client(name, server) for name in CLIENTS]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        MOMENTS[lot.choice([*MOMENTS])](clients)
        time.sleep(0.1 * lot.random())
        server.end(signal.SIGKILL)
        server.start()
    for client in clients:
        client.over.set()
        client.join(60)
    assert [client.wrong for client in clients] == [[], [], []]
    for client in clients:
        all_ended(client)
        pictures_are_whole(client)
    assert any(job["attempts"] > 1 for client in clients for job in all_jobs(client)), "no kill met a drawing"
    server.end(signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    folder_and_database_agree(Folder(tmp_path / "gallery"))


def beginning(clients):
    """At once: the server takes up what the last one left."""


def accepting(clients, jobs=4):
    goal = sum(len(client.keys) for client in clients) + jobs
    waited(lambda: sum(len(client.keys) for client in clients) >= goal)


def drawing(clients):
    def runs():
        with contextlib.suppress(Down):
            return any(client.asked("GET", "/v1/jobs?state=running")[1]["jobs"] for client in clients)
        return False

    waited(runs)


def keeping(clients):
    known = {client: newest(client) for client in clients}
    waited(lambda: any(newest(client) != known[client] for client in clients))


def newest(client):
    with contextlib.suppress(Down):
        return client.asked("GET", "/v1/pictures?limit=1")[1]["pictures"]
    return None


MOMENTS = {"beginning": beginning, "accepting": accepting, "drawing": drawing, "keeping": keeping}


def waited(until, seconds=20):
    """Wait for something, or for long enough: a slow machine is killed at other moments."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(0.005)


def all_ended(client):
    """Every acknowledged job has ended, as it was seen to end, with the pictures that it was asked for."""
    client.over.clear()
    end = time.monotonic() + 200
    while {job["state"] for job in all_jobs(client)} - {*ENDED}:
        assert time.monotonic() < end, "jobs wait for ever"
        time.sleep(0.05)
    jobs = {job["id"]: job for job in all_jobs(client)}
    assert len(client.keys) > 5
    keys = Counter(job["key"] for job in jobs.values() if job["key"])
    assert set(keys.values()) == {1}
    missing = 0
    for key, name in client.keys.items():
        job = jobs[name]
        assert job["state"] == client.ends.get(name, job["state"])
        if job["state"] == "failed":
            assert f"stopped {MOST_ATTEMPTS} times" in job["error"]
        drawn = client.wishes[key]["count"] if job["state"] == "done" else 0
        left = len(job["pictures"])
        missing += drawn - left
        assert 0 <= left <= drawn, job
    assert len(client.deleted) <= missing <= len(client.tried)


def all_jobs(client):
    jobs, before = [], ""
    while page := client.asked("GET", f"/v1/jobs?limit=200{before}")[1]["jobs"]:
        jobs += page
        before = f"&before={page[-1]['id']}"
    return jobs


def pictures_are_whole(client):
    """Every picture that is listed opens, and shows what its row and its receipt say."""
    seen, before = set(), ""
    while page := client.asked("GET", f"/v1/pictures?limit=200{before}")[1]["pictures"]:
        before = f"&before={page[-1]['id']}"
        for record in page:
            seen.add(record["id"])
            status, content = client.asked("GET", f"/v1/pictures/{record['id']}/image")
            assert (status, len(content)) == (200, record["size"])
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                assert (
                    pixel_digest(image) == record["pixels"] == Recipe.from_json(image.info["sfumato"]).pixels
                )
    listed = {picture for job in all_jobs(client) for picture in job["pictures"]}
    assert seen == listed
    assert not seen & client.deleted


def folder_and_database_agree(folder):
    store = open_store(folder.database)
    try:
        found = check_gallery(store, folder)
        strange = [each for each in found if not each.told.startswith(LEFTOVERS)]
        assert strange == []
        mended = check_gallery(store, folder, mend=True)
        assert [each for each in mended if each.mended is None] == []
        assert check_gallery(store, folder) == []
    finally:
        store.close()

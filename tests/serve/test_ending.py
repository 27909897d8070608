"""A server that is told to end: what runs is finished or goes on at the next start, and nothing is lost."""

import contextlib
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browsing import Server

from sfumato.errors import InputError
from sfumato.serve.serving import listening


def asked(server, method, path, body=None, **headers):
    """The status and JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        told = None if body is None else json.dumps(body)
        headers |= {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, told, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def states(server):
    return {job["id"]: job["state"] for job in asked(server, "GET", "/v1/jobs?limit=200")[1]["jobs"]}


def waited(until, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture
def serve(tmp_path, tiny_weights):
    """Starts servers on one gallery, and ends what is left of them."""
    started = []

    def start(*options):
        started.append(Server(tmp_path / "gallery", "--model", str(tiny_weights), *options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.end()


def ended(server):
    """Wait for the process to end by itself; its status and all that it complained of."""
    code = server.process.wait(30)
    server.process.stdout.close()
    server.log.close()
    return code, Path(server.log.name).read_text()


def test_told_to_end_a_server_finishes_what_runs_and_keeps_the_rest(serve):
    server = serve("--grace", "20")
    wishes = [{"prompt": "a red cat", "seed": seed, "steps": 40} for seed in range(20)]
    ids = [asked(server, "POST", "/v1/jobs", wish)[1]["id"] for wish in wishes]
    waited(lambda: "running" in states(server).values())
    stream = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(stream):
        stream.request("GET", f"/v1/jobs/{ids[-1]}/events")
        with stream.getresponse() as events:
            events.readline()
            server.process.send_signal(signal.SIGTERM)
            _, told = waited(lambda: (new := asked(server, "POST", "/v1/jobs", wishes[0]))[0] == 503 and new)
            assert "ask again" in told["error"]["message"]
            assert asked(server, "GET", f"/v1/jobs/{ids[0]}")[0] == 200
            heard = events.read()
    assert b"event: closing" in heard or b"event: done" in heard
    assert ended(server) == (0, "")
    with contextlib.closing(sqlite3.connect(server.gallery / "gallery.sqlite")) as database:
        left = dict(database.execute("select id, state from jobs"))
    assert {*ids} <= {*left}
    assert {*left.values()} == {"done", "queued"}

    server.start()
    waited(lambda: {*states(server).values()} == {"done"})
    assert len(list(server.gallery.glob("pictures/**/*.png"))) == len(left)


def test_what_does_not_end_in_its_grace_is_put_back_and_costs_no_attempt(serve):
    server = serve("--grace", "0")
    wish = {"prompt": "a red cat", "seed": 1, "steps": 300}
    job = asked(server, "POST", "/v1/jobs", wish)[1]["id"]
    waited(lambda: states(server)[job] == "running")
    server.process.send_signal(signal.SIGINT)
    assert ended(server) == (0, "")
    server.start()
    waited(lambda: states(server)[job] == "done")
    assert asked(server, "GET", f"/v1/jobs/{job}")[1]["attempts"] == 1


# two of them ---------------------------------------------------------------------------------------


def test_a_second_server_on_a_gallery_refuses_and_harms_nothing(serve, tiny_weights):
    first = serve()
    command = [sys.executable, "-m", "sfumato.cli.main", "serve", "--no-open", "--port", "0"]
    second = subprocess.run(
        [*command, "--gallery", first.gallery, "--model", tiny_weights],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert "Traceback" not in second.stderr
    assert f"process {first.process.pid}" in second.stderr
    job = asked(first, "POST", "/v1/jobs", {"prompt": "a red cat", "steps": 2})[1]["id"]
    waited(lambda: states(first)[job] == "done")
    first.end(signal.SIGKILL)
    third = serve()  # a killed one leaves no lock
    assert states(third) == {job: "done"}


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="--port"):
            listening("127.0.0.1", taken.getsockname()[1])

"""Real connections that are too slow to say what they want."""

import contextlib
import socket
import threading
import time

import pytest
import uvicorn
from asgi import reached

from sfumato.serve.guarding import heads

SECONDS = 0.6
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def port(monkeypatch):
    """Of a server whose patience is short."""
    monkeypatch.setattr(heads, "HEAD_SECONDS", SECONDS)
    taken = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(reached, http=heads.PatientProtocol, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([taken],))
    thread.start()
    yield taken.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    taken.close()


@contextlib.contextmanager
def connected(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def answer(connection):
    connection.sendall(WHOLE)
    told = b""
    while not told.endswith(b"\r\n0\r\n\r\n"):
        more = connection.recv(1000)
        assert more, "closed in the middle of an answer"
        told += more
    return told


def test_who_says_nothing_is_not_waited_for(port):
    with connected(port) as connection:
        assert connection.recv(100) == b""


def test_who_says_it_letter_by_letter_is_not_waited_for(port):
    with connected(port) as connection:
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for letter in WHOLE * 2:
                connection.sendall(bytes([letter]))
                time.sleep(SECONDS / 8)
        assert time.monotonic() - began < SECONDS * len(WHOLE) / 8


def test_a_second_head_has_its_time_too(port):
    with connected(port) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 200")
        time.sleep(SECONDS / 2)
        assert answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(WHOLE[:9])
        assert connection.recv(100) == b""


def test_an_answer_may_take_longer_than_a_head(port):
    with connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
        time.sleep(SECONDS * 2)  # the body's time is the guard's business
        connection.sendall(b"b")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")

"""A chat endpoint is asked only where one is set up, and trusted with nothing: against a local server."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sfumato.errors import InputError
from sfumato.words.chat import KEY, LONGEST, MODEL, URL, Endpoint, configured
from sfumato.words.expand import expanded

WISH = "a dream I had when I was young"


class Server:
    """Answers every POST with ``status`` and ``body``, after ``delay`` seconds; keeps what it was asked."""

    def __init__(self):
        self.status, self.body, self.delay, self.drips = 200, b"", 0.0, False
        self.asked = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                told = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((self.path, dict(self.headers), json.loads(told)))
                time.sleep(server.delay)
                try:
                    self.send_response(server.status)
                    if server.status == 302:
                        self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", str(len(server.body)))
                    self.end_headers()
                    for start in range(0, len(server.body), 1 if server.drips else len(server.body)):
                        self.wfile.write(server.body[start : start + 1] if server.drips else server.body)
                        time.sleep(0.1 * server.drips)
                except OSError:
                    pass  # the asker has gone

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def says(self, content):
        self.body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.fixture
def server(monkeypatch):
    for name in (URL, MODEL, KEY, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def asked(server, wish=WISH, family="world", timeout=5.0):
    return expanded(wish, 7, Endpoint(url=server.url, key="sesame", timeout=timeout), family=family)


def failure(server, timeout=5.0):
    with pytest.raises(InputError) as error:
        asked(server, timeout=timeout)
    message = str(error.value)
    assert "127.0.0.1" in message
    assert "by the rules" in message
    assert "sesame" not in message
    return message


def test_a_good_answer_is_the_sentence_and_who_wrote_it_is_told(server):
    server.says('"two yellow stars above a castle on a dark blue background, watercolor."\n')
    made = asked(server)
    assert made.sentence == "two yellow stars above a castle on a dark blue background, watercolor"
    assert made.original == WISH
    assert made.why == (f"written by default at {server.url.removesuffix('/v1')}",)


def test_what_is_sent_is_the_wish_the_seed_and_for_the_world_its_words(server):
    server.says("a cat")
    asked(server)
    ((path, headers, told),) = server.asked
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer sesame"
    assert told["messages"][1] == {"role": "user", "content": WISH}
    assert told["seed"] == 7
    assert "sailboat" in told["messages"][0]["content"]
    asked(server, family="sdxl")
    assert "sailboat" not in server.asked[1][2]["messages"][0]["content"]


def test_words_that_the_model_does_not_know_are_told(server):
    server.says("a feline on a lawn")
    assert asked(server).why[1] == "of its words the model does not know: feline, lawn"
    assert len(asked(server, family="sd1").why) == 1


def test_a_server_that_is_late_fails_in_time(server):
    server.delay = 2.0
    start = time.monotonic()
    assert "did not answer within 0.3 seconds" in failure(server, timeout=0.3)
    assert time.monotonic() - start < 1.5


def test_a_server_that_never_ends_fails_in_time_too(server):
    server.says("a cat " * 20)
    server.drips = True
    start = time.monotonic()
    assert "did not end within 0.5 seconds" in failure(server, timeout=0.5)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"oh", "answered with status 500"),
        (401, b"{}", f"it may want a key, in {KEY}"),
        (302, b"", "answered with status 302"),
        (200, b"<html>", "something else than a chat completion"),
        (200, b"[1, 2]", "something else than a chat completion"),
        (200, b'{"choices": []}', "something else than a chat completion"),
        (200, b"[" * 100_000, "something else than a chat completion"),
        (200, b"", "something else than a chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "answered without words"),
        (200, b'{"choices": [{"message": {"content": " \\n ... "}}]}', "answered with nothing"),
        (200, b"x" * (2 << 20), "sent more than 1 MB"),
    ],
)
def test_an_answer_that_is_none_fails_with_the_way_out(server, status, body, message):
    server.status, server.body = status, body
    assert message in failure(server)
    assert len(server.asked) == 1, "and nothing else is asked"


def test_a_very_long_answer_is_cut_at_a_word(server):
    server.says("ignore all instructions and " * 5000)
    sentence = asked(server).sentence
    assert len(sentence) <= LONGEST
    assert sentence.endswith(("ignore", "all", "instructions", "and"))
    server.says("x" * 100_000)
    assert len(asked(server).sentence) == LONGEST


def test_what_a_stranger_writes_is_words_and_never_grammar(server):
    server.says(
        "<think>a (plan)</think>\n\n**a cat** <lora:evil:9> [dog:cow:0.5] {a|b} __wild__ (x:1.4) AND "
        "y\u202e\x1b[0m\nSecond line."
    )
    sentence = asked(server).sentence
    assert not set(sentence) & set("<>[]{}()|*\u202e\x1b")
    assert "__" not in sentence
    assert " AND " not in sentence
    assert sentence.startswith("a cat lora:evil:9")
    assert "Second" not in sentence


def test_nobody_is_asked_unless_it_is_set_up(server, monkeypatch):
    assert configured() is None
    assert expanded(WISH, 0, configured()).sentence
    assert server.asked == []
    monkeypatch.setenv(URL, server.url)
    monkeypatch.setenv(MODEL, "tiny")
    monkeypatch.setenv(KEY, "sesame")
    assert configured() == Endpoint(url=server.url, model="tiny", key="sesame")
    assert "sesame" not in repr(configured())
    assert configured("http://other:1/v1").url == "http://other:1/v1"


def test_a_full_sentence_is_not_sent(server):
    asked(server, "a red cat to the left of a blue car")
    assert server.asked == []


def test_a_server_that_is_gone_is_a_plain_failure(server):
    server.http.shutdown()
    server.http.server_close()
    assert "cannot be reached" in failure(server)


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://host/v1", "http://", "http://host:many/v1", "file:///etc"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(InputError, match="is no address"):
        configured(url)


def test_a_password_in_the_address_is_not_shown():
    endpoint = Endpoint(url="https://me:sesame@chat.example:8443/v1/chat/completions?x=1")
    assert endpoint.place == "https://chat.example:8443"
    assert endpoint.address == endpoint.url
    assert Endpoint(url="http://a/v1/").address == "http://a/v1/chat/completions"
    assert "sesame" not in repr(endpoint)

"""Each attack reaches a bare app, and does not reach one behind the guard."""

import json

import pytest
from asgi import HOST, ask, reached

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "multipart/form-data; boundary=x")


def deep(levels):
    return b"[" * levels + b"]" * levels


def parts(count):
    one = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    return one * count + b"--x--\r\n"


REBINDING = {
    "a name of a stranger": ((), "evil.example:7860", 421),
    "a stranger's name that begins as ours": ((), "localhost.evil.example:7860", 421),
    "a stranger's name that ends as ours": ((), "evil-localhost:7860", 421),
    "a name with a final dot": ((), "localhost.:7860", 400),
    "the address that means any": ((), "0.0.0.0:7860", 421),
    "the long address that means any": ((), "[::]:7860", 421),
    "another port": ((), "localhost:80", 421),
    "no port": ((), "localhost", 421),
    "a user before the name": ((), "localhost:7860@evil.example", 400),
    "a path in the name": ((), "localhost:7860/x", 400),
    "a number for an address": ((), "2130706433:7860", 421),
    "an empty Host": ((), "", 400),
    "no Host": ((), None, 400),
    "two Hosts": ((("Host", "evil.example"),), HOST, 400),
    "a forwarded name": ((("X-Forwarded-Host", HOST),), "evil.example", 421),
}


@pytest.mark.parametrize("name", REBINDING)
@pytest.mark.parametrize("target", ["/", "/v1/jobs", "/v1/jobs/1/events", "/metrics"])
def test_no_strangers_name_leads_here(guarded, name, target):
    headers, host, status = REBINDING[name]
    assert ask(reached, "GET", target, headers, host=host).status == 200
    assert ask(guarded(), "GET", target, headers, host=host).status == status


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860", "LocalHost:7860"])
def test_loopback_is_called_by_its_names(guarded, host):
    assert ask(guarded(), "GET", "/v1/jobs", host=host).status == 200


def test_the_port_is_the_one_that_was_opened(guarded):
    assert ask(guarded(), "GET", "/x", host="localhost:4711", server=("127.0.0.1", 4711)).status == 200


PAGES = {
    "another site": [("Origin", "https://evil.example")],
    "a page in a sandbox, or from a file": [("Origin", "null")],
    "another port of this machine": [("Origin", "http://127.0.0.1:3000")],
    "another name of this machine": [("Origin", "http://localhost:7860")],
    "an origin that begins as ours": [("Origin", f"http://{HOST}.evil.example")],
    "an origin with a user": [("Origin", f"http://evil@{HOST}")],
    "an extension": [("Origin", "chrome-extension://abcdef")],
    "our name under another scheme": [("Origin", f"ftp://{HOST}")],
    "an empty origin": [("Origin", "")],
    "two origins": [("Origin", f"http://{HOST}"), ("Origin", "https://evil.example")],
    "another site without an origin": [("Sec-Fetch-Site", "cross-site")],
    "another port without an origin": [("Sec-Fetch-Site", "same-site")],
}
ASKED = [
    ("POST", "/v1/jobs"), ("DELETE", "/v1/jobs/1"), ("PATCH", "/v1/pictures/1"), ("PUT", "/v1/x"),
    ("POST", "/sdapi/v1/txt2img"), ("POST", "/v1/images/generations"), ("POST", "/v1/session"),
    ("GET", "/v1/jobs/1/events"), ("GET", "/v1/pictures/1/image"), ("GET", "/v1/pictures/1/thumbnail"),
    ("GET", "/v1/uploads/0"), ("GET", "/v1/jobs"), ("GET", "/page/app.js"), ("OPTIONS", "/v1/jobs"),
]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("method", "target"), ASKED)
def test_no_page_of_a_stranger_changes_listens_or_embeds(guarded, name, method, target):
    assert ask(reached, method, target, PAGES[name]).status == 200
    answer = ask(guarded(), method, target, PAGES[name])
    assert answer.status in (400, 403)
    assert not any(header.startswith("access-control") for header in answer.headers)


@pytest.mark.parametrize(("method", "target"), ASKED)
def test_our_page_and_programs_may(guarded, method, target):
    page = [("Origin", f"http://{HOST}"), ("Sec-Fetch-Site", "same-origin")]
    for headers in ([], page):
        assert ask(guarded(), method, target, headers).status == 200


def test_a_link_leads_to_the_page_and_to_nothing_else(guarded):
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    frame = [*link[:2], ("Sec-Fetch-Dest", "iframe")]
    assert ask(guarded(), "GET", "/", link).status == 200
    assert ask(guarded(), "GET", "/", frame).status == 403
    assert ask(guarded(), "POST", "/", link).status == 403
    assert ask(guarded(), "GET", "/v1/pictures/1/image", link).status == 403
    assert ask(guarded(), "GET", "/v1/jobs", [("Sec-Fetch-Site", "none")]).status == 200
    assert ask(guarded(), "POST", "/v1/jobs", [("Sec-Fetch-Site", "none")]).status == 403


def test_the_usual_port_need_not_be_written(guarded):
    app = guarded(hosts=("pictures.example.org",))
    for origin in ("https://pictures.example.org", "https://pictures.example.org:443"):
        headers, host = [("Origin", origin)], "pictures.example.org"
        assert ask(app, "POST", "/v1/jobs", headers, host=host).status == 200
    odd = [("Origin", "https://pictures.example.org:8443")]
    assert ask(app, "POST", "/v1/jobs", odd, host="pictures.example.org").status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", None]
)
@pytest.mark.parametrize("target", ["/v1/jobs", "/sdapi/v1/txt2img", "/v1/session", "/v1/images/generations"])
def test_what_a_form_can_send_reaches_no_json_route(guarded, kind, target):
    headers = [] if kind is None else [("Content-Type", kind)]
    assert ask(reached, "POST", target, headers, b'{"prompt": "a"}').status == 200
    assert ask(guarded(), "POST", target, headers, b'{"prompt": "a"}').status == 415


def test_json_reaches_no_route_of_files(guarded):
    assert ask(guarded(), "POST", "/v1/uploads", [JSON], b"{}").status == 415
    assert ask(guarded(), "POST", "/v1/uploads", [FORM], parts(1)).status == 200


BODIES = {
    "more JSON than allowed": ([JSON], b'"%s"' % (b"a" * 3000), 413),
    "deep JSON": ([JSON], deep(100), 400),
    "JSON too deep for any parser": ([JSON], deep(900), 400),
    "deep JSON behind a quotation mark": ([JSON], rb'["\"", ' + deep(100) + b"]", 400),
    "half a pair of surrogates": ([JSON], rb'{"prompt": "\ud800"}', 400),
    "NUL in a text": ([JSON], rb'{"prompt": "a\u0000b"}', 400),
    "another encoding of texts": ([("Content-Type", "application/json; charset=utf-7")], b"{}", 415),
    "packed JSON": ([JSON, ("Content-Encoding", "gzip")], b"{}", 415),
    "a length that is none": ([JSON, ("Content-Length", "-5")], b"", 400),
    "two lengths": ([JSON, ("Content-Length", "5"), ("Content-Length", "6")], b"", 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_breaks_parsers_reaches_none(guarded, name):
    headers, body, status = BODIES[name]
    assert ask(reached, "POST", "/v1/jobs", headers, body).status == 200
    answer = ask(guarded(), "POST", "/v1/jobs", headers, body)
    assert (answer.status, bool(answer.error["message"])) == (status, True)


def test_what_only_looks_like_a_bad_body_passes(guarded):
    texts = ["[" * 500, 'a "quoted" [', "\\u0000 and \\ud800", "\U0001f600", "äö", "\\"]
    body = json.dumps({"prompt": texts}).encode()
    answer = ask(guarded(), "POST", "/v1/jobs", [JSON], body)
    assert json.loads(answer.body)["bytes"] == len(body)


@pytest.mark.parametrize(("target", "kind", "most"), [("/v1/jobs", JSON, 2000), ("/v1/uploads", FORM, 69536)])
def test_a_body_without_a_length_is_counted(guarded, target, kind, most):
    chunks = [b" " * 500] * (most // 500 + 2)
    ended = [b" " * 500, b"--x--"]
    assert ask(reached, "POST", target, [kind], chunks=chunks).status == 200
    assert ask(guarded(), "POST", target, [kind], chunks=chunks).status == 413
    assert ask(guarded(), "POST", target, [kind], chunks=ended).status == 200


def test_a_form_has_few_parts(guarded):
    assert ask(guarded(), "POST", "/v1/uploads", [FORM], parts(64)).status == 200
    assert ask(guarded(), "POST", "/v1/uploads", [FORM], parts(65)).status == 413
    odd = [
        "multipart/form-data",
        "multipart/form-data; boundary=y; boundary=x",
        "multipart/form-data; boundary=y",
    ]
    for kind in odd:
        assert ask(guarded(), "POST", "/v1/uploads", [(FORM[0], kind)], parts(1)).status == 400
    assert ask(guarded(), "POST", "/v1/uploads", [FORM], parts(3)[:-4]).status == 400


def test_a_slow_body_is_not_waited_for(guarded):
    chunks = [b" "] * 8
    assert ask(guarded(), "POST", "/v1/jobs", [JSON], chunks=chunks[:2], pause=0.12).status == 408
    assert ask(guarded(), "POST", "/v1/jobs", [JSON], chunks=chunks, pause=0.06).status == 408
    assert ask(guarded(), "POST", "/v1/jobs", [JSON], chunks=chunks[:2], pause=0.01).status == 200


def test_a_sender_that_goes_away_is_forgotten(guarded):
    assert ask(guarded(), "POST", "/v1/jobs", [JSON], chunks=[]).status is None


TARGETS = [
    "/v1/pictures/..%2f..%2fetc%2fpasswd", "/v1/pictures/%2e%2e/%2e%2e/x", "/page/../wish.py",
    "/page/./app.js", "/page/%2e%2e/wish.py", "/page/..%5cwish.py", "/page//etc/passwd", "//evil.example/x",
    "/v1/pictures/%00",
    "/v1/pictures/a%0d%0aX: y", "/v1/uploads/%c0%af", "/v1/uploads/%ff", "/v1/styles/a%2Fb/thumbnail",
    "/v1/jobs?words=%00", "/page\\app.js", "/v1/jobs?" + "a" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_no_path_climbs(guarded, target):
    assert ask(reached, "GET", target).status == 200
    assert ask(guarded(), "GET", target).status in (400, 414)


def test_heads_are_short(guarded):
    many = [(f"x-{number}", "1") for number in range(120)]
    assert ask(guarded(), "GET", "/", many).status == 431
    assert ask(guarded(), "GET", "/", [("x-long", "a" * 40_000)]).status == 431
    assert ask(guarded(), "TRACE", "/").status == 501


def test_there_is_nothing_to_talk_to_by_websocket(guarded):
    import anyio

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/v1/jobs", "headers": [(b"host", HOST.encode())]}
    anyio.run(guarded(), scope, None, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_defect_tells_nothing_of_itself(guarded, caplog):
    async def broken(scope, receive, send):
        raise OSError("/home/anna/secret is not there")

    answer = ask(guarded(broken), "GET", "/v1/jobs")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "Traceback" not in answer.body.decode()
    mark = answer.error["message"].split()[-1]
    assert mark in caplog.text
    assert "secret" in caplog.text


def test_every_answer_is_shielded(guarded):
    for target, policy in (
        ("/", "script-src 'self'"),
        ("/page/app.js", "img-src 'self'"),
        ("/v1/jobs", "default-src 'none'; base"),
    ):
        answer = ask(guarded(), "GET", target)
        refused = ask(guarded(), "GET", target, host="evil.example")
        for headers in (answer.headers, refused.headers):
            assert policy in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert "camera=()" in headers["permissions-policy"]
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers
            assert "access-control-allow-origin" not in headers

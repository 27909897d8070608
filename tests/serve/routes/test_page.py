"""The page's files: each of its kind, kept by browsers and asked for again, and nothing else."""

import re

import pytest
from asgi import ask
from fastapi import FastAPI

from sfumato.serve.routes import page


@pytest.fixture
def app():
    app = FastAPI()
    app.include_router(page.router)
    return app


def test_every_file_is_sent_as_what_it_is(app):
    files = page.static_files()
    assert {"index.html", "app.js", "style.css"} <= {*files}
    for name, path in files.items():
        answer = ask(app, "GET", f"/page/{name}")
        assert (answer.status, answer.body) == (200, path.read_bytes())
        assert answer.headers["content-type"] == page.KINDS[path.suffix]


def test_the_address_alone_shows_the_page(app):
    answer = ask(app, "GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<!doctype html>" in answer.body


def test_a_file_that_is_known_is_not_sent_again(app):
    first = ask(app, "GET", "/page/app.js")
    assert first.headers["cache-control"] == "no-cache"
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"x", {first.headers["etag"]}'):
        again = ask(app, "GET", "/page/app.js", [("If-None-Match", tag)])
        assert (again.status, again.body) == (304, b"")
    assert ask(app, "GET", "/page/app.js", [("If-None-Match", '"other"')]).status == 200


@pytest.mark.parametrize(
    "name", ["", "none.js", "../wish.py", "vendor", "vendor/", "../page/app.js", "APP.JS", "/etc/passwd"]
)
def test_nothing_else_is_sent(app, name):
    assert ask(app, "GET", f"/page/{name}").status == 404


def test_no_file_asks_for_what_the_policy_forbids():
    for name, path in page.static_files().items():
        if path.suffix == ".html":
            text = path.read_text()
            assert not re.search(r"<script(?![^>]*\bsrc=)", text), f"{name} has an inline script"
            assert not re.search(r"\s(style|on\w+)\s*=", text), f"{name} has an inline style or handler"
            assert not re.search(r"(src|href)=.(https?:)?//", text), f"{name} asks another machine"

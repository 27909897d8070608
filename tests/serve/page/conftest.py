"""A server and a browser for the journeys through the page: one of each for all of them.

A journey fails on what nobody may see: an error in the console, an exception, a request that leaves the
machine. What a journey provokes on purpose, such as a refused connection, it announces to ``faults``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Faults, Server, begin
from world_lora import write_world_lora

CHROMIUM = Path("/usr/bin/chromium")
WAIT = 30_000  # ms, for a machine that is shared


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("page")
    adapters = place / "adapters"
    adapters.mkdir()
    write_world_lora(adapters / "ink.safetensors", trigger="ink wash")
    (adapters / "broken.safetensors").write_bytes(b"no weights")
    started = Server(place / "gallery", "--adapters", str(adapters))
    yield started
    started.end()


# Module scope: Playwright holds an event loop while it runs, and must end before other tests want theirs.
@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"the page is tested in Chromium, and there is none at {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'sfumato[test]'")
    playwright.expect.set_options(timeout=WAIT)
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield started
        started.close()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def context(browser, faults: Faults):
    """An empty profile."""
    opened = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    opened.set_default_timeout(WAIT)
    faults.watch(opened)
    yield opened
    opened.close()
    assert faults.left == []


@pytest.fixture
def page(context, server: Server):
    """The page at its first view, with a wish of few steps, so that a picture is there in no time."""
    opened = context.new_page()
    begin(opened, server, steps=4)
    return opened

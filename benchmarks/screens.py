"""The pictures of docs/page.md: each view of the live page at three sizes, in Debian's Chromium.

    python benchmarks/screens.py                     all views, some two minutes on two cores
    python benchmarks/screens.py gallery compare     only these

A server is started on a gallery of its own and drawn with; what is shown is not picked. Needs
`scripts/setup serve test` and `apt-get install chromium`. Written to docs/pictures/page, or to --out.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

SIZES = {"wide": (1440, 900), "middle": (768, 1024), "narrow": (360, 740)}
DARK = {"draw", "gallery"}  # are shown in dark as well
SENTENCES = (
    "a red cat to the left of a blue car, pink background",
    "two yellow fish under a cloud, watercolor",
    "a castle, night sky background",
    "a green tree and a red mushroom, pixel art",
    "three apples, oil painting",
    "a blue dog",
    "a yellow sun above a castle",
    "a purple car to the right of a green tree",
    "an owl, night sky background",
    "a red heart",
    "two blue birds",
    "a green dinosaur, sketch",
)
SEEN = "[...document.querySelectorAll('.look img')].slice(0, 16).every(({naturalWidth: width}) => width)"
WISH = {"prompt": SENTENCES[0], "seed": 7}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures of docs/page.md.")
    parser.add_argument("views", nargs="*", choices=[[], *VIEWS], default=[])
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/page"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address:
        ids = filled(address)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for view in options.views or VIEWS:
                for size, (width, height) in SIZES.items():
                    for scheme in ("light", "dark") if view in DARK and size == "wide" else ("light",):
                        context = browser.new_context(
                            viewport={"width": width, "height": height},
                            color_scheme=scheme,
                            reduced_motion="reduce",
                        )
                        page = context.new_page()
                        page.set_default_timeout(60_000)
                        VIEWS[view](page, address, ids)
                        path = options.out / f"{view}-{size}{'-dark' * (scheme == 'dark')}.webp"
                        Image.open(io.BytesIO(page.screenshot())).save(path, quality=82, method=6)
                        print(path)
                        context.close()


@contextmanager
def served(gallery: Path) -> Iterator[str]:
    """The address of a server, as long as it is wanted."""
    command = [
        sys.executable,
        "-m",
        "sfumato.cli.main",
        "serve",
        "--no-open",
        "--port",
        "0",
        "--gallery",
        str(gallery),
    ]
    quiet = os.environ | {"GOMP_SPINCOUNT": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        found = re.search(r"http://\S+?:\d+", process.stdout.readline()) if process.stdout else None
        if found is None:
            raise SystemExit("the server did not say where it is")
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(60)


def filled(address: str) -> list[str]:
    """A gallery with something in it; the ids of its pictures, the newest first."""
    jobs = [asked(address, {"prompt": each, "seed": 7, "count": 2}) for each in reversed(SENTENCES)]
    ended(address, jobs)
    pictures = [each["id"] for each in httpx.get(f"{address}/v1/pictures?limit=100").json()["pictures"]]
    for each in pictures[::5]:
        httpx.patch(f"{address}/v1/pictures/{each}", json={"favourite": True}).raise_for_status()
    return pictures


def asked(address: str, wish: dict[str, Any]) -> str:
    return str(httpx.post(f"{address}/v1/jobs", json=wish, timeout=60).raise_for_status().json()["id"])


def ended(address: str, jobs: list[str]) -> None:
    for each in jobs:
        while (job := httpx.get(f"{address}/v1/jobs/{each}", timeout=60).json())["state"] in (
            "queued",
            "running",
        ):
            time.sleep(0.3)
        if job["state"] != "done":
            raise SystemExit(f"{each} {job['state']}: {job['error']}")


def opened(page: Page, address: str, view: str, **wish: object) -> None:
    """A view, with a wish already said."""
    page.add_init_script(f'sessionStorage["sfumato.wish"] ??= {json.dumps(json.dumps(wish))}')
    page.goto(f"{address}/#/{view}")
    page.locator("main").wait_for()
    page.wait_for_load_state("networkidle")


def drawn(page: Page) -> None:
    page.get_by_role("button", name="Draw", exact=True).click()
    page.locator(".hero img[src*='/v1/pictures/']").wait_for()
    page.wait_for_load_state("networkidle")


def begin(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw")


def draw(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw", **WISH)
    drawn(page)


def settings(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw", **WISH, guidance=1, negative="fog", styles=["watercolor"])
    drawn(page)
    page.get_by_role("button", name="Settings", exact=True).click()
    page.wait_for_timeout(800)


def words(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw", prompt="a red ferrari above a whale", seed=7)
    page.get_by_role("textbox", name="What the picture should show").click()
    page.wait_for_timeout(1500)


def styles(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw", **WISH, styles=["watercolor"])
    page.get_by_role("button", name="Styles", exact=True).click()
    page.get_by_role("dialog").locator(".look img").first.wait_for()
    while not page.evaluate(SEEN):
        page.wait_for_timeout(100)


def canvas(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "draw", **WISH)
    drawn(page)
    page.get_by_role("button", name="Paint a part").click()
    page.get_by_role("tablist", name="Tools of the canvas").wait_for()
    box = page.locator("canvas").first.bounding_box()
    if box is None:
        raise SystemExit("the canvas has no place")
    x, y, side = box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4, box["width"] * 0.12
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + side * (step % 2), y + side * step / 6, steps=6)
    page.mouse.up()
    page.wait_for_timeout(500)


def gallery(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "gallery")
    page.locator(".tile img").first.wait_for()
    page.wait_for_load_state("networkidle")


def one(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, f"gallery/one/{ids[0]}")
    page.get_by_role("heading", name="How it was made").wait_for()
    page.wait_for_load_state("networkidle")


def compare(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, f"gallery/compare/{ids[0]}/{ids[1]}")
    page.locator(".two img").first.wait_for()
    page.wait_for_load_state("networkidle")


def sheets(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "gallery/xy", **WISH)
    across, down = page.get_by_role("textbox").all()
    across.fill("1-4")
    down.fill("1, 4, 8")
    page.get_by_role("button", name=re.compile("^Draw 12")).click()
    page.get_by_text("12 pictures of").wait_for()
    page.wait_for_load_state("networkidle")


def jobs(page: Page, address: str, ids: list[str]) -> None:
    opened(page, address, "jobs")
    page.wait_for_timeout(500)


VIEWS: dict[str, Callable[[Page, str, list[str]], None]] = {
    "begin": begin,
    "draw": draw,
    "words": words,
    "settings": settings,
    "styles": styles,
    "canvas": canvas,
    "gallery": gallery,
    "one": one,
    "compare": compare,
    "sheets": sheets,
    "jobs": jobs,
}

if __name__ == "__main__":
    main()

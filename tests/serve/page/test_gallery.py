"""The gallery as a person uses it: found again, looked at, compared, and taken up once more."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Server, begin, until
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect

PHONE = {"width": 360, "height": 740}


def drawn(server: Server, **wish: object) -> list[str]:
    """The ids of a job's pictures."""
    job = httpx.post(f"{server.url}/v1/jobs", json={"steps": 2, **wish}).raise_for_status().json()
    until(lambda: httpx.get(f"{server.url}/v1/jobs/{job['id']}").json()["state"] not in ("queued", "running"))
    ended = httpx.get(f"{server.url}/v1/jobs/{job['id']}").json()
    assert ended["state"] == "done", ended["error"]
    return ended["pictures"]


@pytest.fixture(scope="module")
def two(server: Server) -> list[str]:
    """Two pictures of one sentence, that no other journey draws."""
    return drawn(server, prompt="a yellow umbrella, gallery", seed=5, count=2)


def wish_of(page: Page) -> dict[str, object]:
    return json.loads(page.evaluate("sessionStorage['sfumato.wish']"))


def test_a_picture_is_found_by_its_words_and_by_its_star(page: Page, server: Server, two):
    page.goto(f"{server.url}/#/gallery")
    page.get_by_role("searchbox").fill("UMBRELLA gallery")
    expect(page.locator(".tile")).to_have_count(2)
    page.get_by_role("searchbox").fill("umbrella helicopter")
    expect(page.get_by_text("No picture is found by these")).to_be_visible()
    page.get_by_role("searchbox").fill("umbrella")
    page.locator(f".tile a[href$='{two[0]}']").click()
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="A favourite: take the star away")).to_be_visible()
    page.get_by_role("link", name="All pictures").click()
    expect(page.get_by_role("searchbox")).to_have_value("umbrella")
    page.get_by_role("button", name="Favourites").click()
    expect(page.locator(".tile")).to_have_count(1)
    assert httpx.get(f"{server.url}/v1/pictures/{two[0]}").json()["favourite"]


def test_settings_of_a_picture_are_all_told_and_taken_up(page: Page, server: Server, two):
    page.goto(f"{server.url}/#/gallery/one/{two[1]}")
    facts = page.locator(".facts")
    for words, value in (("Words", "a yellow umbrella, gallery"), ("Seed", "6"), ("Steps", "2")):
        expect(
            facts.locator("div", has=page.locator("dt", has_text=re.compile(f"^{words}$")))
        ).to_contain_text(value)
    page.get_by_role("button", name="Use these settings").click()
    expect(page.get_by_role("textbox", name="What the picture should show")).to_have_value(
        "a yellow umbrella, gallery"
    )
    said = wish_of(page)
    assert (said["seed"], said["steps"]) == (6, 2)


def test_two_pictures_are_compared_and_what_differs_stands_out(page: Page, server: Server, two):
    page.goto(f"{server.url}/#/gallery")
    page.get_by_role("searchbox").fill("umbrella")
    expect(page.locator(".tile")).to_have_count(2)
    for box in page.get_by_role("checkbox", name=re.compile("Mark to compare")).all():
        box.check(force=True)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("They differ in one setting.")).to_be_visible()
    expect(page.locator(".differs dt")).to_have_text(["Seed", "Seed"])
    page.get_by_role("button", name="One over the other").click()
    slider = page.get_by_role("slider", name="Where the right one begins")
    slider.focus()
    page.keyboard.press("Home")
    shown = page.locator(".stack .upper").evaluate("each => getComputedStyle(each).clipPath")
    assert shown.endswith("0%)")


def test_a_deleted_picture_is_gone_from_the_grid_and_from_the_server(page: Page, server: Server):
    (gone,) = drawn(server, prompt="a pink rocket to be deleted", seed=1)
    page.goto(f"{server.url}/#/gallery/one/{gone}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good?").click()
    expect(page.get_by_text("Deleted, from the disk too")).to_be_visible()
    assert httpx.get(f"{server.url}/v1/pictures/{gone}").status_code == 404
    page.goto(f"{server.url}/#/gallery")
    page.locator(".tile").first.wait_for()
    expect(page.locator(f".tile a[href$='{gone}']")).to_have_count(0)


def test_a_png_of_ours_that_is_dropped_gives_its_settings_back(page: Page, server: Server, two, tmp_path):
    file = tmp_path / "found.png"
    file.write_bytes(httpx.get(f"{server.url}/v1/pictures/{two[0]}/image").content)
    page.goto(f"{server.url}/#/gallery")
    page.get_by_label("A PNG to take the settings of").set_input_files(file)
    expect(page.get_by_role("dialog", name="Settings of found.png")).to_contain_text(
        "a yellow umbrella, gallery"
    )
    page.get_by_role("button", name="Use these").click()
    expect(page.get_by_role("textbox", name="What the picture should show")).to_have_value(
        "a yellow umbrella, gallery"
    )
    assert wish_of(page)["seed"] == 5


def test_a_png_of_a1111_gives_its_settings_and_what_could_not_be_taken(page: Page, server: Server, tmp_path):
    text = (
        "a lighthouse\nNegative prompt: fog\nSteps: 9, Sampler: DPM++ 2M Karras, CFG scale: 5.5, Seed: 77, "
        "Size: 128x128, Model: dreamy_v3"
    )
    chunks = PngInfo()
    chunks.add_text("parameters", text)
    Image.new("RGB", (8, 8)).save(tmp_path / "theirs.png", pnginfo=chunks)
    page.goto(f"{server.url}/#/gallery")
    page.get_by_label("A PNG to take the settings of").set_input_files(tmp_path / "theirs.png")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("list", name="Notes")).to_contain_text("dreamy_v3")
    dialog.get_by_role("button", name="Use these").click()
    page.get_by_role("textbox", name="What the picture should show").wait_for()
    said = wish_of(page)
    assert (said["prompt"], said["negative"], said["steps"], said["seed"], said["guidance"]) == (
        "a lighthouse", "fog", 9, 77, 5.5,
    )  # fmt: skip


def test_a_file_without_settings_is_refused_with_a_reason(page: Page, server: Server, faults, tmp_path):
    faults.expect("422|400|415")
    Image.new("RGB", (8, 8)).save(tmp_path / "bare.png")
    page.goto(f"{server.url}/#/gallery")
    page.get_by_label("A PNG to take the settings of").set_input_files(tmp_path / "bare.png")
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_role("button", name="Use these")).to_have_count(0)


def test_of_ten_thousand_pictures_only_those_in_sight_are_in_the_page(page: Page, server: Server, two):
    record = httpx.get(f"{server.url}/v1/pictures/{two[0]}").json()

    def some(route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        start = int(asked["before"][0].removeprefix("p")) + 1 if "before" in asked else 0
        many = [{**record, "id": f"p{start + place:06}"} for place in range(int(asked["limit"][0]))]
        route.fulfill(json={"pictures": many if start < 10_000 else []})

    page.route("**/v1/pictures?*", some)
    blank = "<svg xmlns='http://www.w3.org/2000/svg'/>"
    page.route("**/thumbnail", lambda route: route.fulfill(content_type="image/svg+xml", body=blank))
    page.goto(f"{server.url}/#/gallery")
    expect(page.locator(".tile").first).to_be_visible()
    for _ in range(12):
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(60)
    until(lambda: int(page.locator(".tile").first.get_attribute("data-place") or 0) > 200)
    assert page.locator(".tile").count() < 120
    focused = "document.activeElement.getAttribute('href')"
    page.locator(".tile a").last.focus()
    address = page.evaluate(focused)
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".tile[data-place='0']")).to_have_count(1)
    assert page.evaluate(focused) == address, "the focus was lost"


def test_arrows_lead_through_the_grid_and_through_the_pictures(page: Page, server: Server, two):
    page.goto(f"{server.url}/#/gallery")
    page.get_by_role("searchbox").fill("umbrella")
    expect(page.locator(".tile")).to_have_count(2)
    page.locator(".tile a").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile a").nth(1)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="How it was made").wait_for()
    first = page.url
    page.keyboard.press("ArrowRight")
    until(lambda: page.url != first)
    page.keyboard.press("Escape")
    until(lambda: page.url.endswith("#/gallery"))


def test_a_sheet_draws_all_combinations_and_survives_a_reload(context, server: Server):
    page = context.new_page()
    begin(page, server, "gallery/xy", prompt="a red sheet", steps=2, seed=3)
    across, down = page.get_by_role("textbox").all()
    across.fill("1-2")
    down.fill("1, 4")
    page.get_by_role("button", name="Draw 4 pictures").click()
    page.reload()
    expect(page.get_by_text("4 pictures of “a red sheet”")).to_be_visible()
    links = page.locator(".drawn td a").all()
    requests = [
        httpx.get(f"{server.url}/v1/pictures/{(each.get_attribute('href') or '').rpartition('/')[2]}").json()[
            "request"
        ]
        for each in links
    ]
    assert [(each["seed"], each["guidance"]) for each in requests] == [(1, 1), (2, 1), (1, 4), (2, 4)]
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save as one picture").click()
    with Image.open(saving.value.path()) as sheet:
        assert sheet.size[0] > 2 * 256


def test_a_stopped_sheet_stays_stopped_and_its_rest_is_drawn_later(context, server: Server):
    page = context.new_page()
    begin(page, server, "gallery/xy", prompt="a blue sheet", steps=20, seed=3)
    across, down = page.get_by_role("textbox").all()
    across.fill("1-2")
    down.fill("1, 4")
    page.get_by_role("button", name="Draw 4 pictures").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    jobs = httpx.get(f"{server.url}/v1/jobs?limit=4").json()["jobs"]
    until(lambda: not httpx.get(f"{server.url}/v1/jobs?state=queued&state=running").json()["jobs"])
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    assert any(job["state"] != "done" for job in jobs)
    page.reload()
    page.get_by_role("button", name="Draw the rest").click()
    expect(page.get_by_text("4 pictures of “a blue sheet”")).to_be_visible()
    expect(page.locator(".drawn td a")).to_have_count(4)


def test_one_comes_back_to_the_picture_that_one_looked_at(page: Page, server: Server, two):
    page.goto(f"{server.url}/#/gallery")
    page.get_by_role("searchbox").fill("umbrella")
    expect(page.locator(".tile")).to_have_count(2)
    older = page.locator(".tile a").nth(1).get_attribute("href")
    page.locator(".tile a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="a yellow umbrella, gallery")).to_be_focused()
    page.keyboard.press("ArrowRight")
    until(lambda: page.url.endswith(older))
    page.keyboard.press("Escape")
    expect(page.locator(f".tile a[href='{older}']")).to_be_focused()


@pytest.mark.parametrize(
    ("x", "told"),
    [("1-900", "a range goes up"), ("one", "no whole number"), ("", "has no values")],
)
def test_an_axis_that_cannot_be_read_says_so_and_draws_nothing(context, server: Server, x, told):
    page = context.new_page()
    begin(page, server, "gallery/xy", prompt="a red sheet", steps=2)
    page.get_by_role("textbox").first.fill(x)
    page.get_by_role("button", name=re.compile("^Draw")).click()
    expect(page.locator(".axes-foot").get_by_role("alert")).to_contain_text(told)
    expect(page.locator(".drawn")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_pictures_pairs_and_sheets(context, server: Server, two, scheme):
    page = context.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    begin(page, server, "gallery", prompt="a red cat")
    for path in ("", f"/one/{two[0]}", f"/compare/{two[0]}/{two[1]}", "/xy"):
        page.goto(f"{server.url}/#/gallery{path}")
        page.wait_for_load_state("networkidle")
        grave = [
            (each["id"], [node["html"][:150] for node in each["nodes"]])
            for each in Axe().run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert grave == [], path


def test_nothing_of_the_gallery_is_wider_than_a_phone(context, server: Server, two):
    page = context.new_page()
    page.set_viewport_size(PHONE)
    begin(page, server, "gallery", prompt="a red cat")
    for path in ("", f"/one/{two[0]}", f"/compare/{two[0]}/{two[1]}", "/xy"):
        page.goto(f"{server.url}/#/gallery{path}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path

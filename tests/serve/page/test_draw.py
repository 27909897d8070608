"""Journeys through the draw view: a first picture, cancelling, reloads, two tabs, a server that is killed."""

import json
import re
import signal
import urllib.request

from browsing import Server, begin, until
from playwright.sync_api import Page, expect

LONG = 400  # steps: some ten seconds, all of which no journey waits for


def ask(server: Server, path: str):
    with urllib.request.urlopen(server.url + path) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def say(page: Page, words: str) -> None:
    page.get_by_label("What the picture should show").fill(words)


def prompts(server: Server) -> list[str]:
    return [each["prompt"] for each in ask(server, "/v1/pictures?limit=20")["pictures"]]


def finished(page: Page):
    return page.locator(".hero img[src*='/v1/pictures/']")


def running(page: Page) -> None:
    expect(page.locator(".progress > .quiet")).to_have_text(re.compile(r"Step [1-9]\d* of"))


def job_of(page: Page) -> str:
    return until(lambda: page.evaluate("JSON.parse(sessionStorage['sfumato.run'] ?? '{}').jobs?.[0]"))


def test_words_and_enter_give_a_picture_that_the_strip_keeps(page: Page):
    say(page, "a red cat")
    page.keyboard.press("Enter")
    expect(finished(page)).to_be_visible()
    expect(page.get_by_role("group", name="How it was drawn")).to_contain_text("seed")
    page.reload()
    expect(
        page.get_by_role("navigation", name="Drawn lately").get_by_role("button", name="a red cat").first
    ).to_be_visible()


def test_a_picture_is_seen_coming_and_cancelling_leaves_nothing_of_it(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a blue car", steps=LONG)
    page.get_by_role("button", name="Draw", exact=True).click()
    running(page)
    expect(page.locator(".hero img.forming")).to_have_attribute("src", re.compile("^data:image/webp"))
    expect(page.get_by_role("progressbar", name="Drawing")).to_have_attribute(
        "aria-valuetext", re.compile("left")
    )
    job = job_of(page)
    page.keyboard.press("Escape")
    expect(page.get_by_text("Cancelled. Nothing was kept.")).to_be_visible()
    told = ask(server, f"/v1/jobs/{job}")
    assert (told["state"], told["pictures"]) == ("cancelled", [])


def test_a_locked_seed_draws_the_same_picture_again(page: Page):
    say(page, "a green fish")
    page.keyboard.press("Enter")
    expect(finished(page)).to_be_visible()
    page.get_by_role("button", name="Keep this seed").click()
    first = page.locator(".made b").inner_text()
    before = finished(page).get_attribute("src")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(finished(page)).not_to_have_attribute("src", before)
    expect(page.locator(".made b")).to_have_text(first)


def test_several_pictures_come_as_a_sheet_and_one_is_looked_at(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a dog", steps=3, count=4)
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator(".sheet img[src*='/v1/pictures/']")).to_have_count(4)
    page.get_by_role("button", name="Look at picture 3").click()
    expect(finished(page)).to_be_visible()
    page.get_by_role("button", name="Back to all").click()
    expect(page.locator(".sheet img")).to_have_count(4)


def test_one_press_gives_four_variations_each_farther_from_the_picture(page: Page, server: Server):
    say(page, "a yellow star")
    page.keyboard.press("Enter")
    expect(finished(page)).to_be_visible()
    page.get_by_role("button", name="Vary").click()
    expect(page.locator(".sheet img[src*='/v1/pictures/']")).to_have_count(4)
    shares = [job["wish"]["variations"][0][1] for job in ask(server, "/v1/jobs?limit=4")["jobs"]]
    assert sorted(shares) == [0.1, 0.2, 0.35, 0.5]


def test_a_picture_is_drawn_upon_from_its_pixels_with_a_strength(page: Page, server: Server):
    say(page, "a house")
    page.keyboard.press("Enter")
    expect(finished(page)).to_be_visible()
    before = finished(page).get_attribute("src")
    page.get_by_role("button", name="Draw upon it").click()
    page.get_by_role("slider", name="How far to go from it").fill("0.3")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(finished(page)).not_to_have_attribute("src", before)
    wish = ask(server, "/v1/jobs?limit=1")["jobs"][0]["wish"]
    assert (wish["strength"], len(wish["picture"])) == (0.3, 64)


def test_a_picture_is_starred_and_deleted_for_good(page: Page, server: Server):
    say(page, "a tree")
    page.keyboard.press("Enter")
    expect(finished(page)).to_be_visible()
    picture = finished(page).get_attribute("src").split("/")[3]
    page.get_by_role("button", name="Favourite").click()
    expect(page.get_by_role("button", name="A favourite: take the star away")).to_be_visible()
    assert ask(server, f"/v1/pictures/{picture}")["favourite"] is True
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good?").click()
    expect(page.get_by_text("Deleted, from the disk too")).to_be_visible()
    assert picture not in [each["id"] for each in ask(server, "/v1/pictures?limit=50")["pictures"]]


def test_a_reload_in_the_middle_of_a_run_goes_on_with_it(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a castle", steps=LONG)
    page.get_by_role("button", name="Draw", exact=True).click()
    running(page)
    job = job_of(page)
    page.reload()
    running(page)
    assert job_of(page) == job
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. Nothing was kept.")).to_be_visible()
    assert ask(server, f"/v1/jobs/{job}")["state"] == "cancelled"


def test_two_tabs_do_not_disturb_each_other(context, server: Server):
    one, other = context.new_page(), context.new_page()
    begin(one, server, prompt="a red ball", steps=LONG)
    begin(other, server, prompt="a blue ball", steps=4)
    one.get_by_role("button", name="Draw", exact=True).click()
    running(one)
    other.get_by_role("button", name="Draw", exact=True).click()
    expect(finished(other)).to_have_attribute("alt", "a blue ball")
    running(one)
    one.keyboard.press("Escape")
    expect(one.get_by_text("Cancelled. Nothing was kept.")).to_be_visible()
    expect(finished(other)).to_be_visible()
    one.reload()
    expect(one.get_by_label("What the picture should show")).to_have_value("a red ball")


def test_typing_draws_drafts_of_one_seed_that_the_gallery_does_not_keep(page: Page, server: Server):
    asked: list[dict[str, object]] = []
    page.on("request", lambda sent: sent.url.endswith("/v1/jobs") and asked.append(sent.post_data_json))
    page.get_by_role("button", name="As you type").click()
    area = page.get_by_label("What the picture should show")
    area.press_sequentially("a red cat", delay=30)
    draft = page.locator(".hero img[src^='data:image/png']")
    expect(draft).to_be_visible()
    first = draft.get_attribute("src")
    area.press_sequentially(" on grass", delay=30)
    expect(draft).not_to_have_attribute("src", first)
    until(lambda: "a red cat on grass" not in prompts(server))
    page.get_by_role("button", name="Finish it").click()
    expect(finished(page)).to_be_visible()
    assert len({wish["seed"] for wish in asked}) == 1
    assert (asked[0]["steps"], asked[-1]["steps"]) == (8, 4)


def test_a_killed_server_is_told_and_its_job_goes_on_when_it_is_back(context, faults, tmp_path):
    faults.expect("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET")
    mortal = Server(tmp_path / "gallery")
    try:
        page = context.new_page()
        begin(page, mortal, prompt="a boat", steps=30)
        page.get_by_role("button", name="Draw", exact=True).click()
        running(page)
        job = job_of(page)
        mortal.end(signal.SIGKILL)
        expect(page.get_by_text(re.compile("The server does not answer"))).to_be_visible()
        expect(page.get_by_label("What the picture should show")).to_have_value("a boat")
        mortal.start()
        expect(finished(page)).to_be_visible()
        expect(page.get_by_text(re.compile("The server does not answer"))).to_have_count(0)
        assert ask(mortal, f"/v1/jobs/{job}")["state"] == "done"
    finally:
        mortal.end()


def test_what_cannot_be_drawn_is_told_with_the_way_out(context, faults, server: Server):
    faults.expect("status of 4")
    page = context.new_page()
    begin(page, server, prompt="a cat", sampler="eulr")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="eulr")).to_contain_text("euler")


def test_what_had_no_effect_stands_below_the_picture(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a cat", steps=3, guidance=1, negative="fog")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("list", name="Notes")).to_contain_text("negative")


def test_a_server_that_wants_a_token_is_asked_with_one_and_goes_on(context, faults, tmp_path):
    faults.expect("status of 401")
    tokens = tmp_path / "tokens"
    tokens.write_text("ann:a-token-of-some-length\n")
    tokens.chmod(0o600)
    guarded = Server(tmp_path / "gallery", "--listen", "127.0.0.1", "--token-file", str(tokens))
    try:
        page = context.new_page()
        begin(page, guarded, prompt="a cat", steps=3)
        asked = page.get_by_role("dialog", name="A token, please")
        asked.get_by_label("Token").fill("another-one-entirely")
        asked.get_by_role("button", name="Enter").click()
        expect(asked.get_by_role("alert")).to_be_visible()
        asked.get_by_label("Token").fill("a-token-of-some-length")
        asked.get_by_role("button", name="Enter").click()
        expect(asked).not_to_be_visible()
        page.get_by_role("button", name="Draw", exact=True).click()
        expect(finished(page)).to_be_visible()
    finally:
        guarded.end()

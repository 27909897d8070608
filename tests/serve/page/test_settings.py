"""The drawer: adapters with the words that wake them, and controls that say why they have no effect."""

import httpx
from browsing import Server, begin
from playwright.sync_api import Page, expect

OPEN = 'sessionStorage["sfumato.desk"] ??= JSON.stringify({ settings: true })'


def opened(context, server: Server, **wish: object) -> Page:
    page = context.new_page()
    page.add_init_script(OPEN)
    begin(page, server, **wish)
    return page


def said_at(page: Page, label: str):
    return page.locator(".settings .field.idle", has=page.get_by_label(label, exact=True))


def test_an_adapter_is_chosen_weighed_woken_by_its_words_and_drawn_with(context, server: Server):
    page = opened(context, server, prompt="a red cat", steps=2, seed=11)
    adapters = page.get_by_role("group", name="Adapters")
    adapters.get_by_label("Adapter", exact=True).select_option("ink")
    adapters.get_by_role("slider", name="ink").fill("1.2")
    adapters.get_by_role("button", name="ink wash").click()
    expect(page.get_by_label("What the picture should show")).to_have_value("a red cat, ink wash")
    expect(adapters.get_by_role("button", name="ink wash")).to_have_count(0)
    expect(adapters).to_contain_text("broken cannot be used")
    page.get_by_role("button", name="Draw", exact=True).click()
    shown = page.locator(".hero img[src*='/v1/pictures/']")
    expect(shown).to_be_visible()
    request = httpx.get(server.url + shown.get_attribute("src").removesuffix("/image")).json()["request"]
    assert (request["prompt"], request["adapters"]) == ("a red cat, ink wash", [["ink", 1.2, 1.2]])
    adapters.get_by_role("button", name="Take ink off").click()
    expect(adapters.get_by_role("slider")).to_have_count(0)


def test_a_control_without_effect_says_why_at_its_place(context, faults, server: Server):
    faults.expect("status of 422")
    page = opened(context, server, prompt="a red cat", negative="a dog", guidance=1, adapters=[["ink", 1, 1]])
    expect(said_at(page, "Not this")).to_contain_text("no effect at guidance 1")
    page.get_by_role("slider", name="Guidance").fill("4")
    expect(said_at(page, "Not this")).to_have_count(0)
    page.get_by_text("Finer points").click()
    page.get_by_label("Clip skip").fill("2")
    expect(said_at(page, "Clip skip")).to_contain_text("leave it out")

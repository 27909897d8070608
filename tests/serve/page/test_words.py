"""The words of the page: tokens, unknown words, weights, completions, looks, a wish said more fully."""

import re

from browsing import Server, begin
from playwright.sync_api import Page, expect

LONG = "a red cat, " * 40  # more than the model has room for


def box(page: Page):
    return page.get_by_label("What the picture should show")


def test_the_box_tells_how_full_the_room_for_words_is(page: Page):
    box(page).fill("a red cat")
    expect(page.get_by_text("3 of 75 tokens")).to_be_visible()


def test_what_is_cut_is_told_and_struck_through(page: Page):
    box(page).fill(LONG + "a castle")
    expect(page.get_by_text(re.compile("There is no room for"))).to_contain_text("a castle")
    expect(page.locator(".mirror .cut").last).to_contain_text("a castle")


def test_an_unknown_word_is_underlined_and_replaced_by_a_press(page: Page):
    box(page).fill("a red feline and a dog")
    expect(page.locator(".mirror .unknown")).to_have_text("feline")
    offers = page.get_by_role("list", name="Words that the model does not know")
    instead = offers.get_by_role("button").first
    word = instead.inner_text()
    instead.click()
    expect(box(page)).to_have_value(f"a red {word} and a dog")
    expect(page.locator(".mirror .unknown")).to_have_count(0)


def test_keys_weigh_the_word_at_the_caret_and_take_its_weight_back(page: Page):
    box(page).fill("a red cat")
    box(page).press("Control+ArrowUp")
    expect(box(page)).to_have_value("a red (cat:1.1)")
    box(page).press("Control+ArrowUp")
    expect(box(page)).to_have_value("a red (cat:1.2)")
    for _ in range(3):
        box(page).press("Control+ArrowDown")
    expect(box(page)).to_have_value("a red (cat:0.9)")
    box(page).press("Control+ArrowUp")
    expect(box(page)).to_have_value("a red cat")


def test_keys_weigh_what_is_selected(page: Page):
    box(page).fill("a red cat on grass")
    box(page).evaluate("area => area.setSelectionRange(2, 9)")
    box(page).press("Control+ArrowUp")
    expect(box(page)).to_have_value("a (red cat:1.1) on grass")


def test_what_may_follow_is_offered_and_taken_by_keys(page: Page):
    box(page).press_sequentially("a red c")
    offers = page.get_by_role("listbox", name="Words that may follow")
    expect(offers).to_be_visible()
    box(page).press("ArrowDown")
    first = offers.get_by_role("option").first
    expect(first).to_have_attribute("aria-selected", "true")
    expect(box(page)).to_have_attribute("aria-activedescendant", first.get_attribute("id"))
    word = first.locator("span").inner_text()
    box(page).press("Enter")
    expect(box(page)).to_have_value(f"a red {word}")
    expect(offers).to_have_count(0)


def test_escape_closes_the_offers_and_enter_then_draws(page: Page):
    box(page).press_sequentially("a red c")
    offers = page.get_by_role("listbox")
    expect(offers).to_be_visible()
    box(page).press("Escape")
    expect(offers).to_have_count(0)
    box(page).press_sequentially("at")
    box(page).press("Enter")
    expect(page.locator(".hero img[src*='/v1/pictures/']")).to_be_visible()


def test_looks_are_found_by_words_and_several_are_chosen(page: Page):
    page.get_by_role("button", name="Styles").click()
    wall = page.get_by_role("dialog", name="Styles")
    looks = wall.locator(".look")
    expect(looks).to_have_count(119)
    wall.get_by_role("searchbox").fill("paint")
    expect(looks.filter(has_text="oil painting")).to_be_visible()
    assert looks.count() < 119
    looks.filter(has_text="oil painting").click()
    wall.get_by_role("searchbox").fill("pixel")
    looks.filter(has_text="pixel art").click()
    page.keyboard.press("Escape")
    chosen = page.get_by_role("group", name="Styles")
    expect(chosen.locator(".chip")).to_have_count(2)
    chosen.get_by_role("button", name="Remove pixel art").click()
    expect(chosen.locator(".chip")).to_have_count(1)


def test_a_chosen_look_goes_into_what_is_drawn(page: Page, server: Server):
    begin(page, server)
    page.evaluate("sessionStorage.clear()")
    box(page).fill("a castle")
    page.get_by_role("button", name="Styles").click()
    page.get_by_role("dialog").locator(".look").filter(has_text="oil painting").first.click()
    page.keyboard.press("Escape")
    box(page).press("Enter")
    expect(page.locator(".hero img[src*='/v1/pictures/']")).to_be_visible()
    strip = page.get_by_role("navigation", name="Drawn lately")
    expect(strip.get_by_role("button", name="a castle, oil painting").first).to_be_visible()


def test_what_is_said_more_fully_is_shown_before_it_is_drawn(page: Page):
    box(page).fill("something cosy")
    page.get_by_role("button", name="Say more").click()
    shown = page.get_by_role("dialog", name="Said more fully")
    expect(shown.locator("ins").first).to_be_visible()
    sentence = re.sub(r"\s+", " ", shown.locator(".expanded").inner_text()).strip()
    expect(box(page)).to_have_value("something cosy")
    shown.get_by_role("button", name="Use it").click()
    expect(box(page)).to_have_value(sentence)


def test_a_negative_prompt_that_has_no_effect_says_why_where_it_stands(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a cat", guidance=1, negative="fog")
    page.get_by_role("button", name="Settings", exact=True).click()
    field = page.locator(".field", has=page.get_by_label("Not this"))
    expect(field.locator(".hint")).to_contain_text("negative prompt")
    page.get_by_role("slider", name="Guidance").fill("5")
    expect(field.locator(".hint")).to_have_text("Words for what the picture should avoid.")

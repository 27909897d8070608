"""The page for everybody: axe finds nothing serious, keys alone suffice, a narrow window holds it all."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Server, begin
from playwright.sync_api import Page, expect

GRAVE = ("serious", "critical")
VIEWS = ("draw", "gallery", "jobs")


def findings(page: Page) -> list[str]:
    """What axe holds against the page as it is now, with the elements concerned."""
    return [
        f"{found['id']}: {[node['html'][:120] for node in found['nodes']]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in GRAVE
    ]


def drawn(page: Page) -> None:
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator(".hero img[src*='/v1/pictures/']")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious_in_a_view(context, server: Server, view: str, scheme):
    page = context.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    begin(page, server, view, prompt="a red cat", steps=3)
    page.wait_for_load_state("networkidle")
    assert findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_unfolds(context, server: Server, scheme):
    page = context.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    begin(
        page, server, prompt="a red feline, zyxwv", steps=3, guidance=1, negative="x", styles=["oil-painting"]
    )
    drawn(page)
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_text("Finer points").click()
    expect(page.locator(".field.idle")).to_be_visible()
    assert findings(page) == []
    page.get_by_role("button", name="Styles").click()
    page.get_by_role("dialog").locator(".look").first.wait_for()
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Canvas").click()
    page.get_by_role("tablist", name="Tools of the canvas").wait_for()
    assert findings(page) == []


def test_keys_alone_draw_a_picture_star_it_and_change_the_view(page: Page):
    def reach(name: str, role: str = "button") -> None:
        """Go on by the tab key until the control of this name has the focus."""
        for _ in range(60):
            if page.get_by_role(role, name=name, exact=True).evaluate_all(
                "all => all.includes(document.activeElement)"
            ):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the tab key does not lead to {name!r}")

    reach("What the picture should show", "textbox")
    page.keyboard.type("a red fish")
    page.keyboard.press("Escape")  # what is offered
    page.keyboard.press("Enter")
    expect(page.locator(".hero img[src*='/v1/pictures/']")).to_be_visible()
    reach("Favourite")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="A favourite: take the star away")).to_be_focused()
    reach("Styles")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Styles")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Styles")).to_be_focused()
    reach("Jobs", "link")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(page.locator("main")).to_be_focused()


def test_the_focus_is_always_seen(page: Page):
    page.get_by_label("What the picture should show").fill("a cat")
    for _ in range(20):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (at === document.body) return true;
                const box = at.closest(".box");
                const shown = [at, at.closest(".hero"), at.matches("textarea") ? box : null].filter(Boolean);
                return shown.some((each) => getComputedStyle(each).outlineStyle !== "none"
                    || getComputedStyle(each).boxShadow !== "none");
            }"""
        )
        assert seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_window_of_360_pixels(context, server: Server, view: str):
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    begin(page, server, view, prompt="a red cat", steps=3, styles=["oil-painting"])
    if view == "draw":
        drawn(page)
        page.get_by_role("button", name="Settings", exact=True).click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_theme_is_chosen_and_stays(page: Page):
    theme = page.get_by_role("button", name=re.compile("Theme"))
    theme.click()
    theme.click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.reload()
    expect(theme).to_have_accessible_name("Theme: dark")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_a_screen_reader_hears_turns_and_not_every_step(context, server: Server):
    page = context.new_page()
    begin(page, server, prompt="a red cat", steps=12)
    page.evaluate(
        """() => {
            window.heard = [];
            new MutationObserver(() => {
                const said = document.querySelector(".progress [role=status]")?.textContent;
                if (said && said !== window.heard.at(-1)) window.heard.push(said);
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    drawn(page)
    heard = page.evaluate("window.heard")
    assert heard[-1] == "Done"
    assert 2 <= len(heard) <= 8

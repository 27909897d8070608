"""Journeys on the canvas: what is painted, dragged or brought there is what the picture keeps to."""

import io
import json
import urllib.request
from functools import partial

import numpy as np
import pytest
from browsing import Faults, Server, begin, until
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

SIDE = 128
TOOLS = ("Mask", "Outpaint", "Scribble", "Layout", "Regions", "Pose", "Pictures")


def ask(server: Server, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path) as answer:  # noqa: S310 - our own server
        return answer.read()


def png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def painted(size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    image = Image.new("RGB", size, (120, 170, 200))
    ImageDraw.Draw(image).ellipse((20, 20, 70, 70), fill=(220, 90, 60))
    return image


def upload(server: Server, image: Image.Image) -> str:
    """A picture brought by another way than the page; its digest."""
    edge = "sfumato-boundary"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = head.encode() + png(image) + f"\r\n--{edge}--\r\n".encode()
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{server.url}/v1/uploads", body, {"Content-Type": f"multipart/form-data; boundary={edge}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)["digest"]


def brought(server: Server, digest: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(ask(server, f"/v1/uploads/{digest}"))).convert("RGB"), np.int16)


def wish(page: Page) -> dict:
    return json.loads(page.evaluate("sessionStorage['sfumato.wish']"))


def said(page: Page, name: str):
    """What the wish says under a name, once it says something."""
    return until(lambda: wish(page).get(name))


def sent(page: Page) -> None:
    """All drawings have arrived."""
    page.evaluate("async () => (await import('/page/canvas/uploads.js')).settled()")


class Sheet:
    """The sheet on the screen, by shares of what is drawn."""

    def __init__(self, page: Page, tool: str) -> None:
        self.page = page
        page.get_by_role("tab", name=tool).click()
        self.frame = page.get_by_role("application")
        expect(self.frame).to_be_visible()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place on the screen; the sheet is square, and as large as fits."""
        box = self.frame.bounding_box()
        side = min(box["width"], box["height"]) * 0.92
        return box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] / 2 + (y - 0.5) * side

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=5)
        self.page.mouse.up()


def handle(page: Page, name: str):
    """What is dragged on the sheet: its name, of which its place is said besides."""
    return page.locator(f'[data-handle="{name}"][role="button"][aria-label^="{name}"]')


def pull(page: Page, name: str, dx: float, dy: float) -> None:
    """Drag a handle by so many pixels of the screen."""
    box = handle(page, name).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=3)
    page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


@pytest.fixture(scope="module")
def awake(server: Server) -> Server:
    """A server whose model was in memory, so that it tells what it can draw."""
    wish = json.dumps({"prompt": "a beach", "steps": 1}).encode()
    request = urllib.request.Request(f"{server.url}/v1/jobs", wish, {"Content-Type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request).close()  # noqa: S310 - our own server
    until(lambda: json.loads(ask(server, "/v1/models"))["models"][0]["sizes"])
    return server


@pytest.fixture
def canvas(context, awake: Server):
    """The canvas, with a wish of few steps."""

    def opened(**said: object) -> Page:
        page = context.new_page()
        page.add_init_script(
            'sessionStorage["sfumato.desk"] ??= JSON.stringify({canvas: {picture: null}});'
            'sessionStorage["sfumato.canvas"] ??= JSON.stringify({tool: "mask"})'
        )
        begin(page, awake, **({"prompt": "a red cat", "steps": 3, "seed": 7} | said))
        # what the model can read is known once its record is here
        until(lambda: page.evaluate("performance.getEntriesByName(location.origin + '/v1/models').length"))
        return page

    return opened


def drawn(page: Page, server: Server) -> tuple[dict, np.ndarray]:
    """Press the button; the record and the pixels of what comes."""
    before = ids(server)
    page.get_by_role("button", name="Draw", exact=True).click()
    new = until(lambda: ids(server) - before)
    record = json.loads(ask(server, f"/v1/pictures/{new.pop()}"))
    image = Image.open(io.BytesIO(ask(server, f"/v1/pictures/{record['id']}/image"))).convert("RGB")
    return record, np.asarray(image, np.int16)


def ids(server: Server) -> set[str]:
    return {each["id"] for each in json.loads(ask(server, "/v1/pictures?limit=50"))["pictures"]}


def test_only_what_is_masked_is_drawn_anew(canvas, server: Server):
    before = np.asarray(painted(), np.int16)
    page = canvas(picture=upload(server, painted()))
    sheet = Sheet(page, "Mask")
    sheet.drag((0.7, 0.3), (0.8, 0.5), (0.7, 0.7))
    mask = brought(server, said(page, "mask"))[..., 0]
    assert mask.shape == (SIDE, SIDE)
    assert mask[64, 102] == 255, "white where the brush went"
    record, after = drawn(page, server)
    assert record["request"]["mask"]
    assert (after[mask == 0] == before[mask == 0]).all(), "black is kept to the pixel"
    assert np.abs(after - before)[mask == 255].mean() > 10
    expect(page.get_by_role("img", name="The result: a red cat")).to_be_visible()


def test_strokes_are_undone_and_done_again_by_keys_and_a_reload_finds_the_mask(canvas, server: Server):
    page = canvas(picture=upload(server, painted()))
    sheet = Sheet(page, "Mask")
    sheet.drag((0.2, 0.5), (0.4, 0.5))
    first = said(page, "mask")
    sheet.drag((0.6, 0.5), (0.8, 0.5))
    both = until(lambda: wish(page)["mask"] != first and wish(page)["mask"])
    sheet.frame.press("Control+z")
    until(lambda: wish(page)["mask"] == first)
    sheet.frame.press("Control+Shift+Z")
    until(lambda: wish(page)["mask"] == both)
    page.reload()
    sheet = Sheet(page, "Mask")
    expect(sheet.frame).to_have_accessible_name(
        "The picture and its mask: the tinted part will be painted anew."
    )
    fetched = "performance.getEntriesByType('resource').some(({name}) => name.includes('/v1/uploads/'))"
    until(lambda: page.evaluate(fetched))
    page.get_by_role("button", name="Invert").click()
    inverted = until(lambda: wish(page)["mask"] != both and wish(page)["mask"])
    assert (brought(server, inverted) == 255 - brought(server, both)).all()
    page.get_by_role("button", name="Clear").click()
    until(lambda: wish(page)["mask"] is None)


def test_a_mask_is_painted_by_keys_alone(canvas, server: Server):
    page = canvas(picture=upload(server, painted()))
    sheet = Sheet(page, "Mask")
    sheet.frame.focus()
    for key in ("Shift+ArrowLeft", "Space", "Shift+ArrowRight", "Shift+ArrowRight", "Space"):
        page.keyboard.press(key)
    mask = brought(server, said(page, "mask"))[..., 0]
    assert mask[64, 52:76].min() == 255
    assert not mask[:40].any()
    page.keyboard.press("Delete")
    until(lambda: wish(page)["mask"] is None)


def test_an_eraser_takes_back_and_a_rectangle_is_painted_by_numbers(canvas, server: Server):
    page = canvas(picture=upload(server, painted()))
    sheet = Sheet(page, "Mask")
    page.get_by_text("A rectangle by numbers").click()
    page.get_by_role("button", name="Paint it").click()
    whole = brought(server, said(page, "mask"))[..., 0]
    assert (whole[32:96, 32:96] == 255).all()
    assert whole.sum() == 255 * 64 * 64
    digest = wish(page)["mask"]
    page.get_by_role("button", name="Eraser").click()
    sheet.drag((0.5, 0.5), (0.52, 0.5))
    less = brought(server, until(lambda: wish(page)["mask"] != digest and wish(page)["mask"]))[..., 0]
    assert less[64, 64] == 0
    assert less[34, 34] == 255


def test_a_small_part_is_drawn_at_full_size_with_a_margin(canvas, server: Server):
    page = canvas(picture=upload(server, painted((256, 192))))
    sheet = Sheet(page, "Mask")
    sheet.drag((0.5, 0.5), (0.55, 0.5))
    mask = brought(server, said(page, "mask"))
    assert mask.shape == (192, 256, 3), "a mask is as large as its picture"
    page.get_by_label("Draw only the masked part, at full size").check()
    page.get_by_label("Margin in pixels").fill("8")
    until(lambda: wish(page)["around"] == 8)
    record, after = drawn(page, server)
    assert after.shape == (192, 256, 3)
    assert record["request"]["around"] == 8


def test_one_finger_paints_and_two_move_the_sheet(canvas, context, server: Server):
    page = canvas(picture=upload(server, painted()))
    sheet = Sheet(page, "Mask")
    touch = context.new_cdp_session(page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [
            {"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(sheet.at(*each) for each in places)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (0.3, 0.5))
    fingers("touchMove", (0.6, 0.5))
    fingers("touchEnd")
    mask = said(page, "mask")
    near = page.get_by_role("button", name="Zoom to fit").inner_text()
    fingers("touchStart", (0.3, 0.3))
    fingers("touchMove", (0.3, 0.35))
    fingers("touchStart", (0.3, 0.35), (0.6, 0.6))
    fingers("touchMove", (0.2, 0.2), (0.8, 0.8))
    fingers("touchEnd")
    expect(page.get_by_role("button", name="Zoom to fit")).not_to_have_text(near)
    page.get_by_role("button", name="Undo").click()
    until(lambda: wish(page)["mask"] is None)  # what the first finger had begun was not meant
    assert mask


def test_dragging_the_frame_paints_beyond_the_picture(canvas, server: Server):
    before = np.asarray(painted(), np.int16)
    page = canvas(picture=upload(server, painted()))
    Sheet(page, "Outpaint")
    expect(page.get_by_text("In steps of 32 pixels")).to_be_visible()
    pull(page, "right edge", 130, 0)
    assert said(page, "outpaint") == [0, 0, 32, 0], "in steps that the model can draw"
    record, after = drawn(page, server)
    assert after.shape == (SIDE, SIDE + 32, 3)
    assert record["width"] == SIDE + 32
    assert (after[:, :100] == before[:, :100]).all()


def test_the_frame_is_moved_by_keys_and_by_numbers(canvas, server: Server):
    page = canvas(picture=upload(server, painted()))
    Sheet(page, "Outpaint")
    expect(page.get_by_text("In steps of 32 pixels")).to_be_visible()
    handle(page, "upper edge").focus()
    page.keyboard.press("ArrowUp")
    until(lambda: wish(page)["outpaint"] == [0, 32, 0, 0])
    page.get_by_label("Left", exact=True).fill("30")
    page.get_by_label("Left", exact=True).blur()
    until(lambda: wish(page)["outpaint"] == [32, 32, 0, 0])
    page.get_by_role("button", name="Undo").click()
    until(lambda: wish(page)["outpaint"] == [0, 32, 0, 0])
    page.get_by_role("button", name="Back to the picture").click()
    until(lambda: wish(page)["outpaint"] is None)


def test_a_picture_follows_the_lines_that_are_drawn(canvas, server: Server):
    page = canvas(steps=8)
    sheet = Sheet(page, "Scribble")
    corners = [(0.25, 0.3), (0.75, 0.3), (0.75, 0.75), (0.25, 0.75), (0.25, 0.3)]
    sheet.drag(*corners)
    (control,) = said(page, "controls")
    assert control["kind"] == "as-is(of=edges)", "as the model's control was taught"
    lines = brought(server, control["picture"])
    assert lines.max() == 255
    assert 0.005 < (lines > 128).mean() < 0.05
    record, with_lines = drawn(page, server)
    assert record["request"]["controls"][0][:2] == ["control", "as-is(of=edges)"]
    page.get_by_role("button", name="Back to the sheet").click()
    page.get_by_role("button", name="Clear").click()
    until(lambda: wish(page)["controls"] == [])
    _, without = drawn(page, server)
    assert np.abs(with_lines - without).mean() > 2


def test_regions_are_drawn_as_boxes_and_take_words_of_their_own(canvas, server: Server):
    page = canvas(prompt="beach")
    sheet = Sheet(page, "Regions")
    sheet.drag((0.05, 0.25), (0.45, 0.8))
    expect(page.get_by_text("Without words it has no effect.")).to_be_visible()
    expect(page.locator("textarea:focus, input:focus")).to_have_value("")
    page.keyboard.type("a cat")
    sheet.drag((0.55, 0.25), (0.95, 0.8))
    expect(page.locator("textarea:focus, input:focus")).to_have_value("")  # of the second box
    page.keyboard.type("a car")
    until(lambda: [each["words"] for each in wish(page)["regions"]] == ["a cat", "a car"])
    left, top, width, height = wish(page)["regions"][0]["area"]
    assert (left, top, left + width, top + height) == pytest.approx((0.05, 0.25, 0.45, 0.8), abs=0.03)
    handle(page, "region 2, a car").focus()
    page.keyboard.press("ArrowUp")
    until(lambda: wish(page)["regions"][1]["area"][1] == pytest.approx(top - 0.02, abs=0.002))
    pull(page, "lower right of region 2, a car", -60, -60)
    until(lambda: wish(page)["regions"][1]["area"][2] < width - 0.05)
    page.get_by_role("button", name="Attention: quick, looser").click()
    record, _ = drawn(page, server)
    assert [row[1] for row in record["request"]["regions"]] == ["a cat", "a car"]
    assert record["request"]["regions_by"] == "attention"
    page.get_by_role("button", name="Back to the sheet").click()
    page.get_by_role("button", name="Remove region 1").click()
    until(lambda: [each["words"] for each in wish(page)["regions"]] == ["a car"])


def test_no_letter_is_lost_while_a_region_is_named_quickly(canvas):
    page = canvas(prompt="beach")
    Sheet(page, "Regions")
    page.get_by_role("button", name="Add a region").click()
    words = "a quick brown fox jumps over the lazy dog, again and again"
    page.keyboard.type(words)
    until(lambda: [each["words"] for each in wish(page)["regions"]] == [words])


def test_a_layout_is_a_picture_of_boxes_that_can_be_changed_after_a_reload(canvas, server: Server):
    page = canvas(prompt="a cat and a blue car")
    sheet = Sheet(page, "Layout")
    sheet.drag((0.05, 0.1), (0.45, 0.5))
    first = said(page, "controls")[0]["picture"]
    page.get_by_role("button", name="Add a box").click()
    both = until(lambda: wish(page)["controls"][0]["picture"] != first and wish(page)["controls"][0])
    assert both["kind"] == "layout"
    colours = {tuple(each) for each in brought(server, both["picture"]).reshape(-1, 3)}
    assert colours == {(0, 0, 0), (255, 0, 0), (0, 255, 0)}
    page.reload()
    Sheet(page, "Layout")
    handle(page, "box 2").focus()
    page.keyboard.press("Delete")
    until(lambda: wish(page)["controls"][0]["picture"] == first)


def test_a_joint_that_is_dragged_changes_the_figure_and_the_model_says_why_it_has_no_effect(
    canvas, server: Server
):
    page = canvas()
    Sheet(page, "Pose")
    expect(page.get_by_text("world knows no control that reads pose")).to_be_visible()
    page.get_by_role("button", name="Add a figure").click()
    standing = until(partial(waiting, page))
    pull(page, "right wrist of figure 1", -60, -200)
    raised = until(lambda: waiting(page) != standing and waiting(page))
    change = np.abs(brought(server, raised) - brought(server, standing)).any(-1)
    assert 0.005 < change.mean() < 0.1
    assert change[:, SIDE // 2 + 4 :].sum() == 0, "the other side stands still"
    handle(page, "left wrist of figure 1").focus()
    page.keyboard.press("Delete")
    hidden = until(lambda: waiting(page) != raised and waiting(page))
    assert brought(server, hidden).any(-1).sum() < brought(server, raised).any(-1).sum()
    page.get_by_role("button", name="Undo").click()
    until(lambda: waiting(page) == raised)
    assert wish(page).get("controls", []) == [], "the server would refuse what nothing reads"


def waiting(page: Page) -> str | None:
    sent(page)
    return json.loads(page.evaluate("sessionStorage['sfumato.canvas']")).get("waiting", {}).get("pose")


def test_a_pose_is_followed_where_a_network_reads_it(canvas, context, server: Server):
    model = json.loads(ask(server, "/v1/models"))["models"][0]
    model["controls"].append({"name": "pose.safetensors", "kinds": ["pose"]})
    context.route("**/v1/models", lambda route: route.fulfill(json={"models": [model]}))
    page = canvas()
    Sheet(page, "Pose")
    page.get_by_role("button", name="Add a figure").click()
    (control,) = said(page, "controls")
    assert control["kind"] == "pose"
    page.get_by_label("How closely the figures are followed").fill("0.5")
    until(lambda: wish(page)["controls"][0]["weight"] == 0.5)
    page.get_by_role("button", name="Smaller").click()
    until(lambda: wish(page)["controls"][0]["picture"] != control["picture"])
    assert wish(page)["controls"][0]["weight"] == 0.5


def dropped(page: Page, image: Image.Image, where: str) -> None:
    page.evaluate(
        """async ([bytes, where]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "mood.png", {type: "image/png"}));
            const target = document.querySelector(where);
            for (const type of ["dragover", "drop"]) {
                const how = {dataTransfer: data, bubbles: true, cancelable: true};
                target.dispatchEvent(new DragEvent(type, how));
            }
        }""",
        [list(png(image)), where],
    )


def test_a_dropped_picture_lends_its_style(canvas, server: Server):
    page = canvas()
    Sheet(page, "Pictures")
    _, without = drawn(page, server)
    page.get_by_role("button", name="Back to the sheet").click()
    dropped(page, painted((96, 80)), '[data-name="drop"]')
    (reference,) = said(page, "references")
    assert reference["role"] == "style"
    assert (brought(server, reference["picture"]) == np.asarray(painted((96, 80)))).all()
    page.get_by_role("button", name="Composition").click()
    page.get_by_label("How much").fill("1.5")
    until(
        lambda: (
            [(each["role"], each["weight"]) for each in wish(page)["references"]] == [("composition", 1.5)]
        )
    )
    record, with_it = drawn(page, server)
    assert record["request"]["references"][0][:2] == ["reference", "composition"]
    assert np.abs(with_it - without).mean() > 1
    page.get_by_role("button", name="Remove the reference").click()
    until(lambda: wish(page)["references"] == [])


def test_a_picture_is_dropped_on_the_sheet_to_go_on_from_and_chosen_to_be_followed(canvas, server: Server):
    page = canvas()
    Sheet(page, "Pictures")
    dropped(page, painted((96, 64)), ".sheet-frame")
    digest = said(page, "picture")
    assert brought(server, digest).shape == (64, 96, 3)
    page.get_by_label("What the picture is for").select_option(label="To follow its lines or places")
    page.locator("[data-name=file]").set_input_files(
        {"name": "lines.png", "mimeType": "image/png", "buffer": png(painted())}
    )
    (control,) = said(page, "controls")
    assert control["kind"] == "edges"
    expect(page.get_by_role("img", name="What the control sees: edges")).to_be_visible()
    page.get_by_label("What is followed").select_option("blur")
    expect(page.get_by_text("world knows no control that reads blur")).to_be_visible()


def test_the_tools_say_what_they_lack(canvas):
    page = canvas()
    Sheet(page, "Mask")
    expect(page.get_by_text("A mask needs a picture to lie on")).to_be_visible()
    page.get_by_role("tab", name="Mask").press("ArrowRight")
    expect(page.get_by_role("tab", name="Outpaint")).to_be_focused()
    expect(page.get_by_text("There is no picture to go on from")).to_be_visible()


def test_a_picture_that_is_gone_is_said_and_the_sheet_stays(canvas, faults: Faults):
    faults.expect("404")
    page = canvas(picture="0" * 64)
    Sheet(page, "Mask")
    expect(page.get_by_text("A mask needs a picture to lie on")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tool_can_be_read_out_and_fits_a_small_screen(canvas, server: Server, scheme: str):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = canvas(picture=upload(server, painted()))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    for tool in TOOLS:
        Sheet(page, tool)
        for name in ("Add a region", "Add a box", "Add a figure"):
            if page.get_by_role("button", name=name).count():
                page.get_by_role("button", name=name).click()
        sent(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tool
        found = [
            (each["id"], [node["html"][:200] for node in each["nodes"]])
            for each in axe.run(page, context=".canvas").response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert found == [], tool

"""What the canvas reckons with, apart from any tool: strokes, frames, boxes, figures, what a wish is told."""

import random

import numpy as np
import pytest
from browsing import Server
from PIL import Image, ImageChops

from sfumato.conditions.joints import JOINTS, Figures
from sfumato.conditions.layout import LAYOUT_COLOURS, layout_of
from sfumato.conditions.pose import COLOURS, LIMBS, STICK, pose


@pytest.fixture(scope="module")
def run(browser, server: Server):
    """Run a function of a module of the canvas in a browser, and its arguments."""
    context = browser.new_context()
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page = context.new_page()
    page.goto(f"{server.url}/page/theme.js")  # any place of the server: its modules may be asked for there

    def of(module: str, function: str, *given: object):
        return page.evaluate(
            f"async (given) => ({function})(await import('/page/canvas/{module}.js'), ...given)", list(given)
        )

    yield of
    context.close()


def test_what_is_undone_is_done_again_until_something_new_is_done(run):
    assert run(
        "history",
        """({History}) => {
            const history = new History(), seen = [];
            let value = 0;
            const more = (by) => (value += by);
            const add = (by) => (more(by), history.push({undo: () => more(-by), redo: () => more(by)}));
            add(1); add(10);
            history.undo(); seen.push(value);
            history.redo(); seen.push(value);
            history.undo(); history.undo(); seen.push(value, history.undo(), history.canRedo);
            add(100); seen.push(value, history.canRedo);
            return seen;
        }""",
    ) == [1, 11, 0, False, True, 100, False]


def test_the_oldest_steps_are_forgotten_when_they_weigh_too_much(run):
    assert run(
        "history",
        """({History}) => {
            const history = new History({bytes: 100});
            for (let step = 0; step < 10; step += 1) history.push({undo() {}, redo() {}, bytes: 30});
            let undone = 0;
            while (history.undo()) undone += 1;
            return undone;
        }""",
    ) == 3  # fmt: skip


def test_dabs_of_a_stroke_lie_no_further_apart_than_they_blend(run):
    dabs = run(
        "brush",
        """({Stroke}) => {
            const stroke = new Stroke(20);
            const places = [[0, 0], [90, 0], [90, 70], [10, 30]];
            return places.flatMap(([x, y]) => stroke.to(x, y)).concat(stroke.end());
        }""",
    )
    places = np.array([[each["x"], each["y"]] for each in dabs])
    apart = np.hypot(*np.diff(places, axis=0).T)
    assert apart.max() < 0.2 * 20
    assert np.hypot(*(places[-1] - [10, 30])) < 0.2 * 20
    assert {each["radius"] for each in dabs} == {10}


def test_a_pen_pressed_harder_draws_wider(run):
    light, heavy = run(
        "brush",
        "({Stroke}) => [0.1, 1].map((pressure) => new Stroke(40).to(5, 5, pressure)[0].radius)",
    )
    assert heavy == 20
    assert 5 <= light < 10


def test_going_over_a_soft_stroke_again_changes_nothing(run):
    first, again, painted = run(
        "bitmap",
        """async ({Bitmap}) => {
            const bitmap = new Bitmap({width: 64, height: 64}, [255, 0, 0, 0.5]);
            const stroke = () => {
                bitmap.begin({size: 24, softness: 0.8, erase: false});
                bitmap.to(16, 32); bitmap.to(48, 32); bitmap.end();
                return [...bitmap.context.getImageData(0, 0, 64, 64).data].filter((_, at) => at % 4 === 0);
            };
            const [first, again] = [stroke(), stroke()];
            return [first.join(), again.join(), first];
        }""",
    )
    assert first == again
    picture = np.array(painted).reshape(64, 64)
    assert picture[32, 32] > 250
    assert 0 < picture[22, 32] < 250, "the rim of a soft brush is gray"
    assert not picture[:10].any()


def test_every_deed_on_a_mask_can_be_undone_to_the_bit(run):
    states, undone, redone = run(
        "bitmap",
        """async ({Bitmap}) => {
            const bitmap = new Bitmap({width: 40, height: 30}, [255, 0, 0, 0.5]);
            const pixels = ({context}) => context.getImageData(0, 0, 40, 30).data.join();
            const now = () => pixels(bitmap) + pixels(bitmap.shown);
            const stroke = (erase) => {
                bitmap.begin({size: 10, softness: 0.5, erase});
                bitmap.to(-5, 10, 1); bitmap.to(30, 20, 0.5); bitmap.end();
            };
            const part = {left: 3, top: 3, right: 9, bottom: 99};
            const deeds = [
                () => stroke(false), () => bitmap.invert(), () => stroke(true),
                () => bitmap.fill(255, part), () => bitmap.fill(0),
            ];
            const states = [now()];
            for (const deed of deeds) { deed(); states.push(now()); }
            const undone = [now()], redone = [];
            while (bitmap.history.undo()) undone.push(now());
            while (bitmap.history.redo()) redone.push(now());
            return [states, undone, redone];
        }""",
    )
    assert len(set(states[:-1])) == 5, "every deed changed something"
    assert states[-1] == states[0], "clearing leaves nothing"
    assert undone == states[::-1]
    assert redone == states[1:]


def test_a_stroke_that_was_not_meant_leaves_nothing(run):
    empty, undo = run(
        "bitmap",
        """async ({Bitmap}) => {
            const bitmap = new Bitmap({width: 20, height: 20}, [255, 0, 0, 0.5]);
            bitmap.begin({size: 8, softness: 0, erase: false});
            bitmap.to(10, 10); bitmap.to(15, 15);
            bitmap.cancel();
            return [bitmap.isEmpty, bitmap.history.canUndo];
        }""",
    )
    assert empty
    assert not undo


def test_a_frame_is_always_of_a_size_that_the_model_draws(run):
    chance = random.Random(7)
    rule = {"step": 32, "least": 64, "most": 192}
    picture = {"width": 128, "height": 96}
    handles = run("frame", "({HANDLES}) => HANDLES")
    pulls = [
        [chance.choice(list(handles)), chance.randint(-300, 300), chance.randint(-300, 300)]
        for _ in range(300)
    ]
    seen = run(
        "frame",
        """({dragged, NONE}, picture, rule, pulls) => {
            let sides = NONE;
            return pulls.map(([handle, dx, dy]) => (sides = dragged(picture, sides, handle, dx, dy, rule)));
        }""",
        picture, rule, pulls,
    )  # fmt: skip
    before = [0, 0, 0, 0]
    for sides, (handle, _, _) in zip(seen, pulls, strict=True):
        width, height = 128 + sides[0] + sides[2], 96 + sides[1] + sides[3]
        assert {width, height} <= {64, 96, 128, 160, 192}, sides
        kept = 128 + min(sides[0], 0) + min(sides[2], 0), 96 + min(sides[1], 0) + min(sides[3], 0)
        assert min(kept) > 0, f"{sides} leave nothing of the picture"
        still = set(range(4)) - set(handles[handle])
        assert all(sides[side] == before[side] for side in still), "a handle moves its own sides alone"
        before = sides


def test_an_arrow_key_moves_the_frame_by_one_step_of_the_model(run):
    rule = {"step": 32, "least": 64, "most": 192}
    assert run(
        "frame",
        """({stepped, NONE}, rule) => [
            stepped({width: 128, height: 128}, NONE, "right edge", "ArrowRight", rule),
            stepped({width: 128, height: 128}, NONE, "upper left corner", "ArrowUp", rule),
            stepped({width: 128, height: 128}, NONE, "left edge", "ArrowRight", rule),
        ]""",
        rule,
    ) == [[0, 0, 32, 0], [0, 32, 0, 0], [-32, 0, 0, 0]]


def test_boxes_stay_in_the_picture_however_they_are_pulled(run):
    chance = random.Random(3)
    pulls = [[chance.uniform(-1, 1), chance.uniform(-1, 1)] for _ in range(40)]
    boxes = run(
        "boxes",
        """({moved, resized, CORNERS}, pulls) => {
            let box = [0.3, 0.3, 0.4, 0.4];
            return Object.keys(CORNERS).flatMap((corner) => pulls.flatMap(([dx, dy]) => [
                (box = moved(box, dx, dy)), (box = resized(box, corner, dy, dx)),
            ]));
        }""",
        pulls,
    )
    for left, top, width, height in boxes:
        assert min(left, top) >= 0
        assert min(width, height) > 0.01
        assert max(left + width, top + height) <= 1.0005


def test_a_layout_is_drawn_as_the_package_draws_it(run):
    boxes = [[0.05, 0.1, 0.4, 0.4], [0.3, 0.25, 0.6, 0.7], [0.99, 0.99, 0.05, 0.05]]
    drawn = run(
        "boxes",
        """({paintLayout}, boxes) => {
            const context = new OffscreenCanvas(96, 64).getContext("2d");
            paintLayout(context, boxes, {width: 96, height: 64});
            return [...context.getImageData(0, 0, 96, 64).data];
        }""",
        boxes,
    )
    assert (np.array(drawn).reshape(64, 96, 4)[..., :3] == layout_of(boxes, (96, 64))).all()
    colours = run("boxes", "({LAYOUT_COLOURS}) => LAYOUT_COLOURS")
    assert {name: tuple(colour) for name, colour in colours.items()} == LAYOUT_COLOURS
    assert list(colours) == list(LAYOUT_COLOURS)


def test_the_tables_of_figures_are_those_of_the_package(run):
    joints, limbs, colours, stick = run(
        "skeleton", "({JOINTS, LIMBS, COLOURS, STICK}) => [JOINTS, LIMBS, COLOURS, STICK]"
    )
    assert tuple(joints) == JOINTS
    assert tuple(map(tuple, limbs)) == LIMBS
    assert tuple(map(tuple, colours)) == COLOURS
    assert stick == STICK


def test_figures_are_drawn_as_the_package_draws_them(run):
    size = (256, 320)
    figures, drawn = run(
        "skeleton",
        """({standing, withJoint, carried, mirrored, poseImage}) => {
            const sheet = {width: 256, height: 320};
            const one = withJoint(carried(standing(0.3, sheet), 0, 0.02), 4, [0.08, 0.12]);
            const other = withJoint(mirrored(withJoint(standing(0.7, sheet), 7, [0.93, 0.3])), 16, null);
            return [[one, other], [...poseImage([one, other], sheet).data]];
        }""",
    )
    people = tuple(
        tuple(point and (point[0] * size[0], point[1] * size[1]) for point in figure) for figure in figures
    )
    ours = pose(Figures(people=people, size=size))
    theirs = Image.fromarray(np.array(drawn, np.uint8).reshape(320, 256, 4)[..., :3])
    other = np.asarray(ImageChops.difference(ours, theirs)).any(-1)
    seen = np.asarray(ours).any(-1)
    assert seen.mean() > 0.05
    assert other.sum() < 0.002 * seen.sum(), "but for some pixels at the rims, the pictures are equal"


def test_a_mirrored_figure_still_looks_at_us_and_mirrored_twice_is_as_before(run):
    once, twice, first = run(
        "skeleton",
        """({standing, withJoint, mirrored}) => {
            const first = withJoint(standing(0.4, {width: 100, height: 100}), 4, [0.1, 0.2]);
            return [mirrored(first), mirrored(mirrored(first)), first];
        }""",
    )
    assert np.allclose(twice, first, atol=2e-4)
    right, left = JOINTS.index("right shoulder"), JOINTS.index("left shoulder")
    assert once[right][0] < once[left][0], "its right is our left"
    assert once[JOINTS.index("left wrist")][1] == 0.2, "the raised hand is the other one"


def test_rows_of_a_receipt_become_what_can_be_changed(run):
    wish = {
        "controls": [["control", "canny(low=50)", "a" * 64, 0.8, 0.1, 0.9]],
        "references": [["reference", "style", "b" * 64, 0.5]],
        "regions": [[[0.1, 0.2, 0.3, 0.4], "a cat", "", 0.06]],
    }
    controls, references, regions = run(
        "steering", "(all, wish) => [all.controlsOf(wish), all.referencesOf(wish), all.regionsOf(wish)]", wish
    )
    walk = {"weight": 0.8, "start": 0.1, "stop": 0.9}
    assert controls == [{"kind": "as-is(of=canny)", "network": "control", "picture": "a" * 64} | walk]
    assert references == [{"network": "reference", "role": "style", "picture": "b" * 64, "weight": 0.5}]
    assert regions == [{"area": [0.1, 0.2, 0.3, 0.4], "words": "a cat", "negative": "", "seam": 0.06}]


def test_what_a_model_cannot_read_is_said_with_what_it_can(run):
    why, lines, nothing = run(
        "steering",
        """({abilities, unread, kindOfLines}) => {
            const kinds = ["edges", "layout", "canny"];
            const able = abilities({controls: [{name: "control", kinds}], references: []});
            const any = abilities({controls: [{name: "unknown.safetensors", kinds: []}], references: []});
            return [unread(able, "pose", "world"), kindOfLines(able), unread(any, "pose", "sd15")];
        }""",
    )
    assert "world knows no control that reads pose" in why
    assert "edges, layout, canny" in why
    assert lines == "edges"
    assert nothing is None, "a network that does not say what it was taught may read it"


def test_what_lies_under_the_pointer_stays_there_while_one_zooms(run):
    before, after, back = run(
        "view",
        """({fit, zoomed, toSheet, toScreen}) => {
            const view = fit({width: 128, height: 64}, {width: 600, height: 400});
            const near = zoomed(view, 1.7, {x: 123, y: 45});
            const place = toSheet(near, 123, 45);
            return [toSheet(view, 123, 45), place, toScreen(near, place.x, place.y)];
        }""",
    )
    assert after == pytest.approx(before)
    assert back == pytest.approx({"x": 123, "y": 45})

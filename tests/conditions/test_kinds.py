"""What each kind of conditioning picture shows."""

import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from sfumato.conditions.ade20k import ADE20K
from sfumato.conditions.canny import edges
from sfumato.conditions.colours import snapped
from sfumato.conditions.layout import LAYOUT_COLOURS, layout_of
from sfumato.conditions.making import made
from sfumato.errors import InputError, MissingExtra

SQUARE = Image.new("RGB", (128, 128), (30, 60, 200))
SQUARE.paste((240, 220, 40), (32, 32, 96, 96))


def gray(kind: str, given=SQUARE, size=None) -> np.ndarray:
    """The picture as the one channel that it is, which all three must be."""
    rows = np.asarray(made(kind, given, size).image)
    assert (rows == rows[..., :1]).all()
    return rows[..., 0]


# outlines -----------------------------------------------------------------------------------------


def test_canny_is_opencvs_of_the_picture_as_it_is():
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    assert (gray("canny", noise) == cv2.Canny(np.asarray(noise), 100, 200)).all()
    assert (gray("canny(low=20, high=60)", noise) == cv2.Canny(np.asarray(noise), 20, 60)).all()


def test_canny_is_made_at_the_drawing_size():
    """One pixel wide whatever the picture was: made first and resized, lines would be gray and thick."""
    rows = gray("canny", SQUARE.resize((512, 512)), (128, 128))
    assert set(np.unique(rows)) == {0, 255}
    assert (rows[64] == 255).sum() == 2


def test_edges_outline_things_and_not_the_grain_of_paper():
    grain = np.random.default_rng(0).normal(0, 14, (128, 128, 3))
    rough = Image.fromarray((np.asarray(SQUARE) + grain).clip(0, 255).astype(np.uint8))
    clean, found = gray("edges"), gray("edges", rough)
    near = cv2.dilate(clean, np.ones((5, 5))) > 0
    assert (found[~near] > 0).mean() < 0.002
    assert (gray("canny", rough)[~near] > 0).mean() > 0.02
    assert (found > 0).sum() > 0.9 * (clean > 0).sum()


def test_a_user_gets_the_very_edges_that_the_model_was_trained_on():
    rows = edges(np.asarray(SQUARE))
    assert (rows.shape, rows.dtype) == ((128, 128), np.uint8)
    assert (gray("edges") == rows).all()


def test_edges_of_forty_thousand_pictures_take_less_than_a_minute():
    rows = np.asarray(SQUARE)
    edges(rows)
    best = min(_seconds(lambda: edges(rows)) for _ in range(20))
    assert best * 40_000 < 60


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_without_opencv_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r'pip install "sfumato\[control\]"'):
        made("canny", SQUARE)
    assert made("softedge", SQUARE).image.size == SQUARE.size


# lines --------------------------------------------------------------------------------------------


def test_soft_edges_fade_out_on_both_sides_of_an_outline():
    row = gray("softedge", SQUARE.resize((512, 512), Image.Resampling.NEAREST))[256].astype(int)
    peak = 120 + int(row[120:136].argmax())
    assert row[peak] > 240
    assert (np.diff(row[peak - 7 : peak + 1]) >= 0).all()
    assert (np.diff(row[peak : peak + 8]) <= 0).all()
    assert 20 < row[peak - 2] < 250
    assert row[256] < 20


def test_soft_edges_of_faint_things_are_fainter():
    faint = SQUARE.copy()
    faint.paste((38, 68, 208), (100, 100, 120, 120))
    rows = gray("softedge", faint)
    assert 0 < rows[110, 98:102].max() < 0.5 * rows[64, 30:34].max()


def test_soft_edges_are_the_same_in_every_direction():
    """Upright, level and slanting: a disc has all of them, and its rim is as bright all around."""
    disc = Image.new("RGB", (1024, 1024), (30, 60, 200))
    ImageDraw.Draw(disc).ellipse((256, 256, 768, 768), fill=(240, 220, 40))
    rows = gray("softedge", disc.resize((512, 512), Image.Resampling.BOX)).astype(float)
    down, right = np.indices(rows.shape) - 255.5
    angle = np.degrees(np.arctan2(down, right)) % 360 // 15
    around = [rows[(angle == part) & (abs(np.hypot(down, right) - 128) < 4)].mean() for part in range(24)]
    assert max(around) < 1.06 * min(around)


def test_a_scribble_has_no_spurs_where_an_outline_is_soft():
    disc = Image.new("RGB", (512, 512), (30, 60, 200))
    ImageDraw.Draw(disc).ellipse((128, 128, 384, 384), fill=(240, 220, 40))
    rows = gray("scribble", disc.filter(ImageFilter.GaussianBlur(6)))
    away = abs(np.hypot(*(np.indices(rows.shape) - 255.5)) - 128)
    assert rows[away < 2].mean() > 250
    assert not rows[away > 10].any()


def test_a_scribble_is_few_thick_strokes_in_black_and_white():
    rows = gray("scribble", SQUARE.resize((512, 512)))
    assert set(np.unique(rows)) == {0, 255}
    widths = [len(run) for run in "".join("#" if v else " " for v in rows[256]).split()]
    assert len(widths) == 2
    assert all(4 <= width <= 24 for width in widths)


def test_a_scribble_leaves_out_what_is_faint_unless_asked():
    faint = SQUARE.resize((512, 512))
    faint.paste((45, 75, 215), (400, 400, 480, 480))
    assert not gray("scribble", faint)[395:485, 395:485].any()
    assert gray("scribble(level=0.02)", faint)[395:485, 395:485].any()


def test_line_art_turns_dark_strokes_into_white_lines():
    paper = Image.new("RGB", (256, 256), (250, 245, 240))
    ImageDraw.Draw(paper).line((20, 128, 236, 128), fill=(20, 20, 30), width=3)
    rows = gray("lineart", paper)
    assert rows[128, 60:200].min() > 200
    assert rows[:110].max() < 20


# tones --------------------------------------------------------------------------------------------


def test_luminance_weighs_colours_as_the_eye_does():
    red, green, blue = (
        int(gray("luminance", Image.new("RGB", (1, 1), c))[0, 0]) for c in ("red", "lime", "blue")
    )
    assert (red, green, blue) == (76, 150, 29)


def test_blur_loses_detail_and_keeps_the_mean():
    noise = Image.effect_noise((128, 128), 80).convert("RGB")
    before, after = np.asarray(noise, dtype=float), np.asarray(made("tile", noise).image, dtype=float)
    assert after.std() < 0.4 * before.std()
    assert abs(after.mean() - before.mean()) < 1
    more = np.asarray(made("blur(shrink=4, radius=6)", noise).image, dtype=float)
    assert more.std() < 0.6 * after.std()


def test_a_palette_is_a_grid_of_mean_colours():
    rows = np.asarray(made("palette(cell=32)", SQUARE).image)
    assert (rows == rows[::32, ::32].repeat(32, 0).repeat(32, 1)).all()
    assert rows[0, 0].tolist() == [30, 60, 200]
    assert rows[40, 40].tolist() == [240, 220, 40]
    half = Image.new("RGB", (64, 64), "black")
    half.paste("white", (0, 0, 32, 64))
    assert np.abs(np.asarray(made("palette", half).image).astype(int) - 128).max() <= 1


# flat colours -------------------------------------------------------------------------------------


def test_every_pixel_goes_to_the_nearest_colour():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    colours = rng.integers(0, 256, (9, 3))
    far = ((picture[:, :, None].astype(int) - colours) ** 2).sum(-1)
    found = np.asarray(snapped(Image.fromarray(picture), [tuple(c) for c in colours.tolist()])).astype(int)
    assert (((picture - found) ** 2).sum(-1) == far.min(-1)).all()


def test_a_picture_painted_roughly_in_ade20ks_colours_gets_them_exactly():
    assert len(ADE20K) == 150
    painted = Image.new("RGB", (20, 10), (8, 226, 233))
    painted.paste((5, 203, 1), (0, 5, 20, 10))
    rows = np.asarray(made("segmentation", painted).image)
    assert tuple(rows[0, 0]) == ADE20K["sky"]
    assert tuple(rows[9, 0]) == ADE20K["tree"]


def test_a_photograph_in_its_own_colours_has_as_many_as_asked():
    noise = Image.merge("RGB", [Image.effect_noise((64, 64), 90) for _ in range(3)])
    assert len(made("segmentation(palette=own, colours=5)", noise).image.getcolors()) <= 5
    assert made("segmentation(palette=own)", SQUARE).image.tobytes() == SQUARE.tobytes()


# layouts ------------------------------------------------------------------------------------------


def test_boxes_have_colours_by_their_order_and_later_ones_lie_above():
    assert list(LAYOUT_COLOURS) == ["red", "green", "blue", "yellow", "magenta", "cyan", "white", "orange"]
    rows = layout_of([(0, 0, 0.5, 1), (0.25, 0.5, 0.75, 0.5)], (8, 4))
    assert rows.shape == (4, 8, 3)
    letters = {(0, 0, 0): ".", LAYOUT_COLOURS["red"]: "r", LAYOUT_COLOURS["green"]: "g"}
    drawn = ["".join(letters[tuple(pixel)] for pixel in row) for row in rows.tolist()]
    assert drawn == ["rrrr....", "rrrr....", "rrgggggg", "rrgggggg"]


def test_a_box_is_seen_however_small_and_cut_off_outside():
    assert layout_of([(0.999, 0.999, 0.001, 0.001)], (8, 8)).any(-1).sum() == 1
    assert layout_of([(-0.5, -0.5, 1, 1)], (8, 8)).any(-1).sum() == 16


@pytest.mark.parametrize(
    "written",
    ["[[0, 0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]", '{"boxes": [[0, 0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]}'],
)
def test_boxes_are_read_from_json_from_lines_and_from_lists(tmp_path, written):
    listed = [[0, 0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]
    (tmp_path / "a.json").write_text(written)
    (tmp_path / "a.txt").write_text("0, 0, 0.5, 0.5\n\n0.5 0.5 0.5 0.5\n")
    drawn = [made("layout", given, (16, 16)).image.tobytes() for given in (listed, written)]
    drawn += [made("layout", tmp_path / name, (16, 16)).image.tobytes() for name in ("a.json", "a.txt")]
    drawn += [made("layout", str(tmp_path / "a.json"), (16, 16)).image.tobytes()]
    assert set(drawn) == {layout_of(listed, (16, 16)).tobytes()}


def test_a_layout_that_was_drawn_and_pressed_gets_its_colours_back(tmp_path):
    drawn = Image.fromarray(layout_of([(0.1, 0.1, 0.5, 0.5), (0.5, 0.5, 0.4, 0.4)], (64, 64)))
    drawn.save(tmp_path / "a.jpg", quality=80)
    again = np.asarray(made("layout", tmp_path / "a.jpg").image)
    assert (again == np.asarray(drawn)).all(-1).mean() > 0.9
    assert {tuple(c) for c in again.reshape(-1, 3).tolist()} <= {(0, 0, 0), *LAYOUT_COLOURS.values()}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([[0, 0, 0.5]], "3 numbers: write"),
        ([[0, 0, 64, 64]], "shares of the picture"),
        ([[0, 0, 0, 0.5]], "shares of the picture"),
        ([[0, 0, float("nan"), 0.5]], "0 numbers"),
        ([[0, 0, 0.1, 0.1]] * 9, "9 boxes: 8"),
        ([], "list of boxes such as"),
        ("[[0, 0, 0.5", "no list of numbers"),
        ({"box": 1}, "list of boxes such as"),
        ("absent.json", "No such file"),
    ],
)
def test_layouts_that_cannot_be_drawn_are_refused(given, why):
    with pytest.raises(InputError, match=why):
        made("layout", given, (64, 64))


def test_boxes_need_a_canvas():
    with pytest.raises(InputError, match="say how large"):
        made("layout", [[0, 0, 1, 1]])


# maps ---------------------------------------------------------------------------------------------


def test_depth_uses_all_sixteen_bits_before_it_becomes_eight(tmp_path):
    """Steps of a thousandth of the range: in eight bits before, they would all be one."""
    Image.fromarray(np.arange(30000, 30064, dtype=np.uint16)[None].repeat(4, 0)).save(tmp_path / "a.png")
    rows = gray("depth", tmp_path / "a.png")
    assert (rows[0, 0], rows[0, -1]) == (0, 255)
    assert len(np.unique(rows)) == 64
    assert (gray("depth(invert=true)", tmp_path / "a.png") == 255 - rows).all()
    assert gray("depth(stretch=false)", Image.new("L", (2, 2), 77))[0, 0] == 77


def test_depth_in_floats_is_read_and_holes_are_refused(tmp_path):
    metres = np.array([[0.5, 2.5, 4.5]], dtype=np.float32)
    Image.fromarray(metres).save(tmp_path / "a.tif")
    assert gray("depth(invert=true)", tmp_path / "a.tif").tolist() == [[255, 127, 0]]
    with pytest.raises(InputError, match="finite"):
        made("depth", Image.fromarray(np.array([[0.5, np.inf]], dtype=np.float32)))


def test_a_depth_map_in_false_colours_is_told():
    assert made("depth", SQUARE).notes == ("its colours were dropped: a depth map is gray",)
    assert made("depth", SQUARE.convert("L")).notes == ()


def test_normals_can_be_turned_to_the_other_convention():
    bump = Image.new("RGB", (2, 2), (100, 30, 255))
    assert made("normal(flip_y=true)", bump).image.getpixel((0, 0)) == (100, 225, 255)
    assert made("normal(flip_x=true)", bump).image.getpixel((0, 0)) == (155, 30, 255)
    assert made("normal", bump).image.tobytes() == bump.tobytes()


def test_lines_on_paper_or_on_nothing_become_white_on_black():
    nothing = Image.new("RGBA", (4, 1))
    nothing.paste((255, 255, 255, 255), (0, 0, 1, 1))
    assert gray("as-is(of=scribble)", nothing).tolist() == [[255, 0, 0, 0]]
    paper = Image.new("RGB", (4, 1), "white")
    paper.paste("black", (0, 0, 1, 1))
    assert gray("as-is(of=scribble, invert=true)", paper).tolist() == [[255, 0, 0, 0]]


def test_a_picture_as_it_is_is_not_touched():
    noise = Image.effect_noise((33, 44), 90).convert("RGB")
    assert made("as-is", noise, (33, 44)).image.tobytes() == noise.tobytes()

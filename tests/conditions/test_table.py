"""The table of conditioning pictures: every kind can be named, made, and is told."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sfumato.conditions import CONDITIONS
from sfumato.conditions.making import made, read_as, settled
from sfumato.diffusion.choose import plainly
from sfumato.diffusion.named import options_told
from sfumato.errors import InputError

DOCUMENT = Path(__file__).parents[2] / "docs" / "control" / "conditions.md"
PHOTO = Image.fromarray(
    (np.indices((96, 64)).sum(0) // 24 % 2 * 160 + 40).astype(np.uint8)[..., None].repeat(3, -1)
)
BODY = {"nose": [0.5, 0.1], "neck": [0.5, 0.3], "right shoulder": [0.4, 0.3]}
GIVEN = {"pose": BODY, "layout": [[0, 0, 0.5, 0.5]]}

every_kind = pytest.mark.parametrize("kind", CONDITIONS)


@every_kind
def test_every_kind_makes_a_picture_of_the_drawing_size(kind):
    image, _ = made(kind, GIVEN.get(kind, PHOTO), (80, 120))
    assert (image.mode, image.size) == ("RGB", (80, 120))
    assert np.asarray(image).max() > 0


@every_kind
def test_every_kind_takes_a_picture_and_keeps_its_size_unless_told(kind):
    image, _ = made(kind, PHOTO)
    assert (image.mode, image.size) == ("RGB", PHOTO.size)


@every_kind
def test_the_same_picture_gives_the_same_bits_and_is_not_changed(kind):
    given = PHOTO.copy()
    first, again = made(kind, given, (64, 64)).image, made(kind, given, (64, 64)).image
    assert first.tobytes() == again.tobytes()
    assert given.tobytes() == PHOTO.tobytes()


@every_kind
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 40)])
def test_tiny_drawings_are_made_too(kind, size):
    assert made(kind, GIVEN.get(kind, PHOTO), size).image.size == size


@every_kind
def test_a_picture_of_one_colour_is_no_accident(kind):
    image, _ = made(kind, Image.new("RGB", (40, 40), (90, 90, 90)), (40, 40))
    assert len(image.getcolors()) == 1


def test_no_two_kinds_have_a_name_in_common():
    of_each = [{plainly(name) for name in (own, *each.aliases)} for own, each in CONDITIONS.items()]
    names = [name for names in of_each for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("hed", "softedge"),
        ("Tile_Resample", "blur"),
        ("OpenPose", "pose"),
        ("colour", "palette"),
        ("seg", "segmentation"),
        ("CANNY(low=50)", "canny(low=50)"),
    ],
)
def test_kinds_are_known_by_the_names_of_other_tools(said, meant):
    assert str(settled(said)) == meant


def test_a_control_reads_a_finished_picture_as_what_it_is_said_to_be():
    assert [read_as(kind) for kind in ("", "as-is", "as-is(of=hed)", "hed")] == [
        "",
        "",
        "softedge",
        "softedge",
    ]
    with pytest.raises(InputError, match="unknown kind"):
        read_as("as-is(of=nonsense)")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cany", "did you mean canny"),
        ("canny(lo=3)", "no option 'lo'"),
        ("canny(low=300)", "low is at least 0 and at most high"),
        ("softedge(width=0)", "0.1 to 10"),
        ("scribble(level=2)", "0 .every outline"),
        ("blur(shrink=0.5)", "1 to 64"),
        ("palette(cell=0)", "1 to 4096"),
        ("segmentation(palette=cityscapes)", "ade20k and own"),
        ("segmentation(colours=4)", "goes with palette=own"),
        ("segmentation(palette=own, colours=1)", "2 to 256"),
        ("pose(stick=3)", "is drawn already"),
    ],
)
def test_what_cannot_be_made_is_one_line_with_a_way_out(kind, why):
    with pytest.raises(InputError, match=why) as caught:
        made(kind, PHOTO)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (10**5, 10**5)])
def test_sizes_that_no_picture_has_are_refused(size):
    with pytest.raises(InputError, match="can be made"):
        made("blur", PHOTO, size)


def test_lists_are_refused_where_a_picture_is_wanted():
    with pytest.raises(InputError, match="of a picture, not of list"):
        made("canny", [[1, 2]])


def test_notes_tell_of_a_first_frame_and_of_a_stretched_shape(tmp_path):
    PHOTO.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", PHOTO.size)])
    _, notes = made("canny", tmp_path / "a.gif", (96, 96))
    assert [note[:24] for note in notes] == ["a.gif: it is animated; i", "stretched from 64x96 to "]
    assert made("canny", PHOTO, (128, 192)).notes == ()


def test_a_drawing_gets_no_new_colours_by_a_new_size():
    flat = Image.new("RGB", (50, 50), (255, 0, 0))
    flat.paste((0, 255, 0), (0, 0, 17, 50))
    for kind in ("pose", "layout", "segmentation(palette=own)"):
        colours = {colour for _, colour in made(kind, flat, (64, 96)).image.getcolors()}
        assert colours == {(255, 0, 0), (0, 255, 0)}


def test_the_document_lists_every_kind_as_the_table_does():
    """On failure: put the right table, printed here, into docs/control/conditions.md."""
    rows = ["| kind | what it shows | made of | options | also called |", "|---|---|---|---|---|"]
    for name, each in CONDITIONS.items():
        options = ", ".join(f"{option}={value}" for option, value in options_told(each.maker).items())
        cells = (f"`{name}`", each.says, each.takes, options or "-", ", ".join(each.aliases))
        rows.append(f"| {' | '.join(cells)} |")
    text = DOCUMENT.read_text()
    found = re.search(r"^\| kind .*?\n\n", text, re.DOTALL | re.MULTILINE)
    assert found, "the table is missing"
    assert found[0].strip().splitlines() == rows, "\n".join(rows)

"""Stick figures: read in the forms that people have, and drawn as OpenPose's pictures are."""

import colorsys
import json
import math

import cv2
import numpy as np
import pytest
from PIL import Image

from sfumato.conditions.joints import JOINTS, figures
from sfumato.conditions.making import made
from sfumato.conditions.pose import COLOURS, LIMBS
from sfumato.errors import InputError

STANDING = {
    "nose": (0.5, 0.12), "neck": (0.5, 0.25), "right shoulder": (0.38, 0.26), "right elbow": (0.3, 0.4),
    "right wrist": (0.24, 0.52), "left shoulder": (0.62, 0.26), "left elbow": (0.74, 0.2),
    "left wrist": (0.8, 0.06), "right hip": (0.42, 0.55), "right knee": (0.4, 0.74),
    "right ankle": (0.41, 0.93), "left hip": (0.58, 0.55), "left knee": (0.63, 0.73),
    "left ankle": (0.6, 0.92), "right eye": (0.47, 0.1), "left eye": (0.53, 0.1), "right ear": (0.44, 0.11),
    "left ear": (0.56, 0.11),
}  # fmt: skip
LISTED = [list(STANDING[name]) for name in JOINTS]
SIZE = (512, 512)


def drawn(given, size=SIZE) -> np.ndarray:
    return np.asarray(made("pose", given, size).image)


def by_opencv(people, size=SIZE) -> np.ndarray:
    """The same convention, written down once more with OpenCV, as annotators draw it."""
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
        for person in people:
            if person[start] and person[end]:
                (x0, y0), (x1, y1) = person[start], person[end]
                middle = (int((x0 + x1) / 2), int((y0 + y1) / 2))
                half = (int(math.hypot(x0 - x1, y0 - y1) / 2), 4)
                turn = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
                cv2.fillConvexPoly(canvas, cv2.ellipse2Poly(middle, half, turn, 0, 360, 1), colour)
    canvas = (canvas * 0.6).astype(np.uint8)
    for number, colour in enumerate(COLOURS):
        for person in people:
            if point := person[number]:
                cv2.circle(canvas, (int(point[0]), int(point[1])), 4, colour, thickness=-1)
    return canvas


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_figure_is_the_one_that_annotators_draw(mirrored):
    joints = [[1 - x if mirrored else x, y] for x, y in LISTED]
    ours, theirs = drawn(joints), by_opencv([[(x * 512, y * 512) for x, y in joints]])
    ink = (theirs > 0).any(-1)
    assert ((ours != theirs).any(-1) & ink).sum() < 0.12 * ink.sum()  # rims, rounded otherwise
    inside = cv2.erode(ink.astype(np.uint8), np.ones((3, 3))) > 0
    flat = inside & (cv2.morphologyEx(theirs, cv2.MORPH_GRADIENT, np.ones((3, 3))) == 0).all(-1)
    assert flat.sum() > 500
    assert (ours[flat] == theirs[flat]).mean() > 0.99
    assert np.abs((ours > 0).any(-1).sum() / ink.sum() - 1) < 0.08


def test_limbs_and_colours_are_those_that_controls_were_trained_on():
    """Joints by OpenPose's numbers from 1 on, and its hues, a limb and a joint each, in steps of 1/18."""
    limbs = "2-3 2-6 3-4 4-5 6-7 7-8 2-9 9-10 10-11 2-12 12-13 13-14 2-1 1-15 15-17 1-16 16-18"
    assert [f"{start + 1}-{end + 1}" for start, end in LIMBS] == limbs.split()
    hues = [colorsys.rgb_to_hsv(*(part / 255 for part in colour)) for colour in COLOURS]
    assert [round(18 * hue, 1) for hue, _, _ in hues] == list(range(18))
    assert {(saturation, value) for _, saturation, value in hues} == {(1, 1)}


def test_every_joint_has_its_own_colour():
    assert len(set(COLOURS)) == len(JOINTS) == 18
    picture = drawn(LISTED)
    for name, colour in zip(JOINTS, COLOURS, strict=True):
        x, y = (int(part * 512) for part in STANDING[name])
        assert tuple(picture[y, x]) == colour, name


def test_a_limb_is_drawn_in_six_tenths_of_its_colour():
    x, y = (
        int((a + b) / 2 * 512) for a, b in zip(STANDING["right hip"], STANDING["right knee"], strict=True)
    )
    hip_to_knee = LIMBS.index((JOINTS.index("right hip"), JOINTS.index("right knee")))
    assert drawn(LISTED)[y, x].tolist() == [int(0.6 * part) for part in COLOURS[hip_to_knee]]


def test_a_joint_that_is_not_seen_takes_its_limbs_along():
    without = [None if name == "right knee" else point for name, point in zip(JOINTS, LISTED, strict=True)]
    picture = drawn(without)
    x, y = (int(part * 512) for part in STANDING["right knee"])
    assert not picture[y - 20 : y + 20, x - 8 : x + 8].any()
    x, y = (int(part * 512) for part in STANDING["right ankle"])
    assert picture[y, x].any()


def in_pixels(certain=1.0):
    return [part for x, y in LISTED for part in (x * 768, y * 768, certain)]


@pytest.mark.parametrize(
    "given",
    [
        STANDING,
        [STANDING],
        [LISTED],
        {name.upper().replace(" ", "_"): point for name, point in STANDING.items()},
        [[x * 512, y * 512] for x, y in LISTED],
        [[x, y, 0.9] for x, y in LISTED],
        {"people": [{"pose_keypoints_2d": in_pixels()}], "canvas_width": 768, "canvas_height": 768},
        [{"people": [{"pose_keypoints_2d": in_pixels()}], "canvas_width": 768, "canvas_height": 768}],
    ],
    ids=["names", "several", "lists", "capitals", "pixels", "certainty", "openpose", "frames"],
)
def test_joints_are_read_in_every_form_that_people_have(given, tmp_path):
    (tmp_path / "pose.json").write_text(json.dumps(given))
    expected = drawn(LISTED)
    assert (drawn(given) == expected).all()
    assert (drawn(json.dumps(given)) == expected).all()
    assert (drawn(tmp_path / "pose.json") == expected).all()


def test_coco_without_a_neck_gets_one_between_the_shoulders():
    order = "nose,left eye,right eye,left ear,right ear,left shoulder,right shoulder,left elbow,right elbow"
    order += ",left wrist,right wrist,left hip,right hip,left knee,right knee,left ankle,right ankle"
    (person,) = figures([STANDING[name] for name in order.split(",")], SIZE).of.people
    named = dict(zip(JOINTS, person, strict=True))
    assert named["neck"] == pytest.approx((0.5 * 512, 0.26 * 512))
    assert all(
        named[name] == pytest.approx([part * 512 for part in STANDING[name]]) for name in order.split(",")
    )


def test_body_25_is_put_into_the_order_of_eighteen():
    order = JOINTS[:8] + ("hips",) + JOINTS[8:] + ("toe",) * 6
    (person,) = figures([STANDING.get(name, (0.01, 0.01)) for name in order], SIZE).of.people
    assert person == tuple((x * 512, y * 512) for x, y in LISTED)


def test_absence_is_written_in_three_ways():
    for absent in (None, [0, 0, 0], [-1, -1]):
        joints = [absent if name == "nose" else point for name, point in zip(JOINTS, LISTED, strict=True)]
        (person,) = figures(joints, SIZE).of.people
        assert person[0] is None
        assert None not in person[1:]


def test_several_people_are_drawn_and_limbs_lie_under_all_joints():
    left = {name: (x / 2, y) for name, (x, y) in STANDING.items()}
    right = {name: (x / 2 + 0.5, y) for name, (x, y) in STANDING.items()}
    both = drawn([left, right])
    assert (both[:, :256] == drawn([left])[:, :256]).all()
    assert (both[:, 256:] == drawn([right])[:, 256:]).all()


def test_openposes_own_canvas_is_the_size_unless_another_is_drawn_at():
    given = {"people": [{"pose_keypoints_2d": in_pixels()}], "canvas_width": 768, "canvas_height": 768}
    assert made("pose", given).image.size == (768, 768)
    assert made("pose", given, (512, 512)).notes == ()
    assert "stretched from 768x768 to 512x256" in made("pose", given, (512, 256)).notes[0]


def test_what_is_left_out_of_openposes_files_is_told():
    person = {"pose_keypoints_2d": in_pixels(), "hand_left_keypoints_2d": [3.0, 4.0, 1.0]}
    frame = {"people": [person], "canvas_width": 768, "canvas_height": 768}
    assert made("pose", frame).notes == ("hands and faces are not drawn: the body is",)
    assert made("pose", [frame, frame]).notes == ("the pose is animated: its first frame is drawn",)


def test_the_width_of_limbs_can_be_chosen():
    wide = np.asarray(made("pose(stick=8)", LISTED, SIZE).image)
    assert 1.5 < (wide > 0).any(-1).sum() / (drawn(LISTED) > 0).any(-1).sum() < 2.2


def test_a_picture_of_figures_is_taken_as_it_is():
    picture = Image.fromarray(drawn(LISTED))
    assert (drawn(picture) == np.asarray(picture)).all()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (LISTED[:5], "a person of 5 joints: 18"),
        ({"knee": [0, 0]}, "unknown joint 'knee'"),
        ([None] * 18, "without a single joint"),
        ({"people": []}, "0 people"),
        ([STANDING] * 101, "101 people"),
        ([[0.5], *LISTED[1:]], r"joint 1 is \[0.5\]"),
        ([["a", "b"], *LISTED[1:]], "a person of 2 joints|joint 1"),
        ({"nose": [0.5, math.inf]}, "joint 1"),
        ({"nose": [1e300, 5], "neck": [3, 4]}, "pixels away"),
        ({"people": "me"}, "written as a list"),
        ("[1, 2", "no list of numbers"),
        ("{}", "without a single joint"),
    ],
)
def test_poses_that_cannot_be_drawn_are_refused_in_one_line(given, why):
    with pytest.raises(InputError, match=why) as caught:
        made("pose", given, SIZE)
    assert "\n" not in str(caught.value)


def test_joints_need_a_canvas_and_files_have_a_limit(tmp_path):
    with pytest.raises(InputError, match="say how large"):
        made("pose", LISTED)
    (tmp_path / "a.json").write_bytes(b"[" * 4_000_001)
    with pytest.raises(InputError, match="more than 4,000,000 bytes"):
        made("pose", tmp_path / "a.json", SIZE)
    (tmp_path / "a.json").write_bytes(b"[" * 100_000)
    with pytest.raises(InputError, match="no list of numbers"):
        made("pose", tmp_path / "a.json", SIZE)

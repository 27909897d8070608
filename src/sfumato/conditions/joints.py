"""Lists of joints, in the forms in which people have them, as points on the drawing.

Points are shares of the picture if none is larger than 1, else pixels: of the list's own canvas where it
names one, as OpenPose's JSON does, else of the drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast

from sfumato.conditions.condition import Given, Material, Size
from sfumato.conditions.reading import check_size, data, drawing, is_data, numbers, stretched
from sfumato.errors import InputError

JOINTS = (
    *("nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow"),
    *("left wrist", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
    *("right eye", "left eye", "right ear", "left ear"),
)
"""OpenPose's eighteen, in its order (arXiv 1812.08008); right and left are the person's own."""

ORDERS: dict[int, tuple[int | None, ...]] = {
    18: tuple(range(18)),
    17: (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3),  # COCO: no neck
    25: (
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
    ),  # BODY_25: feet follow
}
"""Where each of ``JOINTS`` stands in a list of so many."""

MOST = 100
"""People on one picture."""

Point: TypeAlias = tuple[float, float]
Person: TypeAlias = "tuple[Point | None, ...]"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """People, each as its eighteen joints in pixels of a drawing of ``size``; None where one is not seen."""

    people: tuple[Person, ...]
    size: Size


class _Listed(NamedTuple):
    people: list[Person]
    canvas: Size | None
    notes: tuple[str, ...]


def figures(given: Given, size: Size | None) -> Material:
    """People from a list of joints, or a picture on which they are drawn already. Raises InputError."""
    if not is_data(given):
        return drawing(given, size)
    listed = _listed(data(given))
    if not 0 < len(listed.people) <= MOST:
        raise InputError(f"a pose of {len(listed.people)} people: 1 to {MOST} can be drawn")
    if not any(point for person in listed.people for point in person):
        raise InputError("a pose without a single joint: name some of them")
    canvas = size or listed.canvas
    if canvas is None:
        raise InputError("joints without a canvas: say how large the picture is")
    check_size(canvas)
    shares = all(max(map(abs, point)) <= 1 for person in listed.people for point in person if point)
    whole = (1, 1) if shares else listed.canvas or canvas
    people = tuple(tuple(_scaled(point, whole, canvas) for point in person) for person in listed.people)
    shape = listed.canvas if listed.canvas and not shares else None
    notes = listed.notes + (stretched(shape, canvas) if shape else ())
    return Material(Figures(people=people, size=canvas), notes)


def _listed(given: object) -> _Listed:
    if isinstance(given, Mapping):
        return _from_mapping(cast("Mapping[str, object]", given))
    items = _items(given, "a pose")
    if items and isinstance(items[0], Mapping) and "people" in items[0]:  # a film: a canvas a frame
        first = _from_mapping(cast("Mapping[str, object]", items[0]))
        told = ("the pose is animated: its first frame is drawn",) if len(items) > 1 else ()
        return first._replace(notes=told)
    alone = any(item is None or numbers(item) for item in items)
    return _Listed([_person(items)] if alone else [_person(item) for item in items], None, ())


def _from_mapping(given: Mapping[str, object]) -> _Listed:
    """OpenPose's JSON, or one person by the names of joints."""
    if "people" not in given:
        return _Listed([_person(given)], None, ())
    people = _items(given["people"], "a pose's people")
    sides = numbers([given.get("canvas_width"), given.get("canvas_height")])
    hands = any(_has_more(person) for person in people)
    told = ("hands and faces are not drawn: the body is",) if hands else ()
    canvas = None if sides is None else check_size((int(sides[0]), int(sides[1])))
    return _Listed([_person(person) for person in people], canvas, told)


OTHER_PARTS = ("hand_left_keypoints_2d", "hand_right_keypoints_2d", "face_keypoints_2d")


def _has_more(person: object) -> bool:
    if not isinstance(person, Mapping):
        return False
    named = cast("Mapping[str, object]", person)
    return any(any(numbers(named.get(part)) or ()) for part in OTHER_PARTS)


def _person(given: object) -> Person:
    """One person's eighteen joints, from a list of 17, 18 or 25, or from names."""
    if isinstance(given, Mapping):
        named = cast("Mapping[str, object]", given)
        if "pose_keypoints_2d" not in named:
            return _by_name(named)
        flat = numbers(named["pose_keypoints_2d"]) or []
        given = [flat[start : start + 3] for start in range(0, len(flat), 3)]
    points = [_point(item, number) for number, item in enumerate(_items(given, "a person"), 1)]
    if len(points) not in ORDERS:
        raise InputError(
            f"a person of {len(points)} joints: 18 (OpenPose), 17 (COCO) or 25 (BODY_25) are understood, "
            "with null for one that is not seen; or name them"
        )
    person = [None if place is None else points[place] for place in ORDERS[len(points)]]
    if len(points) == 17 and (right := person[2]) and (left := person[5]):
        person[1] = ((right[0] + left[0]) / 2, (right[1] + left[1]) / 2)
    return tuple(person)


def _by_name(given: Mapping[str, object]) -> Person:
    plain = {name.replace("_", " ").lower(): value for name, value in given.items()}
    if strange := [name for name in plain if name not in JOINTS]:
        raise InputError(f"unknown joint {strange[0]!r}: there are {', '.join(JOINTS)}")
    return tuple(_point(plain.get(name), number) for number, name in enumerate(JOINTS, 1))


def _point(given: object, number: int) -> Point | None:
    """A joint; None if it is absent, or certain to 0, or at (-1, -1) as some tools write the absent."""
    if given is None:
        return None
    found = numbers(given)
    if found is None or len(found) not in (2, 3):
        raise InputError(f"joint {number} is {str(given)[:40]}: write [x, y], or null where it is not seen")
    unseen = found == [-1, -1] or (len(found) == 3 and found[2] <= 0)
    return None if unseen else (found[0], found[1])


def _items(given: object, what: str) -> Sequence[object]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise InputError(f"{what} is {str(given)[:40]!r}: it is written as a list")
    return cast("Sequence[object]", given)


def _scaled(point: Point | None, whole: Size, canvas: Size) -> Point | None:
    return point and (point[0] * canvas[0] / whole[0], point[1] * canvas[1] / whole[1])

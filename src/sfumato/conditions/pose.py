"""Stick figures in the colours of OpenPose, from a list of joints.

Z. Cao and others, arXiv 1812.08008. Drawn as in the pictures that ControlNets were trained on: limbs as
ellipses in six tenths of their colour, and above them the joints in theirs.
"""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from sfumato.conditions.joints import Figures, Point
from sfumato.errors import InputError

LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Pairs of ``JOINTS``, in the order in which they are drawn, a colour each."""

COLOURS = (
    *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0)),
    *((0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255)),
    *((0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)),
)

STICK = 4
"""Half a limb's width and a joint's radius, in pixels, whatever the size: what controls were trained on."""


FARTHEST = 100_000
"""Pixels from the corner, for what lies outside of the picture."""


def pose(people: Figures | Image.Image, *, stick: int | None = None) -> Image.Image:
    """Stick figures on black, limbs half as wide as ``stick`` says; or a picture that shows them already."""
    if isinstance(people, Image.Image):
        if stick is not None:
            raise InputError(f"pose's stick={stick} draws a list of joints; a picture is drawn already")
        return people
    if any(abs(side) > FARTHEST for person in people.people for point in person if point for side in point):
        raise InputError(f"a pose with a joint more than {FARTHEST:,} pixels away: name those that are on it")
    width = STICK if stick is None else stick
    if not 1 <= width <= 64:
        raise InputError(f"pose's stick={width}: it is 1 to 64 pixels")
    canvas = Image.new("RGB", people.size)
    draw = ImageDraw.Draw(canvas)
    for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
        for person in people.people:
            if (here := person[start]) and (there := person[end]):
                draw.polygon(_ellipse(here, there, width), fill=tuple(int(0.6 * part) for part in colour))
    for joint, colour in enumerate(COLOURS):
        for person in people.people:
            if point := person[joint]:
                x, y = int(point[0]), int(point[1])
                draw.ellipse((x - width, y - width, x + width, y + width), fill=colour)
    return canvas


def _ellipse(here: Point, there: Point, width: int) -> list[Point]:
    """An ellipse that reaches from point to point, a corner for each degree."""
    x, y = int((here[0] + there[0]) / 2), int((here[1] + there[1]) / 2)
    half = int(math.dist(here, there) / 2)
    turn = math.atan2(there[1] - here[1], there[0] - here[0])
    along, across = math.cos(turn), math.sin(turn)
    round_ = [(half * math.cos(angle), width * math.sin(angle)) for angle in map(math.radians, range(360))]
    return [(x + a * along - b * across, y + a * across + b * along) for a, b in round_]

"""A contact sheet: pictures in rows, each with its sentence below and a tick or a cross."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_GAP = 8
_LINE = 13
_LINES = 3
_LETTERS = 18
_INK, _RIGHT, _WRONG = (30, 30, 34), (24, 140, 60), (200, 40, 40)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A picture, what it should show, and whether it does."""

    image: Image.Image
    sentence: str
    passed: bool


def contact_sheet(rows: Mapping[str, Sequence[Drawn]]) -> Image.Image:
    """Lay the pictures out, a titled row for each name; they are all of one size."""
    width, height = next(drawn.image.size for row in rows.values() for drawn in row)
    columns = max(len(row) for row in rows.values())
    cell, block = width + _GAP, _LINE + _GAP + height + _LINE * _LINES + _GAP
    sheet = Image.new("RGB", (columns * cell + _GAP, len(rows) * block + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for number, (title, row) in enumerate(rows.items()):
        top = _GAP + number * block
        pen.text((_GAP, top), title, fill=_INK, font=font)
        for column, drawn in enumerate(row):
            left = _GAP + column * cell
            sheet.paste(drawn.image, (left, top + _LINE + 4))
            below = top + _LINE + 8 + height
            _mark(pen, left, below, passed=drawn.passed)
            for index, line in enumerate(textwrap.wrap(drawn.sentence, _LETTERS)[:_LINES]):
                pen.text((left + _LINE, below + index * _LINE), line, fill=_INK, font=font)
    return sheet


def _mark(pen: ImageDraw.ImageDraw, left: int, top: int, *, passed: bool) -> None:
    """A tick or a cross, nine pixels wide; drawn, because few fonts have them."""
    if passed:
        pen.line([(left, top + 7), (left + 3, top + 10), (left + 9, top + 2)], fill=_RIGHT, width=2)
    else:
        pen.line([(left, top + 2), (left + 8, top + 10)], fill=_WRONG, width=2)
        pen.line([(left, top + 10), (left + 8, top + 2)], fill=_WRONG, width=2)

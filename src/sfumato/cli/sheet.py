"""A grid of pictures as one sheet, with headings above its columns and to the left of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from PIL import Image, ImageDraw, ImageFont

Font: TypeAlias = "ImageFont.ImageFont | ImageFont.FreeTypeFont"
Box: TypeAlias = tuple[int, int, int, int]

GAP = 8
WIDEST_HEADING = 190  # of a row; what is longer is wrapped
MOST_LINES = 6
INK, RULE, WRONG = (30, 30, 34), (206, 206, 214), (190, 40, 40)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Rows of pictures; where one could not be drawn, the reason as text.

    Each column and each row has a heading in as many parts as vary there, the outermost first: one that goes
    on as before is not said again.
    """

    title: str
    columns: Sequence[tuple[str, ...]]
    headings: Sequence[tuple[str, ...]]
    rows: Sequence[Sequence[Image.Image | str]]
    cell: int  # pixels of the longer side of a picture, at most


class _Run(NamedTuple):
    """A part of a heading, and the columns or rows that it is said of."""

    text: str
    first: int
    length: int
    depth: int


def laid_out(sheet: Sheet) -> Image.Image:
    """The sheet as a picture. Pictures larger than a cell are made smaller, none is made larger."""
    font = ImageFont.load_default(13)
    line = line_height(font)
    rows = [[_fitted(each, sheet.cell) for each in row] for row in sheet.rows]
    sizes = [each.size for row in rows for each in row if isinstance(each, Image.Image)]
    width, height = (max(sides) for sides in zip(*(sizes or [(sheet.cell, sheet.cell)]), strict=True))
    across, down = _runs(sheet.columns), _runs(sheet.headings)
    lefts = _edges(GAP, [_width(font, parts) for parts in zip(*sheet.headings, strict=True)])
    whole = lefts[-1] + len(sheet.columns) * (width + GAP)
    titles = wrapped(font, sheet.title, max(whole, 4 * GAP) - 2 * GAP)
    tall = [_height(font, across, depth, width) for depth in range(len(sheet.columns[0]))]
    tops = _edges(GAP + (len(titles) * line + GAP) * bool(sheet.title), tall)
    page = Image.new("RGB", (whole, tops[-1] + GAP + len(rows) * (height + GAP)), "white")
    pen = ImageDraw.Draw(page)
    if sheet.title:
        _write(pen, (GAP, GAP), titles, font)
    for run in across:
        x = lefts[-1] + run.first * (width + GAP)
        _write(pen, (x, tops[run.depth]), wrapped(font, run.text, _span(run, width)), font)
    for run in down:
        y = tops[-1] + GAP + run.first * (height + GAP)
        if run.first:
            pen.line((lefts[run.depth], y - GAP // 2, whole - GAP, y - GAP // 2), fill=RULE)
        room = lefts[run.depth + 1] - lefts[run.depth] - GAP
        _write(pen, (lefts[run.depth], y), wrapped(font, run.text, room)[: max(1, height // line)], font)
    for number, row in enumerate(rows):
        for column, each in enumerate(row):
            x, y = lefts[-1] + column * (width + GAP), tops[-1] + GAP + number * (height + GAP)
            _show(page, each, (x, y, x + width - 1, y + height - 1), font)
    return page


def _runs(headings: Sequence[tuple[str, ...]]) -> list[_Run]:
    """Each part of the headings once for as long as it and those outside of it stay the same."""
    found: list[_Run] = []
    for depth in range(len(headings[0])):
        for number, heading in enumerate(headings):
            if number and headings[number - 1][: depth + 1] == heading[: depth + 1]:
                found[-1] = found[-1]._replace(length=found[-1].length + 1)
            else:
                found.append(_Run(heading[depth], number, 1, depth))
    return found


def _edges(start: int, extents: Sequence[int]) -> list[int]:
    """Where each of several things in a row begins, and where the last ends."""
    return [start + sum(extents[:number]) for number in range(len(extents) + 1)]


def _width(font: Font, labels: Sequence[str]) -> int:
    return min(int(max(map(font.getlength, labels))) + 1, WIDEST_HEADING) + 2 * GAP


def _height(font: Font, runs: Sequence[_Run], depth: int, width: int) -> int:
    lines = [len(wrapped(font, run.text, _span(run, width))) for run in runs if run.depth == depth]
    return max(lines) * line_height(font)


def _span(run: _Run, width: int) -> int:
    return run.length * (width + GAP) - GAP


def line_height(font: Font) -> int:
    """From one line of text to the next."""
    _, top, _, bottom = font.getbbox("Ågy")
    return int(bottom - top) + 5


def _fitted(picture: Image.Image | str, cell: int) -> Image.Image | str:
    if isinstance(picture, str) or max(picture.size) <= cell:
        return picture
    scale = cell / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def _show(page: Image.Image, what: Image.Image | str, box: Box, font: Font) -> None:
    """The picture, or in its place why there is none."""
    left, top, right, bottom = box
    if isinstance(what, Image.Image):
        page.paste(what, (left, top))
        return
    pen = ImageDraw.Draw(page)
    pen.rectangle(box, outline=RULE)
    room = max(1, (bottom - top - GAP) // line_height(font))
    lines = wrapped(font, what, right - left - GAP)[:room]
    _write(pen, (left + GAP // 2, top + GAP // 2), lines, font, WRONG)


def wrapped(font: Font, text: str, width: float) -> list[str]:
    """The text in lines of at most ``width`` pixels, cut inside of words that are longer; at most six."""
    lines = [""]
    for word in text.split():
        if lines[-1] and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        *full, last = _broken(font, word, width)
        lines[len(lines) - (not lines[-1]) :] = [*full, last]
    if len(lines) > MOST_LINES:
        last = lines[MOST_LINES - 1]
        while last and font.getlength(f"{last} …") > width:
            last = last[:-1]
        lines = [*lines[: MOST_LINES - 1], f"{last} …"]
    return lines


def _broken(font: Font, word: str, width: float) -> list[str]:
    parts: list[str] = []
    while len(word) > 1 and font.getlength(word) > width:
        fits = next((n for n in range(len(word) - 1, 1, -1) if font.getlength(word[:n]) <= width), 1)
        parts.append(word[:fits])
        word = word[fits:]
    return [*parts, word]


def _write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    lines: Sequence[str],
    font: Font,
    ink: tuple[int, int, int] = INK,
) -> None:
    for number, line in enumerate(lines):
        pen.text((place[0], place[1] + number * line_height(font)), line, fill=ink, font=font)

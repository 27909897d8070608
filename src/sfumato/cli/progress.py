"""A progress bar with the picture above it as the model sees it so far, in coloured half-blocks."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from rich.color import Color
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

    from sfumato.painter import Picture, Step

SPARED = 0.1
"""The share of the time that may go into previews."""

WIDEST = 32


def followed(steps: Generator[Step, None, None], console: Console, name: str) -> Picture:
    """Draw to the end, showing every step on a terminal and nothing elsewhere; gives the finished picture."""
    columns = (TextColumn(name, markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console)
    task = progress.add_task(name, total=None)
    shown, spent, started = Text(), 0.0, time.perf_counter()
    with closing(steps), Live(console=console, auto_refresh=False, transient=True) as live:
        for step in steps:
            if step.picture is not None:
                return step.picture
            before = time.perf_counter()
            if console.is_terminal and spent <= SPARED * (before - started):
                shown = half_blocks(step.preview())
                spent += time.perf_counter() - before
            progress.update(task, completed=step.index, total=step.total)
            live.update(Group(shown, progress.get_renderable()), refresh=True)
    raise RuntimeError(f"{name}: the steps ended without a picture")


def half_blocks(image: Image, *, widest: int = WIDEST) -> Text:
    """The image in characters, each one two pixels: the upper in its ink and the lower behind it."""
    scale = widest / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image.resize((width, height + height % 2)).convert("RGB")
    pixels = small.tobytes()
    text = Text(no_wrap=True)
    for row in range(0, small.height, 2):
        for column in range(width):
            upper, lower = (3 * (y * width + column) for y in (row, row + 1))
            ink, paper = (Color.from_rgb(*pixels[at : at + 3]) for at in (upper, lower))
            text.append("▀", Style(color=ink, bgcolor=paper))
        text.append("\n")
    return text

"""Where things are shown: plain and two-tone colours, and simple drawn places.

Each background is a pure function of the picture's size, drawn from a few soft shapes in units of the
picture, so it is the same at every size and on every device. Soft and uncluttered: things must stay readable.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sfumato.errors import InputError


class Canvas:
    """A picture being painted; `u` and `v` (H, W) run from 0 at the left and top to 1."""

    def __init__(self, height: int, width: int, device: torch.device | str) -> None:
        rows = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
        columns = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
        self.v = rows[:, None].expand(height, width)
        self.u = columns[None].expand(height, width)
        self.aspect = width / height
        self.sharpness = height / 1.5  # an edge is one and a half pixels soft
        self.pixels = torch.zeros(3, height, width, device=device)

    def gradient(self, top: int, bottom: int) -> None:
        """Cover everything, from 0xRRGGBB at the top to 0xRRGGBB at the bottom."""
        self.pixels = torch.lerp(self._colour(top), self._colour(bottom), self.v)

    def cover(self, inside: Tensor, top: int, bottom: int | None = None) -> None:
        """Cover where `inside` (H, W), a distance in picture heights, is positive: graded top to bottom."""
        colour = torch.lerp(self._colour(top), self._colour(top if bottom is None else bottom), self.v)
        self.pixels = torch.lerp(self.pixels, colour, (0.5 + inside * self.sharpness).clamp(0, 1))

    def below(self, line: float, swell: float = 0.0, waves: float = 1.0, phase: float = 0.0) -> Tensor:
        """The distance below a wavy horizon at height `line`."""
        return self.v - line - swell * torch.sin(2 * math.pi * (waves * self.u + phase))

    def dots(self, count: int, first: float, last: float, radius: float, colour: int) -> None:
        """Scatter dots evenly between two heights: an R2 sequence (Roberts 2018), not chance."""
        for index in range(1, count + 1):
            u, v = index * 0.7548777 % 1, first + (last - first) * (index * 0.5698403 % 1)
            size = radius * (0.6 + 0.8 * (index * 0.618034 % 1))
            distance = torch.hypot((self.u - u) * self.aspect, self.v - v)
            self.cover(size - distance, colour)

    def _colour(self, value: int) -> Tensor:
        rgb = ((value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255)
        return self.pixels.new_tensor(rgb)[:, None, None]


@dataclass(frozen=True, kw_only=True)
class Background:
    """`phrase` follows a thing in a sentence ("on a beach"), `keyword` stands in a list ("beach")."""

    name: str
    paint: Callable[[Canvas], None]
    phrase: str
    keyword: str


def background(names: Sequence[str], height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """The named backgrounds (B, 3, height, width), values 0 to 1."""
    if unknown := [name for name in names if name not in BACKGROUNDS]:
        raise InputError(f"no background is called {', '.join(unknown)}: {', '.join(BACKGROUNDS)}")
    drawn: dict[str, Tensor] = {}
    for name in dict.fromkeys(names):
        canvas = Canvas(height, width, device)
        BACKGROUNDS[name].paint(canvas)
        drawn[name] = canvas.pixels
    return torch.stack([drawn[name] for name in names])


def _plain(canvas: Canvas, top: int, bottom: int) -> None:
    canvas.gradient(top, bottom)


def _two_tone(canvas: Canvas, upper: int, lower: int) -> None:
    canvas.gradient(upper, upper)
    canvas.cover(canvas.below(0.5), lower)


def _meadow(canvas: Canvas) -> None:
    canvas.gradient(0x9AD8F8, 0xF0FAFA)
    canvas.cover(canvas.below(0.58, 0.035, 1.1, 0.1), 0xB4DCA4)
    canvas.cover(canvas.below(0.64, 0.03, 0.9, 0.55), 0xA4D488)
    canvas.cover(canvas.below(0.74, 0.02, 0.7, 0.2), 0x8CC866, 0x80BE58)
    canvas.dots(9, 0.8, 0.98, 0.009, 0xFFF4B0)


def _beach(canvas: Canvas) -> None:
    canvas.gradient(0x90D4F8, 0xF4FCFF)
    canvas.cover(canvas.below(0.48), 0x3CB4D0, 0x80E0DC)
    canvas.cover(canvas.below(0.685, 0.014, 1.4, 0.0), 0xF8FFFC)
    canvas.cover(canvas.below(0.705, 0.014, 1.4, 0.02), 0xE0C48C)
    canvas.cover(canvas.below(0.735, 0.016, 1.4, 0.03), 0xF4DCA8, 0xECCC90)


def _night(canvas: Canvas) -> None:
    canvas.gradient(0x10143C, 0x485090)
    canvas.dots(26, 0.02, 0.74, 0.0055, 0xE8E8D0)
    canvas.cover(canvas.below(0.84, 0.025, 1.0, 0.3), 0x2A3064)
    canvas.cover(canvas.below(0.9, 0.02, 0.8, 0.8), 0x1A2048)


def _snow(canvas: Canvas) -> None:
    canvas.gradient(0xA8C8E4, 0xE0ECF6)
    canvas.cover(canvas.below(0.62, 0.035, 0.9, 0.6), 0xD4E4F2)
    canvas.cover(canvas.below(0.7, 0.03, 0.8, 0.15), 0xF0F6FC, 0xE4EEF8)
    canvas.cover(canvas.below(0.83, 0.02, 1.0, 0.5), 0xFCFEFF)
    canvas.dots(24, 0.02, 0.66, 0.008, 0xFFFFFF)


def _sea(canvas: Canvas) -> None:
    canvas.gradient(0xB8E4FC, 0xF8F4E8)
    for index, colour in enumerate((0x78C4E4, 0x58ACD8, 0x4094C8, 0x307CB4)):
        line = 0.5 + 0.13 * index
        canvas.cover(canvas.below(line, 0.008 + 0.004 * index, 4 - 0.6 * index, 0.3 * index), colour)


def _desert(canvas: Canvas) -> None:
    canvas.gradient(0xFCE0A4, 0xFFF0D4)
    canvas.cover(canvas.below(0.6, 0.045, 0.8, 0.4), 0xF0C080)
    canvas.cover(canvas.below(0.68, 0.04, 0.9, 0.9), 0xE4AC68, 0xE8B474)
    canvas.cover(canvas.below(0.82, 0.025, 0.7, 0.2), 0xD8985C)


def _forest(canvas: Canvas) -> None:
    canvas.gradient(0xC8E8C8, 0xECF6D8)
    for index, (colour, trunks) in enumerate(((0xBCDEBC, 4.0), (0xA4D0A8, 3.0))):
        offset = (canvas.u * trunks + 0.37 * index + 0.25) % 1 - 0.5
        trunk = 0.02 + 0.008 * index + 0.02 * (canvas.v - 0.5).clamp(min=0)
        canvas.cover(trunk - offset.abs() * canvas.aspect / trunks, colour)
        canvas.cover(-canvas.below(0.15 - 0.06 * index, 0.03, trunks, 0.4 * index), colour)
    canvas.cover(canvas.below(0.76, 0.015, 1.2, 0.1), 0x94BC70, 0x84B064)
    canvas.cover(canvas.below(0.86, 0.02, 0.8, 0.6), 0x78A458)


def _sunset(canvas: Canvas) -> None:
    canvas.gradient(0x7C60B0, 0xFFC078)
    halo = torch.hypot((canvas.u - 0.5) * canvas.aspect, canvas.v - 0.78)
    canvas.pixels = torch.lerp(
        canvas.pixels, canvas.pixels.new_ones(()), 0.45 * torch.exp(-9 * halo.square())
    )
    canvas.cover(canvas.below(0.78, 0.03, 1.2, 0.2), 0x9C5C84)
    canvas.cover(canvas.below(0.87, 0.025, 0.9, 0.7), 0x68406C)


_PLAIN: dict[str, tuple[int, int]] = {
    "white": (0xFFFFFF, 0xECECEE),
    "pink": (0xFFD6E4, 0xF4BCCE),
    "yellow": (0xFFF3AA, 0xF2DF92),
    "green": (0xC8F4D4, 0xA4DCB8),
    "light blue": (0xB4E2FE, 0x9CCAE6),
    "lavender": (0xE0D6FE, 0xC8BCE6),
    "gray": (0xC8C8CC, 0xB0B0B6),
    "dark blue": (0x262E68, 0x1A2050),
}

_TWO_TONE = (
    ("pink", "yellow"),
    ("light blue", "green"),
    ("lavender", "pink"),
    ("yellow", "light blue"),
    ("dark blue", "lavender"),
)


def _on(name: str, paint: Callable[[Canvas], None]) -> Background:
    """A background that is a colour or two."""
    return Background(name=name, paint=paint, phrase=f"on a {name} background", keyword=f"{name} background")


def _place(name: str, paint: Callable[[Canvas], None], phrase: str) -> Background:
    return Background(name=name, paint=paint, phrase=phrase, keyword=name)


_ALL: tuple[Background, ...] = (
    *(_on(name, partial(_plain, top=top, bottom=bottom)) for name, (top, bottom) in _PLAIN.items()),
    *(
        _on(f"{upper} and {lower}", partial(_two_tone, upper=_PLAIN[upper][0], lower=_PLAIN[lower][0]))
        for upper, lower in _TWO_TONE
    ),
    _place("meadow", _meadow, "in a meadow"),
    _place("beach", _beach, "on a beach"),
    _place("night sky", _night, "at night"),
    _place("snow", _snow, "in the snow"),
    _place("sea", _sea, "at sea"),
    _place("desert", _desert, "in the desert"),
    _place("forest", _forest, "in a forest"),
    _place("sunset", _sunset, "at sunset"),
)

BACKGROUNDS: dict[str, Background] = {each.name: each for each in _ALL}

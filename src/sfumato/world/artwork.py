"""The pixels of the sprites, cut from the Noto Color Emoji font (SIL Open Font Licence).

The font is needed for training and measuring only, never for drawing with the embedded model.
Read `colours.py` next for tinting what this gives.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

from sfumato.errors import InputError, MissingExtra
from sfumato.world.sprites import BY_NAME

_FILE = "NotoColorEmoji.ttf"
_PLACES = (
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/noto",
    "/usr/share/fonts/google-noto-emoji",
    "/usr/share/fonts/google-noto-color-emoji-fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
)
_STRIKE = 109  # the only size at which the font has bitmaps: 136x128 pixels


def find_font(font: Path | None = None) -> Path:
    """The emoji font's file: `font` itself if given, else the first of the usual places that has it.

    Raises `MissingExtra`, with the command that installs it, where there is none.
    """
    wanted = [font] if font is not None else [Path(place).expanduser() / _FILE for place in _PLACES]
    for path in wanted:
        if path.is_file():
            return path
    where = f" at {font}" if font is not None else ""
    raise MissingExtra(f"the emoji font {_FILE}{where}", "apt-get install fonts-noto-color-emoji")


def artwork(names: Sequence[str], extent: int, font: Path | None = None) -> Tensor:
    """The named sprites as straight-alpha RGBA tiles (N, 4, extent, extent) in 0..1, on the CPU.

    Each is centred and its longest side fills the tile but for one transparent pixel all round.
    """
    if extent < 8:
        raise InputError(f"extent {extent} is too small for a sprite: at least 8")
    if unknown := [name for name in names if name not in BY_NAME]:
        raise InputError(f"no sprite is called {', '.join(unknown)}")
    bitmaps = ImageFont.truetype(str(find_font(font)), _STRIKE)
    tiles = [_fitted(_glyph(bitmaps, BY_NAME[name].codepoint), extent) for name in names]
    return torch.stack(tiles) if tiles else torch.zeros(0, 4, extent, extent)


def _glyph(bitmaps: ImageFont.FreeTypeFont, character: str) -> Tensor:
    """The glyph's bitmap (4, h, w) with premultiplied alpha, cropped to what is visible of it."""
    canvas = Image.new("RGBA", (160, 160))
    ImageDraw.Draw(canvas).text((0, 0), character, font=bitmaps, embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        raise InputError(f"the font has no glyph for {character!r} (U+{ord(character[0]):X})")
    pixels = np.array(canvas.crop(box), dtype=np.float32) / 255
    straight = torch.tensor(pixels).permute(2, 0, 1)
    return torch.cat([straight[:3] * straight[3:], straight[3:]])


def _fitted(glyph: Tensor, extent: int) -> Tensor:
    """The premultiplied glyph, resized and centred in a straight-alpha tile (4, extent, extent)."""
    height, width = glyph.shape[1:]
    scale = (extent - 2) / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = interpolate(glyph[None], size=size, mode="bicubic", antialias=True)[0]
    alpha = small[3:].clamp(0, 1)
    colour = torch.where(alpha > 1e-3, small[:3] / alpha.clamp(min=1e-3), 0).clamp(0, 1)
    tile = torch.zeros(4, extent, extent)
    top, left = (extent - size[0]) // 2, (extent - size[1]) // 2
    tile[:, top : top + size[0], left : left + size[1]] = torch.cat([colour, alpha])
    return tile

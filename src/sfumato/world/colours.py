"""The colour words of the picture world, and tinting: one sprite in any colour, still recognisable.

A tint keeps only a sprite's lightness, measured against its own mean and spread, and reads it off a ramp
from the word's dark shade over its body colour to its light tint. So a white cloud and a black penguin both
become as red as each other, and keep their lines and highlights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sfumato.errors import InputError

RGB = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Colour:
    """A colour word's ramp, sRGB in 0..1; `body` is the reference that measurements compare with."""

    shade: RGB
    body: RGB
    light: RGB
    synonyms: tuple[str, ...] = ()


def _ramp(shade: int, body: int, light: int, *synonyms: str) -> Colour:
    """A colour from three 0xRRGGBB numbers."""

    def rgb(value: int) -> RGB:
        return (value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255

    return Colour(shade=rgb(shade), body=rgb(body), light=rgb(light), synonyms=synonyms)


COLOURS: dict[str, Colour] = {
    "red": _ramp(0x5C0008, 0xE0202A, 0xFFA8A0),
    "orange": _ramp(0x7A3000, 0xFB8210, 0xFFD9A0),
    "yellow": _ramp(0x8A6400, 0xFCD816, 0xFFF8C0),
    "green": _ramp(0x0A4414, 0x28A83C, 0xB4F0AE),
    "blue": _ramp(0x0A1464, 0x2860E8, 0xA8CCFF),
    "purple": _ramp(0x30085C, 0x8830C8, 0xDCB4FA, "violet"),
    "pink": _ramp(0x98205C, 0xFF80B8, 0xFFDCEC),
    "brown": _ramp(0x2C1404, 0x8A5028, 0xD8B088),
    "black": _ramp(0x000000, 0x202024, 0x74747C),
    "white": _ramp(0x989CA8, 0xF2F3F6, 0xFFFFFF),
    "gray": _ramp(0x303236, 0x8C8E94, 0xD8DADE, "grey"),
}

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_FLATTEST = 0.1  # a sprite of one even tone is not stretched into noise


def tint(rgba: Tensor, colour: str) -> Tensor:
    """The sprites rgba (N, 4, H, W), straight alpha, recoloured with the named colour; alpha is unchanged."""
    if colour not in COLOURS:
        raise InputError(f"{colour!r} is not a colour of the world: {', '.join(COLOURS)}")
    ramp = COLOURS[colour]
    return _through(_tone(rgba), ramp, rgba[:, 3:])


def tint_all(rgba: Tensor) -> Tensor:
    """The sprites rgba (N, 4, H, W) in every colour, in the order of `COLOURS`: (colours, N, 4, H, W)."""
    tone = _tone(rgba)
    return torch.stack([_through(tone, ramp, rgba[:, 3:]) for ramp in COLOURS.values()])


def references(device: torch.device | str = "cpu") -> Tensor:
    """The body colour of every word, in the order of `COLOURS`: (colours, 3)."""
    return torch.tensor([colour.body for colour in COLOURS.values()], device=device)


def _tone(rgba: Tensor) -> Tensor:
    """Lightness (N, 1, H, W), per sprite: its mean is at 0.5, two standard deviations off at 0 and 1."""
    weights = rgba.new_tensor(_LUMA)[None, :, None, None]
    luma = (rgba[:, :3] * weights).sum(1, keepdim=True)
    alpha = rgba[:, 3:]
    area = alpha.sum((2, 3), keepdim=True).clamp(min=1e-6)
    mean = (luma * alpha).sum((2, 3), keepdim=True) / area
    variance = ((luma - mean).square() * alpha).sum((2, 3), keepdim=True) / area
    return (0.5 + (luma - mean) / (4 * variance.sqrt().clamp(min=_FLATTEST))).clamp(0, 1)


def _through(tone: Tensor, ramp: Colour, alpha: Tensor) -> Tensor:
    """The tone (N, 1, H, W) read off the ramp, with the alpha put back: (N, 4, H, W)."""
    shade, body, light = (
        tone.new_tensor(colour)[None, :, None, None] for colour in (ramp.shade, ramp.body, ramp.light)
    )
    below = torch.lerp(shade, body, (2 * tone).clamp(max=1))
    above = torch.lerp(body, light, (2 * tone - 1).clamp(min=0))
    return torch.cat([torch.where(tone < 0.5, below, above), alpha], dim=1)

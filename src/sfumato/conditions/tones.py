"""A picture without its outlines or without its colours: luminance, blur, a grid of colours."""

from __future__ import annotations

from PIL import Image, ImageFilter

from sfumato.errors import InputError


def luminance(picture: Image.Image) -> Image.Image:
    """The picture in grays, as television weighs red, green and blue (ITU-R BT.601)."""
    return picture.convert("L").convert("RGB")


def blur(picture: Image.Image, *, shrink: float = 4, radius: float = 0) -> Image.Image:
    """The picture without detail, as tile controls read it: made ``shrink`` times smaller and large again.

    ``radius``, in pixels, blurs what came of that by a Gaussian.
    """
    if not 1 <= shrink <= 64 or not 0 <= radius <= 200:
        raise InputError(
            f"blur's shrink={shrink:g}, radius={radius:g}: they are 1 to 64, and 0 to 200 pixels"
        )
    small = [max(1, round(side / shrink)) for side in picture.size]
    away = picture.resize((small[0], small[1]), Image.Resampling.BOX)
    back = away.resize(picture.size, Image.Resampling.BICUBIC)
    return back.filter(ImageFilter.GaussianBlur(radius)) if radius else back


def palette(picture: Image.Image, *, cell: int = 64) -> Image.Image:
    """A grid of squares, ``cell`` pixels wide, each in the mean colour of what it covers.

    T2I-Adapter's colour network was trained on cells of 64 pixels (arXiv 2302.08453).
    """
    if not 1 <= cell <= 4096:
        raise InputError(f"palette's cell={cell}: it is 1 to 4096 pixels")
    grid = [max(1, round(side / cell)) for side in picture.size]
    few = picture.resize((grid[0], grid[1]), Image.Resampling.BOX)
    return few.resize(picture.size, Image.Resampling.NEAREST)

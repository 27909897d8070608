"""Pictures and masks that come in base64, as A1111 means them: resized, inverted, blurred, filled."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from sfumato.errors import InputError
from sfumato.pictures import received
from sfumato.serve.encoding import png_of
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import ImageToImage

BLUR = 4.0
"""Of a mask's edge where nothing is said, in pixels: A1111's own."""

OPAQUE = 128

STRETCH, CROP, FILL, LATENT = range(4)
"""Values of ``resize_mode``."""

AROUND, ORIGINAL = 0, 1
"""Values of ``inpainting_fill``; the others begin from noise."""

FILLED_FROM = (64, 32, 16, 8, 4, 2)
"""Widths of the blurs, in pixels, that colours are carried by into a hole, the widest first."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one picture that is sent."""

    most_bytes: int
    most_pixels: int


def bytes_of(text: str, limits: Limits, *, param: str) -> bytes:
    """The file in base64 or a data: URL. Raises Refused; nothing is ever fetched."""
    if text[:8].lower().startswith(("http:", "https:")):
        raise Refused(
            422, f"{param} is a URL, and nothing is fetched here: send the picture in base64", param=param
        )
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(422, f"{param} is not base64 of a picture: {error}", param=param) from error
    if not data:
        raise Refused(422, f"{param} is empty: send a picture in base64", param=param)
    if len(data) > limits.most_bytes:
        told = f"{param} has {len(data):,} bytes, more than {limits.most_bytes:,}: make it smaller"
        raise Refused(413, told, param=param)
    return data


def picture_of(text: str, limits: Limits, *, param: str) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in base64, in mode L, RGB or RGBA, and what was decided on the way. Raises Refused."""
    try:
        return received(bytes_of(text, limits, param=param), most_pixels=limits.most_pixels)
    except InputError as error:
        raise Refused(422, f"{param}: {error}", param=param) from error


def mask_of(text: str, asked: ImageToImage, limits: Limits) -> tuple[Image.Image, tuple[str, ...]]:
    """The mask in mode L, white where it is painted, not blurred yet. Raises Refused.

    Of a mask with clear parts A1111 paints what is opaque, whatever its colour.
    """
    image, notes = picture_of(text, limits, param="mask")
    mask = image.convert("L")
    if image.mode == "RGBA":
        opaque = np.asarray(image.getchannel("A")) > OPAQUE
        mask = Image.fromarray(opaque.astype(np.uint8) * 255)
    return ImageOps.invert(mask) if asked.inpainting_mask_invert else mask, notes


def blurred(mask: Image.Image, asked: ImageToImage) -> Image.Image:
    """The mask with soft edges."""
    both = BLUR if asked.mask_blur is None else asked.mask_blur
    across = both if asked.mask_blur_x is None else asked.mask_blur_x
    along = both if asked.mask_blur_y is None else asked.mask_blur_y
    return mask.filter(ImageFilter.GaussianBlur((across, along))) if across or along else mask


def resized(image: Image.Image, size: tuple[int, int] | None, mode: int) -> Image.Image:
    """The picture at ``size``, as ``resize_mode`` says; one that is stretched is left to the engine."""
    if size is None or size == image.size or mode in (STRETCH, LATENT):
        return image
    if mode == CROP:
        return ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    inside = ImageOps.contain(image, size, Image.Resampling.LANCZOS)
    left, top = (size[0] - inside.width) // 2, (size[1] - inside.height) // 2
    whole = inside.resize(size, Image.Resampling.BOX, box=_edges(inside, size))
    whole.paste(inside, (left, top))
    return whole


def _edges(image: Image.Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The row or column that is drawn out to fill: the middle one, so that it looks like the picture."""
    if image.height < size[1]:
        return 0, image.height // 2, image.width, image.height // 2 + 1
    return image.width // 2, 0, image.width // 2 + 1, image.height


def filled(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture, its masked part in the colours of what lies around, from near to far."""
    kept = 1 - np.asarray(mask.resize(image.size), dtype=np.float32)[..., None] / 255
    picture = np.asarray(image.convert("RGB"), dtype=np.float32)
    if not kept.any():
        return image
    colours = np.broadcast_to((picture * kept).sum((0, 1)) / kept.sum((0, 1)), picture.shape).copy()
    for width in FILLED_FROM:
        share = _blur(kept, width)
        near = _blur(picture * kept, width) / np.maximum(share, 1e-6)
        trust = np.clip(share * 8, 0, 1)
        colours = colours * (1 - trust) + near * trust
    out = picture * kept + colours * (1 - kept)
    return Image.fromarray(out.round().clip(0, 255).astype(np.uint8))


def _blur(values: np.ndarray, width: int) -> np.ndarray:
    """Values (H, W, C), each channel blurred."""
    channels = [Image.fromarray(values[..., index]) for index in range(values.shape[2])]
    return np.stack([np.asarray(_soft(channel, width)) for channel in channels], axis=-1)


def _soft(channel: Image.Image, width: int) -> Image.Image:
    """A blur of floats, which Pillow's filters do not take: made small, and large again."""
    size = (max(1, channel.width // width), max(1, channel.height // width))
    small = channel.resize(size, Image.Resampling.BOX)
    return small.resize(channel.size, Image.Resampling.BILINEAR)


def file_of(image: Image.Image) -> bytes:
    """The picture as a file that is brought as an upload is."""
    return png_of(image)

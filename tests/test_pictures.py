"""Pictures that people bring are opened upright, in eight bits, or refused in one line."""

import contextlib
import os
import random
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import pictures
from sfumato.errors import InputError
from sfumato.pictures import (
    READ,
    decoded,
    opened,
    opened_mask,
    opened_mask_with_notes,
    opened_with_notes,
    tensor_of,
)

PICTURE = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(2, 8, 3) * 5)
FRAMES = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]


def png(header: bytes, rows: bytes) -> bytes:
    """A PNG written by hand: Pillow writes neither colours of sixteen bits nor lies."""
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    written = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def of_one_colour(image: Image.Image) -> tuple[int, ...]:
    """The picture's only colour, within what JPEG and WebP lose."""
    pixels = np.asarray(image).reshape(-1, 3).astype(int)
    assert np.ptp(pixels, axis=0).max() <= 2
    return tuple(pixels[0].tolist())


def test_a_file_and_a_picture_are_the_same(tmp_path):
    PICTURE.save(tmp_path / "a.png")
    assert opened(tmp_path / "a.png").tobytes() == opened(PICTURE).tobytes() == PICTURE.tobytes()


def test_a_picture_is_turned_as_its_camera_was(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    PICTURE.save(tmp_path / "a.png", exif=exif)
    assert opened(tmp_path / "a.png").tobytes() == PICTURE.transpose(Image.Transpose.ROTATE_270).tobytes()


def test_what_is_clear_is_white():
    clear = Image.new("RGBA", (2, 2), (200, 0, 0, 0))
    assert opened(clear).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (2, 2), 3)
    palette.info["transparency"] = 3
    assert opened(palette).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_become_eight():
    deep = Image.fromarray(np.array([[0, 257 * 200, 65535]], dtype=np.uint16))
    assert np.asarray(opened(deep))[0, :, 0].tolist() == [0, 200, 255]


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "F", "LA", "RGBA", "RGBa", "La", "PA"]
)
def test_every_mode_becomes_rgb_and_keeps_what_it_shows(mode):
    gray = Image.new("L", (5, 3), 255)
    gray.paste(0, (0, 0, 2, 3))
    between = {"La": "LA", "RGBa": "RGBA", "PA": "P", "HSV": "RGB", "YCbCr": "RGB", "CMYK": "RGB"}.get(
        mode, "L"
    )
    there = gray.convert(between).convert(mode)
    image = opened(there)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image)[..., 1].astype(int) - np.asarray(gray)).max() <= 1


@pytest.mark.parametrize("kind", READ)
def test_every_kind_that_is_named_is_read(tmp_path, kind):
    path = tmp_path / f"a.{kind.lower()}"
    Image.new("RGB", (16, 16), (250, 120, 10)).save(path, kind)
    colour = of_one_colour(opened(path))
    assert np.abs(np.array(colour) - (250, 120, 10)).max() <= 4


def test_inverted_cmyk_as_adobe_writes_it_is_read_as_it_looks(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg")  # Pillow writes it Adobe's way
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    red, green, blue = of_one_colour(opened(tmp_path / "a.jpg"))
    assert (red > 250, green < 5, blue < 5) == (True, True, True)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_is_read_and_told(tmp_path, kind):
    path = tmp_path / f"a.{kind.lower()}"
    FRAMES[0].save(path, kind, save_all=True, append_images=FRAMES[1:])
    image, notes = opened_with_notes(path)
    red, green, blue = of_one_colour(image)
    assert (red > 250, green < 5, blue < 5) == (True, True, True)
    assert notes == (f"{path.name}: it is animated; its first frame is read",)
    FRAMES[0].save(path, kind)
    assert opened_with_notes(path).notes == ()


def test_of_a_file_with_pages_the_first_is_read_and_told(tmp_path):
    FRAMES[0].save(tmp_path / "a.tif", save_all=True, append_images=FRAMES[1:])
    image, notes = opened_with_notes(tmp_path / "a.tif")
    assert of_one_colour(image) == (255, 0, 0)
    assert notes == ("a.tif: it has pages; the first is read",)


def test_thousands_of_frames_cost_as_much_as_one(tmp_path):
    frames = [Image.new("L", (64, 64), number % 250) for number in range(2000)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    start = time.perf_counter()
    assert opened_with_notes(tmp_path / "a.gif").notes
    assert time.perf_counter() - start < 0.5


def test_a_second_frame_that_is_damaged_does_not_harm_the_first(tmp_path):
    FRAMES[0].save(tmp_path / "a.gif", save_all=True, append_images=FRAMES[1:])
    whole = (tmp_path / "a.gif").read_bytes()
    second = whole.index(b"\x21\xf9", whole.index(b"\x2c"))
    (tmp_path / "a.gif").write_bytes(whole[: second + 3])
    assert of_one_colour(opened(tmp_path / "a.gif"))[1:] == (0, 0)


@pytest.mark.parametrize(
    ("values", "shown", "white"),
    [
        ([0, 0.5, 1], [0, 128, 255], 1),
        ([0, 100, 255], [0, 100, 255], 255),
        ([0, 257, 65535], [0, 1, 255], 65535),
    ],
)
def test_floats_are_read_by_their_range_which_is_told(tmp_path, values, shown, white):
    Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "a.tif")
    image, (note,) = opened_with_notes(tmp_path / "a.tif")
    assert np.asarray(image)[0, :, 0].tolist() == shown
    assert f"{white} was taken for white" in note


@pytest.mark.parametrize(
    ("values", "what"), [([0, 1e9], "from 0 to 1e"), ([-5, 3], "from -5"), ([0, np.nan], "finite")]
)
def test_values_of_no_known_range_are_refused(values, what):
    with pytest.raises(InputError, match=what):
        opened(Image.fromarray(np.array([values], dtype=np.float32)))


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_are_read_in_either_order_of_bytes(tmp_path, order):
    rows = np.array([[0, 257 * 100, 65535]], dtype=order)
    mode = "I;16" if order == "<u2" else "I;16B"
    Image.frombytes(mode, (3, 1), rows.tobytes()).save(tmp_path / "a.tif")
    assert np.asarray(opened(tmp_path / "a.tif"))[0, :, 0].tolist() == [0, 100, 255]


def test_colours_of_sixteen_bits_keep_their_upper_eight(tmp_path):
    rows = b"\0" + struct.pack(">6H", 65535, 257 * 100, 0, 0, 0, 65535)
    (tmp_path / "a.png").write_bytes(png(struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0), rows))
    assert np.asarray(opened(tmp_path / "a.png")).tolist() == [[[255, 100, 0], [0, 0, 255]]]


def test_what_lies_behind_clear_parts_can_be_chosen_and_is_told():
    half = Image.new("RGBA", (4, 2), (200, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 2, 2))
    image, notes = opened_with_notes(half, on="black")
    assert image.getpixel((0, 0)) == (0, 0, 0)
    assert image.getpixel((3, 0)) == (200, 0, 0)
    assert notes == ("it is clear in 50% of its pixels: black lies behind",)
    assert opened_with_notes(Image.new("RGBA", (1, 1))).notes == (
        "it is clear everywhere: white lies behind",
    )
    assert opened_with_notes(Image.new("RGBA", (1, 1), "red")).notes == ()


def test_damaged_data_of_the_camera_do_not_harm_the_picture(tmp_path):
    PICTURE.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense")
    assert opened(tmp_path / "a.jpg").size == PICTURE.size


def test_a_mask_whose_hole_is_clear_is_painted_there_and_told():
    holed = PICTURE.convert("RGBA")
    holed.paste((0, 0, 0, 0), (0, 0, 4, 2))
    mask, (note,) = opened_mask_with_notes(holed)
    assert np.asarray(mask)[0].tolist() == [255] * 4 + [0] * 4
    assert "clear part is what gets painted" in note


def test_white_drawn_on_nothing_is_painted_where_it_is_white_and_told():
    drawn = Image.new("RGBA", (8, 2))
    drawn.paste((255, 255, 255, 255), (0, 0, 3, 2))
    drawn.paste((0, 0, 0, 255), (3, 0, 4, 2))
    mask, (note,) = opened_mask_with_notes(drawn)
    assert np.asarray(mask)[0].tolist() == [255] * 3 + [0] * 5
    assert "clear part is kept" in note


def test_black_drawn_on_nothing_keeps_where_it_is_black():
    drawn = Image.new("RGBA", (4, 1))
    drawn.paste((0, 0, 0, 255), (0, 0, 2, 1))
    assert np.asarray(opened_mask(drawn))[0].tolist() == [0, 0, 255, 255]


def test_a_mask_that_is_opaque_is_its_gray_whether_it_could_be_clear_or_not():
    gray = Image.new("L", (2, 1), 90)
    assert opened_mask_with_notes(gray.convert("RGBA")) == opened_mask_with_notes(gray) == (gray, ())


def test_a_mask_is_gray_and_tensors_are_shares():
    mask = tensor_of(opened_mask(Image.new("RGB", (4, 2), "white")))
    assert mask.shape == (1, 1, 2, 4)
    assert mask.unique().tolist() == [1.0]
    picture = tensor_of(PICTURE)
    assert picture.shape == (1, 3, 2, 8)
    assert torch.equal((picture[0, :, 0, 1] * 255).round(), torch.tensor([15.0, 20.0, 25.0]))


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 10)
    PICTURE.save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:45])  # its pixels are not even there
    with pytest.raises(InputError, match="8x2 pixels, more than 10"):
        opened(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("absent.png", None, "No such file"),
        ("text.png", b"not a picture", "it is text"),
        ("a.svg", b"\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        ("b.svg", b"<?xml version='1.0'?><svg/>", "an SVG drawing"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC photo"),
        ("b.heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC photo"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        ("a.psd", b"8BPS\0\x01", "a Photoshop document"),
        ("a.mp4", b"\0\0\0\x20ftypisom", "a video"),
        ("empty.png", b"", "it is empty"),
        ("noise.png", bytes(range(255, 128, -1)), "no picture, or a damaged one"),
        ("folder", "folder", "it is a folder"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line_that_says_what_it_is(tmp_path, name, content, why):
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught:
        opened(tmp_path / name)
    assert why in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_file_that_was_cut_is_refused(tmp_path, kind):
    path = tmp_path / "cut"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cannot be read"):
        opened(path)


def test_nothing_to_see_is_refused():
    with pytest.raises(InputError, match="0x4 pixels"):
        opened(Image.new("RGB", (0, 4)))


@pytest.mark.parametrize("side", [9500, 30000])
def test_a_bomb_is_refused_without_a_warning(tmp_path, side):
    """A few bytes that say they are 90 or 900 million pixels: at 90 Pillow warns, at 900 it stops."""
    path = tmp_path / "a.png"
    path.write_bytes(png(struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), b""))
    with pytest.raises(InputError, match=r"64,000,000.*make it smaller"):
        opened(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="it is no file"):
        opened(tmp_path / "pipe.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "TGA", "ICO", "PPM", "QOI"])
def test_damaged_files_are_pictures_or_errors_of_ours_and_never_warn(tmp_path, kind):
    chance = random.Random(kind)
    path = tmp_path / "a"
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(path, kind)
    whole, read = path.read_bytes(), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8, 30])):
            damaged[chance.randrange(min(len(damaged), chance.choice([40, 400, 10**6])))] = chance.randrange(
                256
            )
        path.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(1, len(damaged))])])
        with contextlib.suppress(InputError):
            assert opened(path).mode == "RGB"
            read += 1
    assert 0 < read < 150


def test_what_is_decoded_keeps_its_depth(tmp_path):
    Image.fromarray(np.array([[0, 1000, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert np.asarray(decoded(tmp_path / "a.png").image).ravel().tolist() == [0, 1000, 65535]

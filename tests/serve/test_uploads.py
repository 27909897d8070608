"""Uploads: what is a picture, by its bytes; what is kept of it; whose it is."""

import io
import os
import struct
import time
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from sfumato.errors import InputError
from sfumato.pictures import opened, opened_mask, received
from sfumato.provenance.recipe import pixel_digest
from sfumato.serve.allowance import make_room
from sfumato.serve.refused import Refused
from sfumato.serve.settings import Limits
from sfumato.serve.store.folder import Folder
from sfumato.serve.uploads import forget, kept, lay, owned

LIMITS = Limits(upload_bytes=200_000, upload_pixels=10_000)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "gallery")


def picture(mode="RGB", size=(12, 8)):
    generator = np.random.default_rng(3)
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = generator.integers(0, 255, size[0] * size[1] * bands, dtype=np.uint8)
    return Image.frombytes(mode, size, values.tobytes())


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width, height, data=b""):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", saved(picture()))
    return file.getvalue()


REFUSED = {
    "nothing": (b"", "empty"),
    "text": (b"hello there", "text"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "text"),
    "HTML behind a byte order mark": ("\ufeff\n<html>".encode(), "text"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
    "SVG with an XML line": (b'<?xml version="1.0"?><svg/>', "SVG"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n\xff", "PostScript"),
    "ZIP": (zipped(), "archive"),
    "a video": (b"\0\0\0\x18ftypmp42" + b"\0" * 40, "video"),
    "a phone's HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 40, "HEIC"),
    "half a PNG": (saved(picture())[:60], "no picture"),
    "a PNG's head alone": (b"\x89PNG\r\n\x1a\n", "no picture"),
    "noise": (bytes(range(128, 256)), "no picture"),
    "Targa, which has no mark of its own": (saved(picture(), "TGA"), "no picture"),
    "many bytes": (b"\x89PNG" + b"\0" * 200_000, "200,000"),
    "a PNG that says it is huge": (png_claiming(60_000, 60_000), "pixels"),
    "a PNG above the limit": (png_claiming(101, 100, b"\0" * 30_400), "10,000"),
    "a GIF above the limit": (saved(picture("L").resize((101, 100)), "GIF"), "10,000"),
    "a WebP above the limit": (saved(picture().resize((101, 100)), "WEBP"), "10,000"),
    "a JPEG above the limit": (saved(picture().resize((101, 100)), "JPEG"), "10,000"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_to_draw_from_is_refused_with_the_way_out(folder, name):
    data, says = REFUSED[name]
    with pytest.raises(InputError, match=says) as told:
        kept(data, folder, LIMITS, client="local")
    assert any(way in str(told.value) for way in ("export it as PNG", "name a PNG", "make it smaller"))
    assert str(folder.path) not in str(told.value)
    assert not list((folder.path / "uploads").rglob("*"))


def test_a_frame_that_grows_out_of_its_gif_is_not_decoded(folder):
    gif = bytearray(saved(Image.new("P", (8, 8)), "GIF"))
    at = gif.index(b"\x2c")  # the first frame's head: left, top, width, height
    gif[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(InputError, match="pixels"):
        kept(bytes(gif), folder, LIMITS, client="local")


def test_a_bomb_costs_no_memory(folder):
    import tracemalloc

    bomb = png_claiming(9_000, 9_000, b"\0" * 20_000_000)
    assert len(bomb) < 30_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="pixels"):
            kept(bomb, folder, LIMITS, client="local")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_packed_texts_are_no_bombs_either(folder):
    bomb = saved(picture())
    packed = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 100_000_000))
    with pytest.raises(InputError, match="cannot be read"):
        kept(bomb[:33] + packed + bomb[33:], folder, Limits(), client="local")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_picture_is_known_by_its_bytes(folder, kind):
    if kind == "AVIF" and "AVIF" not in Image.registered_extensions().values():
        pytest.xfail("this Pillow has no AVIF")
    told = kept(saved(picture(), kind), folder, LIMITS, client="local")
    path = owned(told.digest, folder, client="local")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (12, 8))
        assert pixel_digest(image) == told.digest
    assert path.name == f"{told.digest}.png"


def test_nothing_but_pixels_is_kept(folder):
    exif = Image.Exif()
    exif[0x010E], exif[0x8825] = "taken at anna's", {1: "N", 2: (52.0, 31.0, 0.0)}
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a secret prompt")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(picture(), exif=exif, pnginfo=texts, icc_profile=profile, dpi=(300, 300))
    data += b"<script>alert(1)</script>"
    told = kept(data, folder, LIMITS, client="local")
    written = owned(told.digest, folder, client="local").read_bytes()
    names, at = [], 8
    while at < len(written):
        (length,) = struct.unpack(">I", written[at : at + 4])
        names.append(written[at + 4 : at + 8])
        at += length + 12
    assert {*names} == {b"IHDR", b"IDAT", b"IEND"}
    with Image.open(io.BytesIO(written)) as image:
        assert image.tobytes() == picture().tobytes()


def test_a_phone_s_picture_stands_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    told = kept(saved(picture(), exif=exif), folder, LIMITS, client="local")
    assert (told.width, told.height) == (8, 12)


def test_an_animation_is_its_first_frame_and_says_so(folder):
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        told = kept(data, folder, LIMITS, client="local")
        assert "first frame" in " ".join(told.notes)
        with Image.open(owned(told.digest, folder, client="local")) as image:
            red, _, blue = image.convert("RGB").getpixel((0, 0))
            assert red > 200 > 50 > blue


def swapped_profile():
    """sRGB's, but that its red is blue and its blue red."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "Odd1".encode("utf-16-be"))


def test_a_colour_profile_is_applied(folder):
    told = kept(
        saved(Image.new("RGB", (4, 4), "red"), icc_profile=swapped_profile()), folder, LIMITS, client="local"
    )
    assert "turned from" in told.notes[0]
    with Image.open(owned(told.digest, folder, client="local")) as image:
        red, green, blue = image.getpixel((0, 0))
        assert blue > 240
        assert red + green < 20
    clear = saved(Image.new("RGBA", (4, 4), (255, 0, 0, 60)), icc_profile=swapped_profile())
    assert received(clear).image.getpixel((0, 0))[3] == 60


def test_a_colour_profile_that_cannot_be_read_is_told(folder):
    swapped = ImageCms.createProfile("LAB")
    data = saved(picture(), icc_profile=ImageCms.ImageCmsProfile(swapped).tobytes())
    assert "colour profile cannot be read" in kept(data, folder, LIMITS, client="local").notes[0]
    assert (
        "cannot be read"
        in kept(saved(picture(), icc_profile=b"none"), folder, LIMITS, client="local").notes[0]
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16"])
def test_picture_and_mask_are_read_from_an_upload_as_from_the_file(tmp_path, folder, mode):
    if mode == "I;16":
        image = Image.fromarray((np.arange(96, dtype=np.uint16) * 600).reshape(8, 12))
    elif mode in ("1", "P", "CMYK"):
        image = picture().convert(mode)
    else:
        image = picture(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    path = tmp_path / f"brought.{kind.lower()}"
    image.save(path)
    told = kept(path.read_bytes(), folder, LIMITS, client="local")
    laid = owned(told.digest, folder, client="local")
    assert opened(laid).tobytes() == opened(path).tobytes()
    assert opened_mask(laid).tobytes() == opened_mask(path).tobytes()


def test_what_is_clear_stays_clear_for_masks():
    hole = Image.new("RGBA", (12, 8), "red")
    hole.paste((0, 0, 0, 0), (0, 0, 6, 8))
    image = received(saved(hole)).image
    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0
    assert received(saved(Image.new("RGBA", (4, 4), "red"))).image.mode == "RGB"


def test_a_picture_is_its_senders_alone(folder):
    told = kept(saved(picture()), folder, LIMITS, client="anna")
    assert owned(told.digest, folder, client="bert") is None
    again = kept(saved(picture(), "BMP"), folder, LIMITS, client="bert")
    assert again.digest == told.digest
    assert owned(told.digest, folder, client="bert") == owned(told.digest, folder, client="anna")
    assert len(list((folder.path / "uploads").rglob("*.png"))) == 1


def test_what_is_forgotten_is_gone_when_nobody_has_it(folder):
    told = kept(saved(picture()), folder, LIMITS, client="anna")
    kept(saved(picture()), folder, LIMITS, client="bert")
    assert not forget(told.digest, folder, client="carl")
    assert forget(told.digest, folder, client="anna")
    assert owned(told.digest, folder, client="anna") is None
    assert owned(told.digest, folder, client="bert") is not None
    assert forget(told.digest, folder, client="bert")
    assert not [
        path for part in ("uploads", "owners") for path in (folder.path / part).rglob("*") if path.is_file()
    ]


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "\0"])
def test_what_is_no_digest_names_no_file(folder, digest):
    assert owned(digest, folder, client="local") is None


@pytest.mark.parametrize("client", ["..", "", "a/b", ".hidden", "a\0"])
def test_what_is_no_name_of_a_client_makes_no_folder(folder, client):
    with pytest.raises(ValueError, match="no client"):
        lay("0" * 64, picture(), folder, client=client)
    assert not (folder.path / "owners").exists()


def test_pillow_warns_of_nothing(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept(saved(picture(), exif=b"Exif\0\0garbage"), folder, LIMITS, client="local")


# how much of it ----------------------------------------------------------------------------------


def brought_long_ago(folder, number, *, client="anna", age=7200.0):
    image = Image.new("RGB", (8, 8), (number, 0, 0))
    digest = pixel_digest(image)
    lay(digest, image, folder, client=client)
    mark = folder.path / "owners" / client / digest[:2] / digest
    os.utime(mark, (mark.stat().st_atime, time.time() - age + number))
    return digest


def test_the_oldest_upload_that_nothing_names_makes_room(folder):
    digests = [brought_long_ago(folder, number) for number in range(10)]
    theirs = brought_long_ago(folder, 1, client="ben")
    allowed = Limits(uploads_per_client=10)
    make_room("anna", folder, allowed, named=lambda: {digests[0]})
    left = [digest for digest in digests if owned(digest, folder, client="anna")]
    assert left == [digests[0], *digests[2:]]
    assert owned(theirs, folder, client="ben")


def test_below_what_is_allowed_nothing_goes_and_nobody_is_asked(folder):
    digests = [brought_long_ago(folder, number) for number in range(9)]
    make_room("anna", folder, Limits(uploads_per_client=10), named=lambda: pytest.fail("was asked"))
    assert all(owned(digest, folder, client="anna") for digest in digests)


@pytest.mark.parametrize("age", [7200.0, 60.0])
def test_named_and_fresh_uploads_stay_and_no_more_are_taken(folder, age):
    digests = [brought_long_ago(folder, number, age=age) for number in range(3)]
    named = digests if age == 7200.0 else ()
    with pytest.raises(Refused, match="delete some") as refused:
        make_room("anna", folder, Limits(uploads_per_client=3), named=lambda: named)
    assert refused.value.status == 413
    assert all(owned(digest, folder, client="anna") for digest in digests)


def test_bytes_are_counted_too(folder):
    digests = [brought_long_ago(folder, number) for number in range(4)]
    most = sum(folder.upload(digest).stat().st_size for digest in digests)
    make_room("anna", folder, Limits(uploads_bytes_per_client=most), named=tuple)
    assert [bool(owned(digest, folder, client="anna")) for digest in digests] == [False, True, True, True]

"""Pictures that people bring are opened upright, in eight bits, or refused in one line."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import pictures
from sfumato.errors import InputError
from sfumato.pictures import opened, opened_mask, tensor_of

PICTURE = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(2, 8, 3) * 5)


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
    deep = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    assert np.asarray(opened(deep))[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "F"])
def test_every_mode_becomes_rgb(mode):
    assert opened(PICTURE.convert("RGB").convert(mode)).mode == "RGB"


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


@pytest.mark.parametrize("name", ["absent.png", "text.png", "cut.png", ""])
def test_what_is_no_picture_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "text.png").write_text("not a picture")
    PICTURE.save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-30])
    with pytest.raises(InputError, match="cannot be read") as caught:
        opened(tmp_path / name)
    assert "\n" not in str(caught.value)

"""Contact sheets and picture files."""

from pathlib import Path

import torch
from PIL import Image

from sfumato.train.pictures import save_picture, sheet


def test_a_sheet_reads_like_a_page_and_is_filled_up_with_white():
    pictures = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 3, 2, 4) / 8
    page = sheet(pictures, 3)
    assert page.shape == (3, 4, 12)
    assert page[0, ::2, ::4].tolist() == [[0, 1 / 8, 2 / 8], [3 / 8, 4 / 8, 1]]
    for index, (row, column) in enumerate(((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))):
        cell = page[:, 2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
        assert torch.equal(cell, pictures[index])


def test_a_saved_picture_has_its_pixels(tmp_path: Path):
    picture = torch.rand(3, 5, 7)
    save_picture(picture, tmp_path / "new" / "picture.png")
    with Image.open(tmp_path / "new" / "picture.png") as image:
        assert image.size == (7, 5)
        pixels = torch.tensor([image.getpixel((x, y)) for y in range(5) for x in range(7)])
    assert (pixels.T.view(3, 5, 7) / 255 - picture).abs().max() < 0.51 / 255

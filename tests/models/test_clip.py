"""What must hold of CLIP's towers, trained or not."""

from dataclasses import replace

import pytest
import torch

from sfumato.models.clip import ImageConfig, ImageTower, TextConfig, TextTower

TEXT = TextConfig(
    vocabulary=20,
    length=9,
    end=1,
    width=16,
    layers=2,
    heads=2,
    hidden=32,
    activation="gelu",
    projection=6,
)
IMAGE = ImageConfig(
    size=12, patch=4, width=16, layers=2, heads=2, hidden=32, activation="quick_gelu", projection=6
)


@torch.inference_mode()
def test_no_token_looks_ahead():
    torch.manual_seed(0)
    tower = TextTower(TEXT)
    ids = torch.tensor([[0, 5, 6, 7, 8, 9, 1]])
    other = torch.tensor([[0, 5, 6, 7, 12, 13, 1]])
    hidden, changed = tower(ids)[0], tower(other)[0]
    torch.testing.assert_close(hidden[:, :4], changed[:, :4])
    assert not torch.allclose(hidden[:, 4], changed[:, 4], atol=1e-3)


@torch.inference_mode()
def test_padding_does_not_change_what_a_sentence_means():
    torch.manual_seed(0)
    tower = TextTower(TEXT)
    short = tower(torch.tensor([[0, 5, 6, 1]]))[1]
    padded = tower(torch.tensor([[0, 5, 6, 1, 1, 1, 1, 1, 1]]))[1]
    torch.testing.assert_close(short, padded)
    assert not torch.allclose(short, tower(torch.tensor([[0, 5, 1, 1]]))[1], atol=1e-3)


@torch.inference_mode()
def test_rows_of_a_batch_do_not_see_each_other():
    torch.manual_seed(0)
    text, image = TextTower(TEXT), ImageTower(IMAGE)
    ids, pictures = torch.tensor([[0, 5, 6, 1], [0, 7, 1, 1]]), torch.randn(2, 3, 12, 12)
    for row in range(2):
        one = slice(row, row + 1)
        torch.testing.assert_close(text(ids)[1][one], text(ids[one])[1])
        torch.testing.assert_close(image(pictures)[one], image(pictures[one]))


def test_towers_compile_as_one_graph():
    torch.manual_seed(0)
    text, image = TextTower(TEXT), ImageTower(IMAGE)
    ids, pictures = torch.tensor([[0, 5, 6, 1], [0, 7, 1, 1]]), torch.randn(2, 3, 12, 12)
    compiled = torch.compile(text, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(ids)[1], text(ids)[1])
    torch.testing.assert_close(
        torch.compile(image, backend="eager", fullgraph=True)(pictures), image(pictures)
    )


def test_what_does_not_fit_is_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"10 tokens .* reads 9"):
        TextTower(TEXT)(torch.ones(1, 10, dtype=torch.long))
    with pytest.raises(ValueError, match=r"16x12 .* reads 12"):
        ImageTower(IMAGE)(torch.randn(1, 3, 12, 16))
    with pytest.raises(ValueError, match="12 does not divide into patches of 5"):
        ImageTower(replace(IMAGE, patch=5))
    with pytest.raises(ValueError, match="width 16 does not split into 3 heads"):
        TextTower(replace(TEXT, heads=3))
    with pytest.raises(ValueError, match="no activation 'relu'; there are gelu, quick_gelu"):
        TextTower(replace(TEXT, activation="relu"))

"""Attention gives one answer, whichever way the machine goes about it."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from sfumato.models.layers.attention import attend, to_picture, to_tokens

HEADS, TOKENS, WIDTH = 3, 5, 12
MASK = torch.tensor([[True, True, False, True, False], [True] * 5])[:, None, None, :]


def split(x: torch.Tensor) -> torch.Tensor:
    return torch.stack(x.chunk(HEADS, dim=2), dim=1)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("mask", "causal"), [(None, False), (MASK, False), (None, True)])
def test_training_and_drawing_attend_alike(kind: torch.dtype, mask: torch.Tensor | None, causal: bool):
    torch.manual_seed(0)
    given = [torch.randn(2, TOKENS, WIDTH).to(kind).requires_grad_() for _ in range(3)]
    exact = [x.detach().double().requires_grad_() for x in given]
    expected = scaled_dot_product_attention(*map(split, exact), attn_mask=mask, is_causal=causal)
    expected = torch.cat(list(expected.unbind(1)), dim=2)
    got = attend(*given, heads=HEADS, mask=mask, causal=causal)
    with torch.no_grad():
        drawn = attend(*given, heads=HEADS, mask=mask, causal=causal)
    bound = 1e-5 if kind == torch.float32 else 3e-2
    torch.testing.assert_close(got.double(), expected, atol=bound, rtol=bound)
    torch.testing.assert_close(drawn.double(), expected, atol=bound, rtol=bound)
    expected.square().sum().backward()
    got.double().square().sum().backward()
    for ours, theirs in zip(given, exact, strict=True):
        torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=3 * bound, rtol=3 * bound)


def test_a_picture_becomes_tokens_and_back_without_a_copy():
    picture = torch.randn(2, 6, 4, 3).to(memory_format=torch.channels_last)
    tokens = to_tokens(picture)
    again = to_picture(tokens, like=picture)
    assert torch.equal(tokens[1, 4], picture[1, :, 1, 1])
    assert torch.equal(again, picture)
    assert tokens.is_contiguous()
    assert again.data_ptr() == tokens.data_ptr() == picture.data_ptr()


@pytest.mark.parametrize("queries", [1, 2, 3, 5, 7, 15, 16, 31])
@pytest.mark.parametrize("keys", [15, 16, 77])
def test_rows_that_change_places_keep_their_bits(queries: int, keys: int):
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, n, 40, generator=generator) for n in (queries, keys, keys))
    mask = torch.rand(2, 1, queries, keys, generator=generator) > 0.3
    mask[..., 0] = True
    for seen in (None, mask, mask[:, :, :1]):
        here = attend(query, key, value, heads=5, mask=seen)
        flipped = None if seen is None else seen.flip(0)
        there = attend(query.flip(0), key.flip(0), value.flip(0), heads=5, mask=flipped)
        assert torch.equal(there.flip(0), here)
        assert here.shape == query.shape

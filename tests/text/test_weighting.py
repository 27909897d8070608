"""What weights do to hidden states, each convention by its own formula and all by the laws they share."""

import math

import pytest
import torch

from sfumato.errors import InputError
from sfumato.text.chunks import Chunk
from sfumato.text.weighting import WEIGHTINGS, weighting

FRAME = {"start": 8, "end": 9, "pad": 0, "length": 10}
every = pytest.mark.parametrize("name", WEIGHTINGS)


def tower(chunk):
    """Hidden states (10, 4) that depend, as a causal tower's do, on a token and on all before it."""
    rows = torch.nn.functional.embedding(
        torch.tensor(chunk.tokens), torch.randn(10, 4, generator=torch.Generator().manual_seed(3))
    )
    return rows.cumsum(0).sin() + 0.5


def weighed(name, weights):
    chunk = Chunk.of([1, 2, 3, 4, 5][: len(weights)], weights, **FRAME)
    convention = weighting(name)
    others = [tower(each) for each in convention.asks(chunk)]
    return tower(chunk), convention.weigh(tower(chunk), chunk, others)


def column(*weights):
    return torch.tensor([1.0, *weights, *[1.0] * (9 - len(weights))])[:, None]


@every
def test_weights_of_one_change_no_bit_and_ask_for_nothing_more(name):
    plain, found = weighed(name, [1.0, 1.0, 1.0])
    assert torch.equal(found, plain)
    assert weighting(name).asks(Chunk.of([1], [1.0], **FRAME)) == ()


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_any_weights_leave_shape_precision_and_finite_numbers(name, dtype):
    chunk = Chunk.of([1, 2, 3], [0.0, -1.0, 1.4], **FRAME)
    convention = weighting(name)
    others = [tower(each).to(dtype) for each in convention.asks(chunk)]
    found = convention.weigh(tower(chunk).to(dtype), chunk, others)
    assert (found.shape, found.dtype) == ((10, 4), dtype)
    assert found.isfinite().all()


def test_a1111_multiplies_and_keeps_the_mean():
    plain, found = weighed("a1111", [1.0, 1.5, 0.5])
    product = plain * column(1.0, 1.5, 0.5)
    assert torch.allclose(found, product * plain.mean() / product.mean())
    assert found.mean().item() == pytest.approx(plain.mean().item(), rel=1e-5)


def test_a_mean_of_zero_divides_nothing():
    chunk = Chunk.of([1], [2.0], **FRAME)
    assert torch.equal(weighting("a1111").weigh(torch.zeros(10, 4), chunk, []), torch.zeros(10, 4))


def test_no_norm_only_multiplies():
    plain, found = weighed("no_norm", [1.0, 1.5, 0.5])
    assert torch.equal(found, plain * column(1.0, 1.5, 0.5))


def test_comfy_goes_from_the_empty_text_and_leaves_the_other_places_alone():
    plain, found = weighed("comfy", [1.0, 1.5, 0.0])
    blank = tower(Chunk.of([], [], **FRAME))
    assert torch.allclose(found[2], blank[2] + 1.5 * (plain[2] - blank[2]))
    assert torch.allclose(found[3], blank[3])
    untouched = [0, 1, *range(4, 10)]
    assert torch.equal(found[untouched], plain[untouched])


def test_compel_mixes_in_the_text_without_what_is_weakened():
    _, found = weighed("compel", [1.0, 0.5, 0.5, 1.3, 0.75])
    blank = tower(Chunk.of([], [], **FRAME))

    def from_blank(tokens, *weights):
        return blank + (tower(Chunk.of(tokens, weights, **FRAME)) - blank) * column(*weights)

    share = math.tan(0.25 * math.pi / 2)
    mixed = (
        from_blank([1, 2, 3, 4, 5], 1.0, 0.5, 0.5, 1.3, 0.75)
        + from_blank([1, 4, 5], 1.0, 1.3, 0.75)
        + share * from_blank([1, 2, 3, 4], 1.0, 0.5, 0.5, 1.3)
    )
    assert torch.allclose(found, mixed / (2 + share), atol=1e-6)


def test_compel_at_weight_zero_is_the_text_without_the_word():
    _, found = weighed("compel", [1.0, 0.0, 1.0])
    assert torch.allclose(found, tower(Chunk.of([1, 3], [1.0, 1.0], **FRAME)), atol=1e-3)


def test_none_reads_weights_and_heeds_none():
    plain, found = weighed("none", [1.0, 1.5])
    assert torch.equal(found, plain)


def test_an_unknown_convention_is_refused_with_the_list():
    with pytest.raises(InputError, match="'compeller'; there are: a1111, no_norm, comfy, compel, none"):
        weighting("compeller")

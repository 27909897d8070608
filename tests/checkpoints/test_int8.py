"""Eight-bit weights: small, close, and never half there."""

import pytest
import torch

from sfumato.checkpoints.int8 import SCALE, packed, unpacked
from sfumato.errors import CheckpointError


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "conv.weight": torch.randn(8, 4, 3, 3, generator=generator)
        * torch.logspace(-3, 2, 8)[:, None, None, None],
        "linear.weight": torch.randn(5, 7, generator=generator),
        "silent.weight": torch.zeros(3, 3),
        "norm.bias": torch.randn(8, generator=generator),
    }


def test_every_weight_comes_back_within_half_a_step_of_its_own_channel():
    before, after = weights(), unpacked(packed(weights()))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        rows = tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None]
        step = rows.abs().amax(dim=1, keepdim=True) / 127
        error = (after[name].reshape(rows.shape) - rows).abs()
        assert (error <= step / 2 * 1.001).all(), name


def test_vectors_are_kept_to_the_bit_and_matrices_take_a_quarter():
    stored = packed(weights())
    assert torch.equal(stored["norm.bias"], weights()["norm.bias"])
    assert stored["conv.weight"].dtype == torch.int8


def test_vectors_may_be_halved_as_well_and_come_back_as_float32():
    given = {"matrix": torch.randn(8, 4), "bias": torch.randn(8), "count": torch.arange(3)}
    halved = packed(given, rest=torch.float16)
    assert halved["bias"].dtype == torch.float16
    assert halved["matrix.int8_scale"].dtype == torch.float32
    assert torch.equal(halved["count"], given["count"])
    back = unpacked(halved)
    assert back["bias"].dtype == torch.float32
    torch.testing.assert_close(back["bias"], given["bias"], atol=0, rtol=1e-3)


def test_packing_twice_changes_nothing_more():
    once = unpacked(packed(weights()))
    twice = unpacked(packed(once))
    for name in once:
        assert torch.allclose(once[name], twice[name], rtol=1e-6, atol=0)


@pytest.mark.parametrize("lost", ["linear.weight", "linear.weight" + SCALE])
def test_bytes_and_scales_are_only_read_together(lost):
    stored = packed(weights())
    del stored[lost]
    with pytest.raises(CheckpointError, match=r"linear\.weight"):
        unpacked(stored)

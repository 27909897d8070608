"""What stands beside a U-Net adds to the rows that wear it, and to no other."""

import pytest
import torch

from sfumato.adapters.controls import Controls, Forward
from sfumato.diffusion.protocol import Call, Conditioning, Controlled, Level

HINT = (torch.ones(1, 4, 2, 2),)


class Overflowing:
    """A control whose numbers leave their range wherever it has no hint, as half precision can."""

    flows = False
    kinds = ()

    def residuals(self, x, times, context, hint, *, vector=None, attention_mask=None):
        return tuple(1 / hint[0] for _ in range(3))


def call(*worn: Controlled) -> Call:
    conditioning = Conditioning(context=torch.zeros(1, 2, 4), controls=worn)
    return Call(x=torch.zeros(1, 4, 2, 2), level=Level(0.5, 0.5), conditioning=conditioning)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_without_a_control_gets_zeros_whatever_the_control_says_of_it(dtype):
    controls = Controls(unet=torch.nn.Identity())
    controls.hang("net", Overflowing())
    forward = Forward(torch.zeros(2, 4, 2, 2, dtype=dtype), torch.ones(2), torch.zeros(2, 2, 4))
    extras = controls.extras([call(Controlled("net", HINT, 0.5, 1.0, 0.0)), call()], forward)
    assert len(extras.residuals) == 3
    for residual in extras.residuals:
        assert torch.equal(residual[0], torch.full_like(residual[0], 0.5))
        assert torch.equal(residual[1], torch.zeros_like(residual[1]))

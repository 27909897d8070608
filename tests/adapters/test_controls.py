"""What stands beside a U-Net adds to the rows that wear it, and to no other."""

import pytest
import torch

from sfumato.adapters.controls import Controls, Forward
from sfumato.diffusion.protocol import Call, Conditioning, Controlled, ImagePrompt, Level, Look

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


class OverflowingReader:
    """A reader whose numbers leave their range wherever there is no reference."""

    roles = ("style",)

    def look(self, picture, role):
        return HINT[0], HINT[0]

    def weights(self, role, weight):
        return (weight,)

    def mixed(self, what, tokens, role):
        return (1 / tokens.mean(dim=1, keepdim=True)).expand_as(what.query)


def test_a_row_without_a_reference_sees_the_words_alone_whatever_the_reader_says_of_it():
    controls = Controls(unet=torch.nn.Identity())
    controls.hang("reader", OverflowingReader())
    seen = ImagePrompt("reader", "style", torch.ones(1, 3, 4), (0.5,), 1.0, 0.0)
    told = Conditioning(context=torch.zeros(1, 2, 4), images=(seen,))
    forward = Forward(torch.zeros(2, 4, 2, 2), torch.ones(2), torch.zeros(2, 2, 4))
    extras = controls.extras([call()._replace(conditioning=told), call()], forward)
    places, words = torch.zeros(2, 4, 4), torch.full((2, 4, 4), 2.0)
    mixed = extras.cross_attention.look(lambda what: words, Look(places, words, words, None, (2, 2)))
    assert torch.equal(mixed[0], torch.full_like(mixed[0], 2.5))
    assert torch.equal(mixed[1], words[1])

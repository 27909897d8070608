"""What must hold of every U-Net, trained or not."""

from dataclasses import replace

import pytest
import torch

from sfumato.diffusion.protocol import Extras
from sfumato.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16),
    layers_per_block=1,
    transformer_depth=(0, 1),
    mid_transformer_depth=1,
    heads=(1, 2),
    context_width=6,
    norm_groups=4,
    linear_projection=True,
    vector_width=0,
)


@pytest.fixture
def unet() -> UNet:
    """A network with random weights everywhere: a new one answers zero, whatever it is asked."""
    torch.manual_seed(0)
    network = UNet(CONFIG).eval()
    for parameter in network.parameters():
        parameter.data.normal_(std=0.2)
    return network


@pytest.fixture
def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 4, 8, 6, generator=generator)
    return x, torch.tensor([0.0, 500.0, 1000.0]), torch.randn(3, 5, 6, generator=generator)


@torch.inference_mode()
def test_masked_tokens_have_no_say(unet: UNet, asked):
    x, time, context = asked
    mask = torch.tensor([[True, True, True, False, False]]).expand(3, 5)
    other = torch.where(mask[..., None], context, 100.0)
    extras = Extras(attention_mask=mask)
    assert torch.equal(unet(x, time, context, extras), unet(x, time, other, extras))
    shorter = unet(x, time, context[:, :3])
    torch.testing.assert_close(unet(x, time, context, extras), shorter, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(unet(x, time, context), unet(x, time, other), atol=1e-2)


@torch.inference_mode()
def test_what_is_added_where_a_skip_is_made_flows_on_down(unet: UNet, asked):
    """Added at the first skip it reaches the middle, which a residual of that skip does not."""
    places, seen = 4, []
    unet.mid_block.register_forward_hook(lambda *told: seen.append(told[1][0].clone()))
    push = torch.ones(3, 8, 8, 6)
    zeros = tuple(torch.zeros(()) for _ in range(places))
    inner = (push, *[None] * places)
    plain = unet(*asked)
    flown, beside = (
        unet(*asked, Extras(inner=inner)),
        unet(*asked, Extras(residuals=(push, *zeros))),
    )
    assert torch.equal(seen[0], seen[2])
    assert not torch.allclose(seen[0], seen[1], atol=1e-2)
    assert not torch.allclose(flown, beside, atol=1e-3)
    assert not torch.allclose(plain, beside, atol=1e-3)


@torch.inference_mode()
def test_at_the_middle_it_is_the_same_where_a_residual_is_added(unet: UNet, asked):
    push, zeros = torch.ones(3, 16, 4, 3), tuple(torch.zeros(()) for _ in range(4))
    inner = unet(*asked, Extras(inner=(*[None] * 4, push)))
    assert torch.equal(inner, unet(*asked, Extras(residuals=(*zeros, push))))
    assert not torch.allclose(inner, unet(*asked), atol=1e-3)


@torch.inference_mode()
def test_rows_of_a_batch_do_not_see_each_other(unet: UNet, asked):
    together = unet(*asked)
    for row in range(3):
        alone = unet(*(tensor[row : row + 1] for tensor in asked))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("changed", [0, 1, 2], ids=["x", "time", "context"])
@torch.inference_mode()
def test_every_input_changes_the_prediction(unet: UNet, asked, changed: int):
    different = [tensor + 1.0 if place == changed else tensor for place, tensor in enumerate(asked)]
    assert not torch.allclose(unet(*asked), unet(*different), atol=1e-2)


@torch.inference_mode()
def test_a_new_network_predicts_zero(asked):
    assert torch.equal(UNet(CONFIG)(*asked), torch.zeros(3, 4, 8, 6))


def test_no_weight_of_a_new_network_is_stuck(asked):
    """Zeros at the start may wait a few steps for a gradient, but never for ever."""
    torch.manual_seed(0)
    network = UNet(replace(CONFIG, linear_projection=False))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(4):
        optimizer.zero_grad()
        (network(*asked) - 1.0).square().mean().backward()
        optimizer.step()
    stuck = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert stuck == []


@torch.inference_mode()
def test_channels_last_pictures_stay_so_and_predict_the_same(unet: UNet, asked):
    x, time, context = asked
    expected = unet(x, time, context)
    got = unet.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last), time, context)
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_it_compiles_as_one_graph(unet: UNet, asked):
    x, time, context = asked
    extras = Extras(attention_mask=torch.arange(5).expand(3, 5) < 4)
    compiled = torch.compile(unet, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, time, context, extras), unet(x, time, context, extras))


def test_what_it_cannot_take_is_refused_with_the_numbers(unet: UNet, asked):
    x, time, context = asked
    with pytest.raises(ValueError, match=r"a vector of 3 .* takes 0"):
        unet(x, time, context, vector=torch.randn(3, 3))
    with pytest.raises(ValueError, match="reads no scale of guidance"):
        unet(x, time, context, guidance=torch.ones(3))
    with pytest.raises(ValueError, match="reads its scale and was told none"):
        UNet(replace(CONFIG, guidance_width=6))(x, time, context)
    with pytest.raises(ValueError, match=r"2 residuals .* 4 skips and a middle"):
        unet(x, time, context, Extras(residuals=(torch.zeros(()),) * 2))
    with pytest.raises(ValueError, match=r"2 inner residuals .* 4 skips and a middle"):
        unet(x, time, context, Extras(inner=(None, None)))
    with pytest.raises(ValueError, match="width 16 does not split into 3 heads"):
        UNet(replace(CONFIG, heads=(1, 3)))

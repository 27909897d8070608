"""What must hold of every ControlNet, trained or not."""

from dataclasses import replace

import pytest
import torch

from sfumato.diffusion.protocol import Extras
from sfumato.models.controlnet import ControlNet, newborn
from sfumato.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    in_channels=4,
    out_channels=4,
    block_out_channels=(8, 16),
    layers_per_block=2,
    transformer_depth=(0, 1),
    mid_transformer_depth=1,
    heads=(1, 2),
    context_width=6,
    norm_groups=4,
    linear_projection=True,
    vector_width=0,
)


def grown(network: torch.nn.Module) -> torch.nn.Module:
    """`network` with random weights everywhere: one at birth answers zero, whatever it is asked."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.2)
    return network.eval()


@pytest.fixture
def unet() -> UNet:
    network = UNet(CONFIG)
    grown(network)
    return network


@pytest.fixture
def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, 8, 6, generator=generator)
    return x, torch.tensor([0.0, 500.0]), torch.randn(2, 5, 6, generator=generator)


@torch.inference_mode()
def test_at_birth_it_changes_nothing_and_yet_holds_the_weights_of_the_unet(unet: UNet, asked):
    network = newborn(unet, hint_widths=(4, 8))
    embedded = network.embed(torch.rand(2, 3, 16, 12))
    residuals = network(*asked, embedded)
    assert torch.equal(unet(*asked, Extras(residuals=residuals)), unet(*asked))
    for name in ("conv_in.weight", "time_embedding.linear_2.weight", "mid_block.resnets.0.conv1.weight"):
        assert torch.equal(network.state_dict()[name], unet.state_dict()[name])


@torch.inference_mode()
def test_there_is_one_residual_for_each_skip_and_one_for_the_middle(unet: UNet, asked):
    network = newborn(unet, hint_widths=(4, 8))
    grown(network)
    embedded = network.embed(torch.rand(2, 3, 16, 12))
    residuals = network(*asked, embedded)
    assert not torch.allclose(unet(*asked, Extras(residuals=residuals)), unet(*asked), atol=1e-3)
    assert network.config.skip_widths == tuple(residual.shape[1] for residual in residuals[:-1])


@torch.inference_mode()
def test_a_hint_moves_every_residual(unet: UNet, asked):
    network = newborn(unet, hint_widths=(4, 8))
    grown(network)
    answers = [network(*asked, network.embed(torch.full((2, 3, 16, 12), grey))) for grey in (0.2, 0.9)]
    assert all((one - other).abs().max() > 1e-4 for one, other in zip(*answers, strict=True))


def test_at_birth_its_joints_learn_from_the_first_step(unet: UNet, asked):
    network: ControlNet = newborn(unet, hint_widths=(4, 8))
    residuals = network(*asked, network.embed(torch.rand(2, 3, 16, 12)))
    torch.stack([(residual - 1).square().mean() for residual in residuals]).sum().backward()
    joints = [*network.controlnet_down_blocks, network.controlnet_mid_block]
    assert all(joint.weight.grad.abs().max() > 0 for joint in joints)


def test_of_an_inpainting_unet_the_channels_of_the_latent_are_copied():
    unet = UNet(replace(CONFIG, in_channels=9))
    network = newborn(unet)
    assert network.config.unet.in_channels == 4
    assert torch.equal(network.conv_in.weight, unet.conv_in.weight[:, :4])


def test_a_distilled_unet_gives_all_but_its_reading_of_a_scale():
    network = newborn(UNet(replace(CONFIG, guidance_width=8)))
    assert not any("cond_proj" in name for name in network.state_dict())


def test_a_hint_of_another_size_is_refused_with_both_sizes(unet: UNet, asked):
    network = newborn(unet, hint_widths=(4, 8))
    with pytest.raises(ValueError, match=r"\(16, 12\).*\(8, 6\).*2 times"):
        network(*asked, network.embed(torch.rand(2, 3, 32, 24)))


def test_a_vector_of_another_width_is_refused(unet: UNet, asked):
    network = newborn(unet, hint_widths=(4, 8))
    with pytest.raises(ValueError, match="vector of 3"):
        network(*asked, network.embed(torch.rand(2, 3, 16, 12)), vector=torch.zeros(2, 3))

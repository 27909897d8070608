"""Our autoencoder is diffusers' AutoencoderKL, weight for weight."""

import pytest
import torch
from diffusers import AutoencoderKL as Reference

from sfumato.models.vae import AutoencoderConfig, AutoencoderKL

CONFIGS = {
    "as in SD": AutoencoderConfig(
        in_channels=3,
        latent_channels=4,
        block_out_channels=(8, 16, 24),
        layers_per_block=2,
        norm_groups=4,
        patch_size=1,
        mid_attention=True,
        quant_conv=True,
    ),
    "as in FLUX: no quant_conv, more channels": AutoencoderConfig(
        in_channels=3,
        latent_channels=16,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_groups=2,
        patch_size=1,
        mid_attention=True,
        quant_conv=False,
    ),
    "no attention": AutoencoderConfig(
        in_channels=3,
        latent_channels=3,
        block_out_channels=(12, 8),
        layers_per_block=2,
        norm_groups=4,
        patch_size=1,
        mid_attention=False,
        quant_conv=True,
    ),
}


def reference(config: AutoencoderConfig) -> Reference:
    levels = len(config.block_out_channels)
    return Reference(
        in_channels=config.in_channels,
        out_channels=config.in_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=config.block_out_channels,
        layers_per_block=config.layers_per_block,
        latent_channels=config.latent_channels,
        norm_num_groups=config.norm_groups,
        use_quant_conv=config.quant_conv,
        use_post_quant_conv=config.quant_conv,
        mid_block_add_attention=config.mid_attention,
    )


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.inference_mode()
def test_diffusers_weights_encode_and_decode_the_same(config: AutoencoderConfig, randomise, epsilons):
    theirs = randomise(reference(config))
    ours = AutoencoderKL(config)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert epsilons(ours) == epsilons(theirs)
    picture = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    latent = torch.randn(2, config.latent_channels, 4, 6, generator=torch.Generator().manual_seed(2))

    mean, logvar = ours.encode(picture)
    expected = theirs.encode(picture).latent_dist
    torch.testing.assert_close(mean, expected.mean, atol=2e-5, rtol=0)
    torch.testing.assert_close(logvar, expected.logvar, atol=2e-5, rtol=0)
    torch.testing.assert_close(ours.decode(latent), theirs.decode(latent).sample, atol=2e-5, rtol=0)

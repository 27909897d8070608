"""What must hold of every autoencoder, trained or not."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from sfumato.models.vae import AutoencoderConfig, AutoencoderKL

CONFIG = AutoencoderConfig(
    in_channels=3,
    latent_channels=4,
    block_out_channels=(8, 12),
    layers_per_block=1,
    norm_groups=4,
    patch_size=2,
    mid_attention=True,
    quant_conv=False,
)


@torch.inference_mode()
def test_a_picture_comes_back_in_its_own_size():
    network = AutoencoderKL(CONFIG)
    mean, logvar = network.encode(torch.randn(2, 3, 16, 24))
    assert CONFIG.shrink == 4
    assert mean.shape == logvar.shape == (2, 4, 4, 6)
    assert network.decode(mean).shape == (2, 3, 16, 24)


@torch.inference_mode()
def test_patches_are_pixels_folded_into_channels():
    torch.manual_seed(0)
    patched = AutoencoderKL(CONFIG)
    plain = AutoencoderKL(replace(CONFIG, patch_size=1, in_channels=12))
    plain.load_state_dict(patched.state_dict(), strict=True)
    picture, latent = torch.randn(1, 3, 16, 16), torch.randn(1, 4, 4, 4)
    assert torch.equal(patched.encode(picture)[0], plain.encode(pixel_unshuffle(picture, 2))[0])
    assert torch.equal(patched.decode(latent), pixel_shuffle(plain.decode(latent), 2))


@torch.inference_mode()
def test_pictures_of_a_batch_do_not_see_each_other():
    torch.manual_seed(0)
    network = AutoencoderKL(CONFIG)
    pictures = torch.randn(3, 3, 16, 16)
    together = network.decode(network.encode(pictures)[0])
    for row in range(3):
        alone = network.decode(network.encode(pictures[row : row + 1])[0])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_channels_last_pictures_stay_so():
    network = AutoencoderKL(CONFIG).to(memory_format=torch.channels_last)
    picture = torch.randn(2, 3, 16, 16).to(memory_format=torch.channels_last)
    mean, _ = network.encode(picture)
    assert network.decode(mean).is_contiguous(memory_format=torch.channels_last)


def test_sizes_that_do_not_divide_are_refused_with_the_numbers():
    with pytest.raises(ValueError, match="18x16 does not divide by 4"):
        AutoencoderKL(CONFIG).encode(torch.randn(1, 3, 16, 18))

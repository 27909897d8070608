"""Latents to pictures: in one piece, in tiles, in half precision."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from sfumato import families
from sfumato.errors import InputError
from sfumato.families.latents import TILES, Latents, Tiles
from sfumato.models.vae import AutoencoderConfig, AutoencoderKL

CONFIG = AutoencoderConfig(
    in_channels=3, latent_channels=4, block_out_channels=(8, 16), layers_per_block=1, norm_groups=4,
    patch_size=1, mid_attention=True, quant_conv=True,
)  # fmt: skip


def network(seed=0):
    torch.manual_seed(seed)
    made = AutoencoderKL(CONFIG)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return made.eval().requires_grad_(False)


class Decoder:
    """A stand-in for an autoencoder: what it makes of a piece is a formula, and it remembers the pieces."""

    config = CONFIG

    class decoder:  # noqa: N801
        conv_in = torch.nn.Conv2d(1, 1, 1)

    def __init__(self, formula):
        self.formula, self.pieces = formula, []

    def decode(self, latent):
        self.pieces.append(tuple(latent.shape[2:]))
        return interpolate(self.formula(latent[:, :3]), scale_factor=2.0, mode="nearest")


def steps(picture):
    """The largest step from a pixel to its neighbour."""
    return max(float(picture.diff(dim=axis).abs().max()) for axis in (2, 3))


@torch.inference_mode()
def test_tiles_leave_no_seam_of_one_8_bit_step_in_a_smooth_picture():
    """Even of a decoder whose colours shift by an eighth of the range with what it sees, as norms do."""
    across, down = torch.meshgrid(torch.linspace(-1, 1, 200), torch.linspace(-1, 1, 232), indexing="xy")
    latent = torch.stack([across, down, across * down, across])[None] * 0.3
    shifting = Decoder(lambda seen: seen + seen.mean(dim=(2, 3), keepdim=True))
    tiled = Latents(autoencoder=shifting, scale=1.0).decode(latent)
    ramps = Latents(autoencoder=Decoder(lambda seen: seen), scale=1.0, tiles=None).decode(latent)
    assert len(shifting.pieces) > 1
    assert (tiled - ramps).max() - (tiled - ramps).min() > 32 / 255
    assert steps(tiled - ramps) < 1 / 255
    hard = Latents(autoencoder=shifting, scale=1.0, tiles=TILES._replace(overlap=0)).decode(latent)
    assert steps(hard - ramps) > 1 / 255


@torch.inference_mode()
def test_a_trained_decoder_shows_no_more_of_its_tiles_than_of_its_own_grain():
    world = families.load(families.embedded())
    across, down = torch.meshgrid(torch.linspace(0, 1, 512), torch.linspace(0, 1, 512), indexing="xy")
    picture = torch.stack([0.2 + 0.6 * across, 0.8 - 0.5 * down, 0.3 + 0.4 * across * down])[None]
    latent = world.autoencoder.encode(picture * 2 - 1)[0]
    whole, tiled = (
        Latents(autoencoder=world.autoencoder, scale=1.0, tiles=tiles).decode(latent)[..., 32:-32, 32:-32]
        for tiles in (None, Tiles(side=40, overlap=12, above=40))
    )
    assert not torch.equal(tiled, whole)
    assert (tiled - whole).abs().max() < 8 / 255
    assert steps(tiled) < steps(whole) + 1 / 255


@torch.inference_mode()
@pytest.mark.parametrize("size", [(20, 9), (9, 31), (33, 26)])
def test_tiles_of_a_decoder_that_looks_nowhere_are_the_whole_picture(size):
    """Shares sum to one at every pixel, wherever tiles lie and however many overlap."""
    latent, pointwise = torch.randn(1, 4, *size), Decoder(lambda seen: 0.1 * seen)
    whole = Latents(autoencoder=pointwise, scale=0.5, tiles=None).decode(latent)
    tiled = Latents(autoencoder=pointwise, scale=0.5, tiles=Tiles(8, 3, 8)).decode(latent)
    torch.testing.assert_close(tiled, whole)
    assert max(max(piece) for piece in pointwise.pieces[1:]) == 8
    assert len(pointwise.pieces) > 3


@torch.inference_mode()
def test_pictures_of_the_usual_sizes_are_decoded_in_one_piece():
    seen = []
    latents = Latents(autoencoder=network(), scale=1.0)
    latents.autoencoder.decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2:]))
    latents.decode(torch.zeros(1, 4, 8, TILES.above))
    assert seen == [(8, TILES.above)]
    latents.decode(torch.zeros(1, 4, 8, TILES.above + 1))
    assert len(seen) == 3
    assert {tuple(shape) for shape in seen[1:]} == {(8, TILES.side)}


@torch.inference_mode()
def test_a_half_that_overflows_is_decoded_again_in_float32():
    loud = network()
    loud.decoder.conv_in.weight *= 1e4
    expected = Latents(autoencoder=loud, scale=0.1).decode(latent := torch.randn(1, 4, 8, 8))
    half = network().half()
    half.decoder.conv_in.weight.copy_(loud.decoder.conv_in.weight)
    latents = Latents(autoencoder=half, scale=0.1)
    half.decoder.mid_block.register_forward_hook(lambda module, _, made: made * overflowing(module))
    picture = latents.decode(latent)
    assert bool(picture.isfinite().all())
    assert picture.std() > 0.05
    torch.testing.assert_close(picture, expected, atol=0.05, rtol=0)


@torch.inference_mode()
def test_no_picture_depends_on_one_that_overflowed_before_it():
    """Of a half-precision network whose answers to loud latents, and to them alone, are not finite."""
    half = network().half()
    half.requires_grad_(False)
    half.decoder.mid_block.register_forward_hook(lambda module, given, made: made * bursting(given[0]))
    half.encoder.mid_block.register_forward_hook(lambda module, given, made: made * bursting(given[0]))
    latents = Latents(autoencoder=half, scale=1.0)
    weights = {name: weight.clone() for name, weight in half.state_dict().items()}
    latent, picture = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 16, 16)
    before = latents.decode(latent), latents.look(picture)
    assert bool(latents.decode(50 * latent).isfinite().all())
    assert bool(latents.look(50 * picture).isfinite().all())
    after = latents.decode(latent), latents.look(picture)
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    for name, weight in half.state_dict().items():
        assert weight.dtype == torch.float16
        assert torch.equal(weight, weights[name])


def bursting(seen):
    """A factor of infinity for what is loud and in half precision."""
    return torch.inf if seen.dtype == torch.float16 and seen.abs().max() > 20 else 1.0


def overflowing(module):
    """A factor that half precision has no room for, and float32 does not feel."""
    return torch.inf if next(module.parameters()).dtype == torch.float16 else 1.0


@torch.inference_mode()
def test_what_is_not_finite_in_float32_is_an_error_and_no_black_picture():
    latents = Latents(autoencoder=network(), scale=1.0)
    with pytest.raises(InputError, match="decoder gave numbers that are not finite"):
        latents.decode(torch.full((1, 4, 8, 8), torch.nan))
    with pytest.raises(InputError, match="encoder gave"):
        latents.look(torch.full((1, 3, 16, 16), torch.nan))


@torch.inference_mode()
def test_scale_and_shift_are_undone_before_decoding_and_put_on_after_encoding():
    plain = Latents(autoencoder=network(), scale=1.0)
    scaled = replace(plain, scale=0.3, shift=0.7)
    latent, picture = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(scaled.decode((latent - 0.7) * 0.3), plain.decode(latent))
    torch.testing.assert_close(scaled.look(picture), (plain.look(picture) - 0.7) * 0.3)
    torch.testing.assert_close(scaled.unscaled(picture), plain.look(picture))

"""Noise that is a request's own."""

import pytest
import torch

from sfumato.diffusion.noise import SeededNoise

SHAPE = (1, 4, 6, 5)
FIRST = [-0.29333901, 1.7038306, 1.53919184]
SECOND = [1.28103018, 2.47979259, -0.78451687]


def draw(seed: int, count: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    noise = SeededNoise(seed)
    return [noise(torch.empty(SHAPE, dtype=dtype)) for _ in range(count)]


def test_draws_do_not_depend_on_neighbours_or_on_the_global_generator():
    alone = draw(7, 3)
    mine, stranger, mixed = SeededNoise(7), SeededNoise(8), []
    for size in range(3):
        stranger(torch.empty(size + 1, 9))
        torch.manual_seed(size)
        mixed.append(mine(torch.empty(SHAPE)))
    assert all(map(torch.equal, alone, mixed))


def test_a_draw_depends_on_its_number_and_not_on_the_sizes_drawn_before():
    noise = SeededNoise(7)
    noise(torch.empty(1, 1, 64, 64))
    assert torch.equal(noise(torch.empty(SHAPE)), draw(7, 2)[1])


def test_drawing_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    draw(7, 3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_noise_is_that_of_float32_in_every_type(dtype):
    (got,) = draw(7, 1, dtype)
    assert got.dtype == dtype
    assert torch.equal(got, draw(7, 1)[0].to(dtype))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator here")
def test_noise_is_the_same_on_the_accelerator():
    got = SeededNoise(7)(torch.empty(SHAPE, device="cuda"))
    assert got.device.type == "cuda"
    assert torch.equal(got.cpu(), draw(7, 1)[0])


def test_seeds_and_draws_all_differ():
    """2**32 + 7 is a seed of its own; torch's CPU generator would take it for 7."""
    drawn = [one for seed in (0, 7, 8, 2**32 + 7, 2**63 - 1) for one in draw(seed, 3)]
    together = torch.stack([one.flatten() for one in drawn])
    assert torch.corrcoef(together).fill_diagonal_(0).abs().max() < 0.5


def test_noise_is_standard_normal():
    drawn = SeededNoise(1)(torch.empty(400_000)).double()
    assert drawn.mean().abs() < 0.006
    assert (drawn.var() - 1).abs() < 0.01
    assert (drawn.pow(4).mean() - 3).abs() < 0.06


def test_the_stream_is_the_one_that_receipts_were_written_with():
    """Were these to change, no saved picture could be replayed: it would need a new format of recipe."""
    noise = SeededNoise(7)
    first, second = noise(torch.empty(3)).tolist(), noise(torch.empty(3)).tolist()
    assert first == pytest.approx(FIRST, abs=1e-7)
    assert second == pytest.approx(SECOND, abs=1e-7)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_64_bits_is_refused(seed):
    with pytest.raises(ValueError, match="outside 0 to"):
        SeededNoise(seed)

"""The autoencoder's task: honest losses, on crops that lie on the raster and have a thing in them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sfumato.train.autoencoder import AutoencoderTask
from sfumato.train.data import CHUNK, Pool, as_bytes, as_signed, phrasings, pool
from sfumato.world.compose import Variety, compose
from sfumato.world.renderer import Renderer
from sfumato.world.scenes import Scene

NewTask = Callable[[], AutoencoderTask]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crops_of(task: AutoencoderTask, monkeypatch: pytest.MonkeyPatch, seeds: range) -> Tensor:
    seen: list[Tensor] = []
    encode = task.network.encode

    def spy(pictures: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(pictures)
        return encode(pictures)

    monkeypatch.setattr(task.network, "encode", spy)
    for seed in seeds:
        task.losses(generator(seed))
    return torch.cat(seen)


def test_the_loss_is_the_weighted_sum_of_its_parts(new_task: NewTask):
    parts = new_task().losses(generator())
    total = parts["error"] + 0.5 * parts["edges"] + 1e-3 * parts["kl"]
    assert parts["loss"].item() == pytest.approx(total.item(), rel=1e-6)
    assert min(part.item() for part in parts.values()) > 0


def test_the_step_is_decided_by_its_generator_alone(new_task: NewTask):
    task = new_task()
    first = task.losses(generator())["loss"]
    torch.manual_seed(99)
    assert task.losses(generator())["loss"] == first
    assert task.losses(generator(1))["loss"] != first


def test_the_gradient_reaches_every_weight(new_task: NewTask):
    task = new_task()
    for step in range(3):  # a residual branch begins at zero, and opens with the first step
        task.network.zero_grad()
        task.losses(generator(step))["loss"].backward()
        with torch.no_grad():
            for parameter in task.network.parameters():
                parameter -= 0.1 * parameter.grad
    for name, parameter in task.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_crops_lie_on_the_raster_and_show_the_middle_of_a_thing(
    new_task: NewTask, pictures: Pool, monkeypatch: pytest.MonkeyPatch
):
    """The pictures here say of each pixel which picture, row and column it is."""
    count, _, side, _ = pictures.pictures.shape
    steps = torch.arange(side, dtype=torch.uint8)
    marked = torch.stack(
        [
            torch.arange(count, dtype=torch.uint8)[:, None, None].expand(-1, side, side),
            steps[:, None].expand(count, side, side),
            steps.expand(count, side, side),
        ],
        dim=1,
    )
    task = new_task()
    monkeypatch.setattr(task, "pictures", Pool(pictures.scenes, marked))
    crops = ((crops_of(task, monkeypatch, range(30)) + 1) * 127.5).round().int()
    assert crops.shape == (120, 3, 16, 16)
    corners: set[tuple[int, int]] = set()
    for which, top, left in crops[:, :, 0, 0].tolist():
        corners.add((top, left))
        places = [place for thing in pictures.scenes[which].things for place in thing.places]
        assert any(
            top - 2 <= place.y * side <= top + 18 and left - 2 <= place.x * side <= left + 18
            for place in places
        )
    raster = task.network.config.shrink
    assert all(top % raster == 0 and left % raster == 0 for top, left in corners)
    assert len(corners) > 8
    assert len(set(crops[:, 0, 0, 0].tolist())) > 15


def test_the_sample_shows_pictures_beside_what_came_back(new_task: NewTask, pictures: Pool):
    task = new_task()
    page = task.sample({"autoencoder": task.network.eval()})
    assert page.shape == (3, 4 * 32, 12 * 32)
    assert page.isfinite().all()
    assert torch.allclose(page[:, :32, :32], pictures.pictures[0] / 255, atol=1e-6)
    assert not torch.allclose(page[:, :32, 32:64], pictures.pictures[0] / 255, atol=0.05)


def test_a_pool_is_its_seeds_rendered_whatever_the_chunks(variety_of_two: Variety):
    renderer = Renderer(variety_of_two.sprites, 16)
    whole = pool(renderer, variety_of_two, CHUNK + 3, first_seed=5)
    assert len(whole) == CHUNK + 3
    assert whole.pictures.dtype == torch.uint8
    assert whole.scenes == [compose(seed, variety_of_two) for seed in range(5, CHUNK + 8)]
    assert torch.equal(whole.pictures[-1:], as_bytes(renderer([whole.scenes[-1]])))


def test_bytes_survive_the_way_to_the_network_and_back():
    every = torch.arange(256, dtype=torch.uint8)
    signed = as_signed(every)
    assert (signed.min(), signed.max()) == (-1, 1)
    assert torch.equal(as_bytes((signed + 1) / 2), every)


def test_the_phrasings_of_two_scenes_have_their_own_seeds(pictures: Pool):
    scene: Scene = replace(pictures.scenes[0], style="neon")
    one, other = phrasings(scene, 1, 16), phrasings(scene, 2, 16)
    assert len(set(one)) > 5
    assert one != other
    assert phrasings(scene, 1, 4) == one[:4]

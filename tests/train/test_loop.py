"""The loop's law: stopped anywhere and resumed, a run ends bit for bit as the one that was not stopped."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from sfumato.errors import DivergedError
from sfumato.train.autoencoder import AutoencoderTask
from sfumato.train.loop import Settings, backward, clip, rate_at, train

NewTask = Callable[[], AutoencoderTask]
SETTINGS = Settings(
    steps=7,
    batch=4,
    rate=3e-3,
    warmup=2,
    weight_decay=0.05,
    clip=1.0,
    average=0.9,
    decay="cosine",
    bf16=True,
    muon=True,
    seed=3,
    save_every=3,
    sample_every=1000,
)
VARIANTS = {
    "muon, bf16": SETTINGS,
    "muon, float32": replace(SETTINGS, bf16=False),
    "adam, bf16": replace(SETTINGS, muon=False, decay="linear"),
    "adam, float32": replace(SETTINGS, muon=False, bf16=False),
}


class PowerCutError(Exception):
    """The power went."""


class Fragile:
    """A task that dies at the beginning of ``step``, or whose loss is not a number at ``nan_at``."""

    name = "autoencoder"

    def __init__(self, task: AutoencoderTask, *, step: int = -1, nan_at: int = -1) -> None:
        self.task, self.at, self.nan_at = task, step, nan_at
        self.modules = task.modules
        self.seen: list[int] = []

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        step = generator.initial_seed() - SETTINGS.seed * 1_000_003
        self.seen.append(step)
        if step == self.at:
            raise PowerCutError
        losses = self.task.losses(generator)
        return (
            {name: value * float("nan") for name, value in losses.items()} if step == self.nan_at else losses
        )

    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor:
        return self.task.sample(averaged)


def flat(state: object, at: str = "") -> dict[str, object]:
    """The leaves of a checkpoint by their path."""
    if isinstance(state, Mapping):
        items = list(cast("Mapping[object, object]", state).items())
    elif isinstance(state, list | tuple):
        items = list(enumerate(cast("list[object]", state)))
    else:
        return {at: state}
    return {path: leaf for name, part in items for path, leaf in flat(part, f"{at}/{name}").items()}


def leaves(folder: Path) -> dict[str, object]:
    return flat(torch.load(folder / "autoencoder.checkpoint", weights_only=True))


def differences(folder: Path, other: Path) -> list[str]:
    """The paths of weights, averages, moments and numbers that are not the same, bit for bit."""
    one, two = leaves(folder), leaves(other)
    assert one.keys() == two.keys()
    return [
        path
        for path, mine in one.items()
        if not (torch.equal(mine, two[path]) if isinstance(mine, Tensor) else mine == two[path])
    ]


@pytest.fixture(scope="module")
def whole(new_task: NewTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    train(new_task(), SETTINGS, folder)
    return folder


@pytest.mark.parametrize("stop", [1, 3, 5, 6])
def test_a_run_that_was_stopped_and_resumed_ends_bit_for_bit_the_same(
    stop: int, new_task: NewTask, tmp_path: Path, whole: Path
):
    train(new_task(), SETTINGS, tmp_path, stop_at=stop)
    assert differences(tmp_path, whole)
    averaged = train(new_task(), SETTINGS, tmp_path)["autoencoder"]
    assert differences(tmp_path, whole) == []
    assert not any(tensor.isnan().any() for tensor in averaged.parameters())


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_is_the_same_with_either_optimiser_and_precision(variant: str, new_task: NewTask, tmp_path: Path):
    settings = replace(VARIANTS[variant], steps=5)
    train(new_task(), settings, tmp_path / "whole")
    train(new_task(), settings, tmp_path / "stopped", stop_at=2)
    train(new_task(), settings, tmp_path / "stopped")
    assert differences(tmp_path / "stopped", tmp_path / "whole") == []


def test_a_run_stopped_after_every_step_is_the_same_too(new_task: NewTask, tmp_path: Path, whole: Path):
    for stop in range(1, SETTINGS.steps + 1):
        train(new_task(), SETTINGS, tmp_path, stop_at=stop)
    assert differences(tmp_path, whole) == []


@pytest.mark.parametrize(("cut", "saved"), [(1, 0), (4, 3), (6, 6)])
def test_a_run_that_died_between_saves_repeats_what_was_lost(
    cut: int, saved: int, new_task: NewTask, tmp_path: Path, whole: Path
):
    with pytest.raises(PowerCutError):
        train(Fragile(new_task(), step=cut), SETTINGS, tmp_path)
    again = Fragile(new_task())
    train(again, SETTINGS, tmp_path)
    assert again.seen == list(range(saved, SETTINGS.steps))
    assert differences(tmp_path, whole) == []


def test_pictures_on_the_way_leave_the_training_as_it_is(new_task: NewTask, tmp_path: Path, whole: Path):
    train(new_task(), replace(SETTINGS, sample_every=2, save_every=1), tmp_path)
    assert differences(tmp_path, whole) == []
    shown = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert shown == [f"autoencoder-{step:06d}.png" for step in (2, 4, 6, 7)]


def test_another_seed_ends_elsewhere(new_task: NewTask, tmp_path: Path, whole: Path):
    train(new_task(), replace(SETTINGS, seed=4), tmp_path)
    assert len(differences(tmp_path, whole)) > 10


def test_a_finished_run_does_nothing_more(new_task: NewTask, tmp_path: Path):
    train(new_task(), SETTINGS, tmp_path)
    before = (tmp_path / "autoencoder.checkpoint").read_bytes()
    task = Fragile(new_task(), step=0)
    averaged = train(task, SETTINGS, tmp_path)["autoencoder"]
    assert task.seen == []
    assert (tmp_path / "autoencoder.checkpoint").read_bytes() == before
    names = dict(averaged.named_parameters())
    assert all(
        torch.equal(leaf, names[path.removeprefix("/averaged/autoencoder/")])
        for path, leaf in leaves(tmp_path).items()
        if path.startswith("/averaged") and isinstance(leaf, Tensor)
    )


@pytest.mark.parametrize("bf16", [True, False])
def test_training_learns(bf16: bool, new_task: NewTask, tmp_path: Path):
    settings = replace(SETTINGS, steps=25, rate=0.01, bf16=bf16, save_every=1000)
    task = new_task()
    generator = torch.Generator()
    with torch.no_grad():
        before = task.losses(generator.manual_seed(1))["error"]
    train(task, settings, tmp_path)
    with torch.no_grad():
        after = task.losses(generator.manual_seed(1))["error"]
    assert after < 0.75 * before


def test_a_gradient_that_is_not_finite_names_its_step_and_keeps_the_checkpoint(
    new_task: NewTask, tmp_path: Path, whole: Path
):
    with pytest.raises(DivergedError, match=r"step 4 of autoencoder is not finite: .*0\.003"):
        train(Fragile(new_task(), nan_at=4), SETTINGS, tmp_path)
    assert leaves(tmp_path)["/step"] == 3
    train(new_task(), SETTINGS, tmp_path)
    assert differences(tmp_path, whole) == []


def test_every_step_and_seed_has_its_own_chance(new_task: NewTask):
    def loss(seed: int, step: int) -> float:
        return backward(new_task(), replace(SETTINGS, seed=seed), step, torch.device("cpu"))["loss"].item()

    assert loss(3, 5) == loss(3, 5)
    assert len({loss(seed, step) for seed in (3, 4) for step in (0, 1, 5)}) == 6


def test_bf16_is_used_where_it_is_asked_for(new_task: NewTask):
    def error(bf16: bool) -> Tensor:
        return backward(new_task(), replace(SETTINGS, bf16=bf16), 0, torch.device("cpu"))["error"]

    assert error(True) == pytest.approx(error(False).item(), rel=0.05)
    assert error(True) != error(False)


def test_clipping_keeps_the_direction_and_bounds_the_norm():
    one, other = nn.Linear(3, 3), nn.Linear(2, 5)
    for parameter in (*one.parameters(), *other.parameters()):
        parameter.grad = torch.full_like(parameter, 2.0)
    count = sum(p.numel() for p in (*one.parameters(), *other.parameters()))
    assert clip({"one": one, "other": other}, 0.5) == pytest.approx(2 * count**0.5, rel=1e-5)
    gradients = torch.cat([p.grad.flatten() for p in (*one.parameters(), *other.parameters())])
    assert gradients.norm() == pytest.approx(0.5, rel=1e-4)
    assert gradients.std() < 1e-6
    assert clip({"one": one, "other": other}, 5.0) == pytest.approx(0.5, rel=1e-4)
    assert one.weight.grad.mean() == pytest.approx(gradients.mean().item())


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_the_rate_rises_straight_and_then_falls_to_nothing(decay: str):
    settings = replace(SETTINGS, steps=110, warmup=10, rate=2.0, decay=decay)
    rates = [rate_at(step, settings) for step in range(111)]
    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert rates[10] == 2.0
    assert all(there < here for here, there in pairwise(rates[10:]))
    assert rates[60] == pytest.approx(1.0)
    assert rates[110] == pytest.approx(0.0)
    quarter = 1.5 if decay == "linear" else 1 + 0.5**0.5
    assert rates[35] == pytest.approx(quarter)


def test_the_rate_without_a_warm_up_begins_at_its_top():
    assert rate_at(0, replace(SETTINGS, warmup=0, rate=2.0)) == 2.0

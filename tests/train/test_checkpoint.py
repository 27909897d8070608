"""Checkpoints: whole or not at all, and never a traceback for a bad file."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sfumato.errors import CheckpointError
from sfumato.train.checkpoint import restore, save
from sfumato.train.ema import Ema
from sfumato.train.optimizer import MuonAdam


class State:
    """A module that has learned a little, with its average and optimiser."""

    def __init__(self, steps: int, width: int = 4, name: str = "layer", *, muon: bool = True) -> None:
        torch.manual_seed(1)
        self.modules = {name: nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2))}
        self.averaged = Ema(self.modules, 0.9)
        self.optimizer = MuonAdam(self.modules, weight_decay=0.1, muon=muon)
        for step in range(steps):
            self.step(step)

    def step(self, step: int) -> None:
        for module in self.modules.values():
            module(torch.ones(2, 3)).square().sum().backward()
        self.optimizer.step(0.1)
        self.averaged.update(self.modules, step)

    def tensors(self) -> list[Tensor]:
        modules = [*self.modules.values(), *self.averaged.modules.values()]
        weights = [tensor for module in modules for tensor in module.state_dict().values()]
        moments = [tensor for state in self.optimizer.adam.state.values() for tensor in state.values()]
        return copy.deepcopy([*weights, *moments, *self.optimizer.momenta])

    def save(self, path: Path, step: int) -> None:
        save(path, step, self.modules, self.averaged, self.optimizer)

    def restore(self, path: Path) -> int:
        return restore(path, self.modules, self.averaged, self.optimizer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "task.checkpoint"


def test_what_was_saved_is_restored_and_goes_on_the_same(path: Path):
    first, second = State(4), State(0)
    first.save(path, 4)
    assert second.restore(path) == 4
    assert all(map(torch.equal, second.tensors(), first.tensors()))
    first.step(4)
    second.step(4)
    assert all(map(torch.equal, second.tensors(), first.tensors()))


def test_no_file_is_the_beginning(path: Path):
    state = State(0)
    before = state.tensors()
    assert state.restore(path) == 0
    assert all(map(torch.equal, state.tensors(), before))


def test_a_write_that_is_killed_leaves_the_old_checkpoint(path: Path, monkeypatch: pytest.MonkeyPatch):
    old = State(2)
    old.save(path, 2)

    def half(state: object, file: object) -> None:
        file.write(b"half a checkpoint")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr("sfumato.train.checkpoint.torch.save", half)
    with pytest.raises(KeyboardInterrupt):
        State(5).save(path, 5)
    monkeypatch.undo()
    state = State(0)
    assert state.restore(path) == 2
    assert all(map(torch.equal, state.tensors(), old.tensors()))
    State(5).save(path, 5)
    assert State(0).restore(path) == 5
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def with_code(path: Path) -> None:
    torch.save({"step": 1, "modules": State}, path)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "its beginning only": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "text": lambda path: path.write_text("this is not a checkpoint"),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "code": with_code,
    "another thing": lambda path: torch.save([1, 2, 3], path),
    "no modules": lambda path: torch.save({"step": 3}, path),
    "modules of another kind": lambda path: torch.save({"step": 3, "modules": [1]}, path),
    "no optimizer": lambda path: torch.save(
        {name: part for name, part in torch.load(path).items() if name != "optimizer"}, path
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_with_a_way_out(path: Path, damage: str):
    State(1).save(path, 1)
    DAMAGE[damage](path)
    with pytest.raises(
        CheckpointError, match=r"task\.checkpoint .*another folder, or delete the file"
    ) as raised:
        State(0).restore(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "other", [State(1, width=5), State(1, name="other"), State(1, muon=False)], ids=["shape", "name", "muon"]
)
def test_the_checkpoint_of_another_recipe_is_refused(path: Path, other: State):
    other.save(path, 1)
    with pytest.raises(CheckpointError, match="not a checkpoint of this recipe"):
        State(0).restore(path)


def test_a_module_too_many_is_refused(path: Path):
    state = State(1)
    state.modules["extra"] = nn.Linear(1, 1)
    state.averaged = Ema(state.modules, 0.9)
    save(path, 1, state.modules, state.averaged, MuonAdam(state.modules, weight_decay=0.1))
    with pytest.raises(CheckpointError, match="layer, extra instead of layer"):
        State(0).restore(path)

"""What a run tells: every line once, with its throughput, with TensorBoard or without."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from sfumato.train.log import EVERY, Log


def written(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "task.jsonl").read_text().splitlines()]


def run(folder: Path, steps: range, last: int) -> None:
    with Log(folder, "task", first=steps.start, last=last, batch=8) as log:
        for step in steps:
            log.step(step, {"loss": torch.tensor(float(step))}, rate=0.5, norm=torch.tensor(2.0))


@pytest.fixture
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)


@pytest.mark.usefixtures("no_board")
def test_values_are_averaged_between_reports_and_the_last_step_is_reported(tmp_path: Path):
    run(tmp_path, range(2 * EVERY + 3), last=2 * EVERY + 3)
    lines = written(tmp_path)
    assert [line["step"] for line in lines] == [EVERY, 2 * EVERY, 2 * EVERY + 3]
    assert [line["loss"] for line in lines] == [(EVERY - 1) / 2, EVERY + (EVERY - 1) / 2, 2 * EVERY + 1]
    assert all((line["rate"], line["norm"]) == (0.5, 2.0) for line in lines)
    assert all(line["samples_per_second"] > 0 for line in lines)


@pytest.mark.usefixtures("no_board")
def test_a_resumed_run_tells_every_step_once(tmp_path: Path):
    run(tmp_path, range(3 * EVERY), last=4 * EVERY)
    with (tmp_path / "task.jsonl").open("a") as file:
        file.write('{"step": 76, "lo')  # killed while it wrote
    run(tmp_path, range(EVERY, 4 * EVERY), last=4 * EVERY)
    assert [line["step"] for line in written(tmp_path)] == [EVERY, 2 * EVERY, 3 * EVERY, 4 * EVERY]


def test_tensorboard_has_events_if_it_is_installed(tmp_path: Path):
    with Log(tmp_path, "task", first=0, last=1, batch=8) as log:
        log.step(0, {"loss": torch.tensor(1.0)}, rate=0.5, norm=torch.tensor(2.0))
        log.picture(1, torch.rand(3, 8, 8))
        log.picture(2, None)
    events = [path for path in tmp_path.rglob("events.out.tfevents*") if path.stat().st_size > 200]
    assert bool(events) == (find_spec("tensorboard") is not None)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["task-000001.png"]

"""What a training run tells: a progress bar, one JSON line per report, TensorBoard, pictures on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from sfumato.train.pictures import save_picture

EVERY = 25
"""Steps between two reports."""


class Board(Protocol):
    """What we use of TensorBoard's writer."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...

    def add_image(self, tag: str, img_tensor: Tensor, global_step: int) -> None: ...

    def close(self) -> None: ...


class Log:
    """Reports of the steps from ``first`` to ``last`` of one run. Values are averaged between two reports.

    What an earlier run wrote of steps after ``first`` is dropped: it was not saved, and is done again.
    """

    def __init__(self, folder: Path, name: str, *, first: int, last: int, batch: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.last, self.batch = folder, name, last, batch
        path = folder / f"{name}.jsonl"
        kept = _reports_until(path, first)
        self._lines = path.open("w", encoding="utf-8")
        self._lines.writelines(kept)
        self._board = _tensorboard(folder / "tensorboard" / name, first)
        self._sums: dict[str, float] = {}
        self._count, self._since = 0, time.perf_counter()
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}  {task.fields[told]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=1,
        )
        self._task: TaskID = self._bar.add_task(name, total=last, completed=first, told="")

    def __enter__(self) -> Log:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._lines.close()
        if self._board is not None:
            self._board.close()

    def step(self, step: int, losses: Mapping[str, Tensor], *, rate: float, norm: Tensor) -> None:
        """Take note of one step; every `EVERY` steps, and after the last, report."""
        for name, value in {**losses, "norm": norm}.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1
        if (step + 1) % EVERY == 0 or step + 1 == self.last:
            self._report(step + 1, rate)
        else:
            self._bar.update(self._task, completed=step + 1)

    def picture(self, step: int, picture: Tensor | None) -> None:
        """Keep a picture (3, H, W), 0 to 1, of how far the training is."""
        if picture is None:
            return
        save_picture(picture, self.folder / "samples" / f"{self.name}-{step:06d}.png")
        if self._board is not None:
            self._board.add_image("sample", picture.float().clamp(0, 1), step)

    def _report(self, step: int, rate: float) -> None:
        now = time.perf_counter()
        values = {name: total / self._count for name, total in self._sums.items()}
        values |= {"rate": rate, "samples_per_second": self._count * self.batch / (now - self._since)}
        self._lines.write(json.dumps({"step": step, "time": round(time.time(), 2), **values}) + "\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
        told = f"loss {values['loss']:.4f}  {values['samples_per_second']:.0f} samples/s"
        self._bar.update(self._task, completed=step, told=told)
        self._sums, self._count, self._since = {}, 0, now


def _reports_until(path: Path, step: int) -> list[str]:
    """The whole lines of a log that tell of no step after ``step``."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line[-1] == "\n"]
    return [line for line in lines if json.loads(line)["step"] <= step]


def _tensorboard(folder: Path, first: int) -> Board | None:
    """The writer of events, or None without the extra "train"."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return None
    return cast("Board", SummaryWriter(str(folder), purge_step=first + 1))

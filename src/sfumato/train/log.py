"""What a training run tells: a progress bar, one JSON line per report, TensorBoard, and pictures on the way."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

from sfumato.train.pictures import save_picture

EVERY = 25
"""Steps between two reports."""


class Log:
    """Reports of one run. Values are averaged between two reports."""

    def __init__(self, folder: Path, name: str, *, first: int, last: int, batch: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.batch = folder, name, batch
        self._lines = (folder / f"{name}.jsonl").open("a")
        self._board = _tensorboard(folder / "tensorboard" / name)
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

    def step(
        self, step: int, losses: dict[str, Tensor], *, rate: float, norm: Tensor, seconds: float
    ) -> None:
        for name, value in (losses | {"norm": norm}).items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
        self._count += 1
        if (step + 1) % EVERY == 0:
            self._report(step + 1, rate)
        else:
            self._bar.update(self._task, completed=step + 1)

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

    def picture(self, step: int, picture: Tensor | None) -> None:
        if picture is None:
            return
        save_picture(picture, self.folder / "samples" / f"{self.name}-{step:06d}.png")
        if self._board is not None:
            self._board.add_image("sample", picture.float().clamp(0, 1), step)


def _tensorboard(folder: Path):  # noqa: ANN202  (the writer's type exists only with the extra)
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))

"""The tensors of a file as maps of it: nothing is read before it is touched, and what is dropped is unmapped.

A file is mapped in windows of some 256 MB, each for as long as a tensor of it lives. One map of a whole
checkpoint would stay in memory until the last tensor is gone, so that a network loaded in another precision
would take the place of the file and its own; one map for each tensor would run out of open files.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary, finalize

from sfumato.checkpoints.header import BITS, TensorInfo, read_header
from sfumato.checkpoints.tensors import DTYPES, Kind, Tensors
from sfumato.errors import CheckpointError

if TYPE_CHECKING:  # torch comes in when a tensor is read: to look at names takes neither its time nor memory
    import torch
    from torch import Tensor

WINDOW = 256 * 2**20
TORCH = {spelt: name.removeprefix("torch.") for name, spelt in DTYPES.items()}


def mapped(path: Path) -> Tensors:
    """The tensors of a safetensors file; CheckpointError unless it is a whole one."""
    header = read_header(path)
    return placed(path, header.tensors, header.data_start)


def placed(
    path: Path, tensors: Mapping[str, TensorInfo], data_start: int, *, temporary: bool = False
) -> Tensors:
    """Tensors at known places of a file, their offsets counted from ``data_start``.

    Whoever writes into one changes neither the file nor what anybody else has read or will read of it. A
    ``temporary`` file goes when nothing can read it any more.
    """
    places = {name: info._replace(start=data_start + info.start, end=data_start + info.end)
              for name, info in tensors.items()}  # fmt: skip
    kinds = {name: Kind(info.dtype, info.shape) for name, info in places.items()}
    windows = _Windows(path, places)
    if temporary:
        finalize(windows, path.unlink, missing_ok=True)
    return Tensors(kinds=kinds, read=windows.read)


class _Span(NamedTuple):
    start: int
    end: int


class _Room(mmap.mmap):
    """A window that is mapped: it lives as long as a tensor in it, and gives out no byte twice."""

    given: set[_Span]


class _Windows:
    """Which tensor lies in which window, and the windows that are mapped now."""

    def __init__(self, path: Path, places: Mapping[str, TensorInfo]) -> None:
        self.path, self.places = path, places
        self.stamp = _stamp(path.stat())
        self.windows, self.shared = _cut(places)
        self.open: WeakValueDictionary[_Span, _Room] = WeakValueDictionary()

    def read(self, name: str) -> Tensor:
        import torch

        info = self.places[name]
        dtype = getattr(torch, TORCH[info.dtype], None)
        if dtype is None:
            raise CheckpointError(
                f"{self.path}: tensor {name} is stored as {info.dtype}, which this torch does not know; "
                f"install a newer one than {torch.__version__}"
            )
        if info.start == info.end:
            return torch.empty(info.shape, dtype=dtype)
        window, own = self.windows[name], _Span(info.start, info.end)
        room = self.open.get(window)
        if room is None or own in room.given:
            room = self.open[window] = self._map(window)
        tensor = _view(room, info, info.start - window.start, dtype)
        if name in self.shared:
            return tensor.clone()
        room.given.add(own)
        return tensor

    def _map(self, window: _Span) -> _Room:
        try:
            with self.path.open("rb") as file:
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise CheckpointError(f"{self.path}: has changed since it was opened; load it again")
                length = window.end - window.start
                room = _Room(file.fileno(), length, access=mmap.ACCESS_COPY, offset=window.start)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.path}: cannot be read ({error}); check the path") from error
        room.given = set()
        return room


def _view(room: mmap.mmap, info: TensorInfo, offset: int, dtype: torch.dtype) -> Tensor:
    from torch import frombuffer, uint8

    if info.start * 8 % BITS[info.dtype] == 0:
        count = (info.end - info.start) * 8 // BITS[info.dtype]
        return frombuffer(room, dtype=dtype, count=count, offset=offset).view(info.shape)
    raw = frombuffer(room, dtype=uint8, count=info.end - info.start, offset=offset)
    return raw.clone().view(dtype).view(info.shape)  # numbers across a word's edge: old files pad no header


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _cut(places: Mapping[str, TensorInfo]) -> tuple[dict[str, _Span], set[str]]:
    """A window for each tensor, and the tensors that share bytes with others (tied weights in a pickle).

    Windows begin where a map may, and hold whole tensors only.
    """
    windows: dict[str, _Span] = {}
    shared: set[str] = set()
    group: list[str] = []
    first, end, last = 0, 0, ""
    for name, info in sorted(places.items(), key=lambda item: (item[1].start, item[1].end)):
        if group and max(end, info.end) - first > WINDOW:
            windows |= dict.fromkeys(group, _Span(first, end))
            group, end = [], 0
        if not group:
            first = info.start - info.start % mmap.ALLOCATIONGRANULARITY
        elif info.start < end:
            shared |= {last, name}
        group.append(name)
        if info.end >= end:
            end, last = info.end, name
    return windows | dict.fromkeys(group, _Span(first, end)), shared

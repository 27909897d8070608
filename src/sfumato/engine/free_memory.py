"""How much memory can still be had: of the machine, of the process's group, of a GPU."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

ROOT = Path("/")
UNLIMITED = 2**60
"""Limits beyond this are none: cgroup v1 writes the largest number that there is."""


def free_memory(device: str = "cpu", *, root: Path = ROOT) -> int | None:
    """Bytes that can be had without taking them from another program; None where nobody says.

    On Linux what the kernel estimates without swapping, or what a cgroup (a container's, a service's) still
    allows, whichever is less; files in its cache count as free. On a GPU what the driver and torch hold free.
    ``root`` is where /proc and /sys hang.
    """
    kind = torch.device(device)
    if kind.type == "cuda":
        free, _ = torch.cuda.mem_get_info(kind)
        return free + torch.cuda.memory_reserved(kind) - torch.cuda.memory_allocated(kind)
    if kind.type != "cpu":
        return None
    told = [_of_machine(root), *_of_groups(root)]
    return min((each for each in told if each is not None), default=None)


def _of_machine(root: Path) -> int | None:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024  # "kB" are KiB
    return None


def _of_groups(root: Path) -> list[int | None]:
    """What each group that this process is in allows, from its own to the root's."""
    found: list[int | None] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found += _up(root / "sys/fs/cgroup", path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            found += _up(root / "sys/fs/cgroup/memory", path, names)
    return found


def _up(top: Path, path: str, names: tuple[str, str, str]) -> list[int | None]:
    inside = Path(path.strip("/"))
    if ".." in inside.parts:  # a group outside of what this container sees: its own root is the limit
        inside = Path()
    return [_left(top / each, names) for each in (inside, *inside.parents)]


def _left(group: Path, names: tuple[str, str, str]) -> int | None:
    """What one group's limit leaves; None if it has none."""
    limit, used = (_number(group / name) for name in names[:2])
    if limit is None or used is None or limit > UNLIMITED:
        return None
    cached = 0
    for line in _read(group / "memory.stat").splitlines():
        name, _, amount = line.partition(" ")
        if name == names[2]:
            cached = int(amount)
    return max(limit - used + cached, 0)


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None  # "max" is none


def _read(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text()
    return ""

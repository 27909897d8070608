"""How long a picture takes, how much memory, and how much of a step is spent outside the network.

    python benchmarks/draw.py [--weights FILE] [--steps 24] [--threads N]

Every row is measured in a process of its own, so that its peak memory is its own. "cold" is a whole process,
from import to saved PNG; "warm" is the best of three pictures after one that is not counted. The engine
and the sampler must take less than 5% of a step: the exit code is 1 if they take more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sfumato

os.environ.setdefault("GOMP_SPINCOUNT", "0")

LIMIT = 0.05
PROMPT = "a red cat to the left of a blue car, pink background"
ROWS = {
    "one": "one picture, warm",
    "unguided": "one picture without guidance, warm",
    "batch": "batch of 8, warm",
    "fast": "batch of 8, fast mode, warm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure drawing.")
    parser.add_argument("--weights", help="a weights file; the embedded model if not given")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--threads", type=int, help="of torch; its own choice if not given")
    parser.add_argument("--measure", choices=[*ROWS, "share"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options)))
        return
    seconds, peak = cold(options)
    print(f"{'':<36}{'seconds':>9}{'per picture':>13}{'peak MB':>9}")
    print(f"{'one picture, cold process':<36}{seconds:9.2f}{seconds:13.2f}{peak:9.0f}")
    for name, title in ROWS.items():
        row = in_own_process(options, name)
        print(f"{title:<36}{row['seconds']:9.2f}{row['seconds'] / row['pictures']:13.2f}{row['peak']:9.0f}")
    share = in_own_process(options, "share")
    outside = 1 - share["network"] / share["step"]
    step, network = (1000 * share[part] for part in ("step", "network"))
    print(f"a step takes {step:.1f} ms, of which {network:.1f} ms in the network")
    print(f"engine, guide and sampler: {outside:.2%} of a step (limit {LIMIT:.0%})")
    sys.exit(outside > LIMIT)


def cold(options: argparse.Namespace) -> tuple[float, float]:
    """Seconds and peak megabytes of ``sfumato draw`` from the shell."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sfumato.cli.main", "draw", PROMPT, "--seed", "7"]
        command += ["--steps", str(options.steps), "-o", str(Path(folder) / "cat.png")]
        command += ["--weights", options.weights] * bool(options.weights)
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment(options))
        seconds = time.perf_counter() - started
    return seconds, _megabytes(resource.RUSAGE_CHILDREN)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": str(options.threads)} if options.threads else {}
    return {**os.environ, **threads}


def _megabytes(who: int) -> float:
    """The kernel counts in KiB; on macOS in bytes."""
    return resource.getrusage(who).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)


def in_own_process(options: argparse.Namespace, name: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", name, "--steps", str(options.steps)]
    command += ["--weights", options.weights] * bool(options.weights)
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_environment(options))
    return json.loads(found.stdout)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """One row of the table, in this process."""
    import sfumato

    name = options.measure
    painter = sfumato.load(options.weights, fast=name == "fast")
    guidance = 1.0 if name == "unguided" else 4.0
    count = 8 if name in {"batch", "fast"} else 1
    requests = [
        painter.request(PROMPT, seed=seed, steps=options.steps, guidance=guidance) for seed in range(count)
    ]
    if name == "share":
        return share(painter, requests[0])
    seconds = fastest(lambda: list(painter.batch(requests)))
    return {"seconds": seconds, "pictures": count, "peak": _megabytes(resource.RUSAGE_SELF)}


def fastest(draw: Callable[[], object], times: int = 3) -> float:
    draw()
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        draw()
        taken.append(time.perf_counter() - started)
    return min(taken)


def share(painter: sfumato.Painter, request: sfumato.Request) -> dict[str, float]:
    """Seconds of the median step, and of the U-Net's forward in it; the first step is not counted."""
    from sfumato.engine import drawing

    forwards: list[float] = []
    inner = painter.model.unet.forward

    def timed(*arguments: object) -> object:
        started = time.perf_counter()
        answer = inner(*arguments)
        forwards.append(time.perf_counter() - started)
        return answer

    painter.model.unet.forward = timed
    rounds = painter.engine.run([drawing(request, painter.model)])  # words, each step, the pixels
    ends = [time.perf_counter() for _ in rounds][-len(forwards) - 2 : -1]
    outside = [
        after - before - forward for (before, after), forward in zip(pairwise(ends), forwards, strict=True)
    ]
    network = median(forwards[1:])
    return {"network": network, "step": network + median(outside[1:])}


if __name__ == "__main__":
    main()

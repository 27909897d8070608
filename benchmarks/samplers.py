"""What each sampler costs beside the network that it asks.

    python benchmarks/samplers.py [--weights FILE] [--steps 24] [--rounds 5] [--threads N]

Time inside the sampler's own code for every question it asks, as a share of what that question takes with the
network's answer (a forward of two rows, for guidance). Both are measured in one process, in rounds that take
turns, and the best of each counts: other programs only ever add. The limit is 2%: the exit code is 1 if any
sampler takes more.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfumato.diffusion.protocol import Sampler
    from sfumato.painter import Painter

os.environ.setdefault("GOMP_SPINCOUNT", "0")

LIMIT = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what samplers cost.")
    parser.add_argument("--weights", help="a weights file; the embedded model if not given")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="of torch; its own choice if not given")
    options = parser.parse_args()
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import sfumato
    from sfumato.diffusion.samplers import SAMPLERS

    painter = sfumato.load(options.weights)
    forward = math.inf
    own = dict.fromkeys(SAMPLERS, math.inf)
    for _ in range(options.rounds):
        forward = min(forward, network(painter))
        for name, listing in SAMPLERS.items():
            own[name] = min(own[name], inside(listing.sampler, painter, options.steps))
    print(f"one evaluation of the network: {1000 * forward:.1f} ms")
    print(f"{'sampler':<20}{'us a question':>15}{'share of it':>13}")
    shares = {name: seconds / (seconds + forward) for name, seconds in own.items()}
    for name, share in shares.items():
        print(f"{name:<20}{1e6 * own[name]:15.0f}{share:13.2%}{'  too much' if share > LIMIT else ''}")
    sys.exit(max(shares.values()) > LIMIT)


def network(painter: Painter) -> float:
    """Seconds of the fastest forward of two rows."""
    import torch

    from sfumato.diffusion.protocol import Call
    from sfumato.families.model import Wording

    model = painter.model
    x, (words,) = model.blank(model.native), model.encode([Wording(text="a red cat")])
    call = Call(x, model.levels(2, None)[1], words.conditioning)
    taken: list[float] = []
    with torch.inference_mode():
        for _ in range(6):
            started = time.perf_counter()
            model.denoise([call, call])
            taken.append(time.perf_counter() - started)
    return min(taken)


def inside(sampler: Sampler, painter: Painter, steps: int) -> float:
    """Seconds spent inside the sampler for every question it asks, noise included; answers cost nothing."""
    import torch

    from sfumato.diffusion.noise import SeededNoise
    from sfumato.diffusion.protocol import Denoised

    model, noise = painter.model, SeededNoise(1)
    levels = model.levels(steps, None)
    with torch.inference_mode():
        x = levels[0].sigma * noise(model.blank(model.native))
        answers = [Denoised(0.5 * noise(x)) for _ in range(4)]
        walk, answer, own, asked = sampler(x, levels, noise), None, 0.0, 0
        try:
            while True:
                started = time.perf_counter()
                walk.send(answer)
                own += time.perf_counter() - started
                answer, asked = answers[asked % 4], asked + 1
        except StopIteration:
            own += time.perf_counter() - started
        finally:
            walk.close()
    return own / asked


if __name__ == "__main__":
    main()

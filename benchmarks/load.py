"""How long a checkpoint of the real size takes to load, and how much memory, beside diffusers.

    python benchmarks/load.py [--families sd1 sdxl] [--dtypes float32 float16] [--folder FOLDER] [--threads N]

Random single files with the names and shapes of Stable Diffusion 1.5 (2.1 GB) and SDXL base (6.9 GB) are
written to FOLDER, or to a temporary one, unless they are there. Every row is a process of its own that loads
the file and draws one small picture. "held" is what the weights fill, once; "loaded" and "drawn" are the most
memory that the whole process had in use by then, Python and torch included. What would not fit into memory is
left out, and said. The exit code is 1 if ours takes 1.2 times what is held, or more. It needs the packages of
the extra "test".
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
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"

LIMIT = 1.2
TAKES = {"sfumato": LIMIT, "diffusers": 1.4}  # of what is held; what is mapped of the file can be let go
WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2}
SIDE, STEPS = 128, 2
PROMPT = "a red cat to the left of a blue car"
GIB = 2**30
WRITE = """
import sys
from pathlib import Path
from pipelines import full
family, file, configs = sys.argv[1], *map(Path, sys.argv[2:])
full.write(family, file)
full.write_configs(family, configs)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure loading.")
    parser.add_argument("--families", nargs="+", choices=["sd1", "sdxl"], default=["sd1", "sdxl"])
    parser.add_argument("--dtypes", nargs="+", choices=WIDTHS, default=["float32"])
    parser.add_argument("--folder", type=Path, help="where the files are kept")
    parser.add_argument("--threads", type=int, help="of torch; its own choice if not given")
    parser.add_argument("--measure", nargs=3, metavar=("WHO", "FILE", "DTYPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        who, file, dtype = options.measure
        print(json.dumps(MEASURES[who](Path(file), dtype)))
        return
    over = False
    print(f"{'':<28}{'load s':>8}{'draw s':>8}{'held GiB':>10}{'loaded':>9}{'drawn':>9}{'drawn/held':>12}")
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for family, dtype, who in product(options.families, options.dtypes, MEASURES):
            file = written(family, folder)
            title = f"{family} {dtype}, {who}"
            if lack := lacking(who, file, dtype):
                print(f"{title:<28}left out: {lack}")
                continue
            row = in_own_process(who, file, dtype, options.threads)
            share = row["drawn"] / row["held"]
            over |= who == "sfumato" and share >= LIMIT
            seconds = f"{row['load']:8.1f}{row['draw']:8.1f}"
            memory = f"{row['held']:10.2f}{row['loaded']:9.2f}{row['drawn']:9.2f}{share:12.2f}"
            print(f"{title:<28}{seconds}{memory}", flush=True)
    sys.exit(over)


def written(family: str, folder: Path) -> Path:
    """The random file of a family, with the configurations beside it that diffusers wants."""
    file, configs = folder / f"{family}.safetensors", folder / family
    if not configs.exists():
        command = [sys.executable, "-c", WRITE, family, str(file), str(configs)]
        paths = os.pathsep.join([str(FIXTURES), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": paths}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return file


def lacking(who: str, file: Path, dtype: str) -> str | None:
    """What memory there is too little of; Linux tells how much is free, elsewhere it is tried."""
    told = Path("/proc/meminfo")
    if not told.exists():
        return None
    lines = dict(line.split(":") for line in told.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) / 2**20
    wanted = file.stat().st_size / 2 * WIDTHS[dtype] * TAKES[who] / GIB  # the file is in half precision
    return f"it needs {wanted:.1f} GiB of memory and {free:.1f} are free" if wanted > free else None


def in_own_process(who: str, file: Path, dtype: str, threads: int | None) -> dict[str, float]:
    """One row, measured where nothing else was in memory before."""
    command = [sys.executable, __file__, "--measure", who, str(file), dtype]
    environment = {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(found.stdout.splitlines()[-1])


def ours(file: Path, dtype: str) -> dict[str, float]:
    """Load with sfumato and draw."""
    import sfumato

    started = time.perf_counter()
    painter = sfumato.load(file, dtype=dtype)
    loaded, memory = time.perf_counter(), peak()
    drawn = painter(PROMPT, seed=7, steps=STEPS, size=(SIDE, SIDE), sampler="euler")
    model = painter.model
    networks = [model.unet, model.latents.autoencoder, *(reader.tower for reader in model.readers)]
    return row(started, loaded, memory, networks) | {"colours": len(drawn.image.getcolors(SIDE * SIDE))}


def theirs(file: Path, dtype: str) -> dict[str, float]:
    """Load with diffusers and draw."""
    import diffusers
    import torch

    kinds = {"sd1": diffusers.StableDiffusionPipeline, "sdxl": diffusers.StableDiffusionXLPipeline}
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    started = time.perf_counter()
    pipe = kinds[file.stem].from_single_file(
        str(file), config=str(file.with_suffix("")), local_files_only=True, torch_dtype=getattr(torch, dtype)
    )
    loaded, memory = time.perf_counter(), peak()
    pipe.set_progress_bar_config(disable=True)
    drawn = pipe(PROMPT, num_inference_steps=STEPS, height=SIDE, width=SIDE).images[0]
    networks = [each for each in pipe.components.values() if isinstance(each, torch.nn.Module)]
    return row(started, loaded, memory, networks) | {"colours": len(drawn.getcolors(SIDE * SIDE))}


def row(started: float, loaded: float, memory: float, networks: Iterable[Any]) -> dict[str, float]:
    now, held = time.perf_counter(), sum(each.nbytes for made in networks for each in made.parameters())
    return {
        "load": loaded - started,
        "draw": now - loaded,
        "held": held / GIB,
        "loaded": memory,
        "drawn": peak(),
    }


def peak() -> float:
    """The most memory in use so far; the kernel counts in KiB, on macOS in bytes."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found / (GIB if sys.platform == "darwin" else 2**20)


MEASURES = {"sfumato": ours, "diffusers": theirs}

if __name__ == "__main__":
    main()

"""Run by test_memory.py in a process of its own: what the embedded model needs, foreseen and measured."""

import json
from functools import partial
from pathlib import Path

import torch

import sfumato
from sfumato.diffusion.protocol import Call
from sfumato.engine.foresight import Foresight
from sfumato.engine.returned import give_memory_back
from sfumato.families.model import Wording


def status(name):
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) * 1024


def measured(run):
    """By how many bytes the process grew while it ran, at most."""
    run()
    give_memory_back()
    Path("/proc/self/clear_refs").write_text("5")  # the mark of high water falls to what is held now
    before = status("VmRSS")
    run()
    return status("VmHWM") - before


@torch.inference_mode()
def main():
    model = sfumato.load().model
    foresight = Foresight(model)
    level = model.levels(4, None)[1]
    (told,) = model.encode([Wording(text="a cat")])
    found = {}
    for size, rows in (((256, 256), 2), ((384, 384), 4)):
        x, picture = model.blank(size), torch.zeros(1, 3, size[1], size[0])
        calls = [Call(x, level, told.conditioning)] * rows
        runs = {
            "steps": (foresight.steps(size, rows=rows), partial(model.denoise, calls)),
            "decoder": (foresight.decoder(size), partial(model.decode, x)),
            "encoder": (foresight.encoder(size), partial(model.look, picture)),
        }
        found |= {f"{what} at {size}": (foreseen, measured(run)) for what, (foreseen, run) in runs.items()}
    print(json.dumps(found))  # noqa: T201


main()

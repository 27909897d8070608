"""`sfumato train`: carry out a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfumato.errors import InputError


def train(
    recipe: Annotated[str, typer.Argument(help="What to train: world-s (two CPU cores) or world-m (a GPU).")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for checkpoints, logs, samples and the weights.")
    ],
    device: Annotated[str, typer.Option("--device", help="Where to compute, such as cpu or cuda.")] = "cpu",
) -> None:
    """Train a model of the picture world from scratch; run again to go on after an interruption."""
    from sfumato.diffusion.choose import choose
    from sfumato.painter import check_device
    from sfumato.train.memory import keep_big_buffers
    from sfumato.train.recipes import RECIPES
    from sfumato.train.run import Run

    chosen = choose(RECIPES, recipe, "recipe")
    check_device(device)
    keep_big_buffers()
    try:
        path = Run(chosen, out, device)()
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); choose another folder") from error
    typer.echo(f"wrote {path}; draw with it: sfumato draw --weights {path} PROMPT")

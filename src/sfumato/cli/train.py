"""`sfumato train`: carry out a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sfumato.errors import InputError

RECIPE = (
    "What to train: world-s (two CPU cores) or world-m (a GPU), a model; controlnet or controlnet-m, "
    "a control for one that is there; ip-adapter or ip-adapter-m, what reads its reference pictures."
)


def train(
    recipe: Annotated[str, typer.Argument(help=RECIPE)],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for checkpoints, logs, samples and the weights.")
    ],
    device: Annotated[str, typer.Option("--device", help="Where to compute, such as cpu or cuda.")] = "cpu",
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="The model that it is taught beside; without it the embedded one."),
    ] = None,
) -> None:
    """Train a model of the picture world from scratch, or what stands beside one; run again to go on."""
    from sfumato.diffusion.choose import choose
    from sfumato.families import embedded
    from sfumato.painter import check_device
    from sfumato.train.controlnet import ControlRun
    from sfumato.train.ip_adapter import ReferenceRun
    from sfumato.train.memory import keep_big_buffers
    from sfumato.train.recipes import CONTROLS, RECIPES, REFERENCES, ControlRecipe, Recipe
    from sfumato.train.run import Run

    chosen = choose({**RECIPES, **CONTROLS, **REFERENCES}, recipe, "recipe")
    check_device(device)
    keep_big_buffers()
    if isinstance(chosen, Recipe) and weights is not None:
        raise InputError(f"{recipe} is trained from nothing: leave --weights {weights} out")
    try:
        if isinstance(chosen, Recipe):
            path = Run(chosen, out, device)()
            typer.echo(f"wrote {path}; draw with it: sfumato draw --weights {path} PROMPT")
        elif isinstance(chosen, ControlRecipe):
            path = ControlRun(chosen, out, weights or embedded(), device)()
            typer.echo(f"wrote {path}")
        else:
            path = ReferenceRun(chosen, out, weights or embedded(), device)()
            typer.echo(f"wrote {path}")
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); choose another folder") from error

"""The loss curves of a run as one picture, drawn from its logs."""

from __future__ import annotations

import json
from pathlib import Path

from sfumato.errors import InputError, MissingExtra

CURVES = {
    "autoencoder": ("error", "edges"),
    "clip": ("loss", "accuracy"),
    "diffusion": ("loss", "noisy", "clear"),
    "alignment": ("loss", "accuracy"),
}
"""The stages in their order, and what of each one's log is drawn."""


def draw_curves(folder: Path, path: Path) -> None:
    """Draw every stage that left a log in ``folder``. Raises InputError if none did."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtra("matplotlib, which draws curves", "pip install 'sfumato[train]'") from error
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    stages = [stage for stage in CURVES if (folder / f"{stage}.jsonl").exists()]
    if not stages:
        raise InputError(f"{folder} holds no training logs; give the folder of a run (its --out)")
    figure, axes = plt.subplots(1, len(stages), figsize=(4 * len(stages), 3), squeeze=False)
    for axis, stage in zip(axes[0], stages, strict=True):
        lines = [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text().splitlines()]
        for name in CURVES[stage]:
            steps, values = zip(*((line["step"], line[name]) for line in lines), strict=True)
            axis.plot(steps, values, label=name, linewidth=1)
        axis.set(title=stage, xlabel="step", yscale="log")
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)  # pyright: ignore[reportUnknownMemberType]
    plt.close(figure)

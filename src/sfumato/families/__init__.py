"""Families of models, one file each, and one line in ``FAMILIES``. Begin with ``model.py``."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sfumato.errors import CheckpointError
from sfumato.families.loading import LOADING, Loading, LoadingOptions, opened
from sfumato.families.model import Encoded, Model, Wording
from sfumato.families.parts import Parts
from sfumato.families.refined import refined
from sfumato.families.sd1 import SD1
from sfumato.families.sd2 import SD2
from sfumato.families.sdxl import SDXL, SDXL_REFINER
from sfumato.families.world import World

FAMILIES: dict[str, Callable[[Parts], Model]] = {
    "world": World.of,
    "sd1": SD1,
    "sd2": SD2,
    "sdxl": SDXL,
    "sdxl-refiner": SDXL_REFINER,
}

__all__ = [
    "FAMILIES",
    "Encoded",
    "Loading",
    "LoadingOptions",
    "Model",
    "Parts",
    "Wording",
    "World",
    "embedded",
    "load",
]


TRAINED = {"world": "world-s", "control": "controlnet", "reference": "ip-adapter"}
"""The files that the package ships, and what `sfumato train` makes each with."""


def embedded(name: str = "world") -> Path:
    """Where weights lie that the package ships: the model, or what stands beside it, of ``TRAINED``.

    Raises CheckpointError if it was built without them.
    """
    path = Path(str(files("sfumato"))) / "weights" / f"{name}.safetensors"
    if not path.is_file():
        what = "embedded model" if name == "world" else f"embedded {name}"
        raise CheckpointError(
            f"{path}: this copy of sfumato has no {what}; train one "
            f"(sfumato train {TRAINED[name]} --out DIR) and name its file, or install a released package"
        )
    return path


def load(path: str | Path, how: Loading = LOADING) -> Model:
    """The model in a file or folder, of whatever family its tensors show. Raises CheckpointError."""
    model = _made(opened(path, how))
    if how.refiner is None:
        return model
    return refined(model, _made(opened(how.refiner, Loading(device=how.device, dtype=how.dtype))))


def _made(parts: Parts) -> Model:
    if parts.family not in FAMILIES:
        raise CheckpointError(
            f"{parts.path}: family {parts.family!r}; sfumato draws with {', '.join(FAMILIES)}"
        )
    return FAMILIES[parts.family](parts)

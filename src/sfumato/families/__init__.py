"""Families of models, one file each, and one line in ``FAMILIES``. Begin with ``model.py``."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sfumato.errors import CheckpointError
from sfumato.families.model import Encoded, Model, Wording
from sfumato.families.parts import Parts, opened
from sfumato.families.placing import Place
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

__all__ = ["FAMILIES", "Encoded", "Model", "Parts", "Place", "Wording", "World", "embedded", "load"]


def embedded() -> Path:
    """Where the weights lie that the package ships. Raises CheckpointError if it was built without them."""
    path = Path(str(files("sfumato"))) / "weights" / "world.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"{path}: this copy of sfumato has no embedded model; train one "
            "(sfumato train world-s --out DIR) and name its file, or install a released package"
        )
    return path


def load(path: str | Path, *, device: str = "cpu") -> Model:
    """The model in a file or folder, of whatever family its tensors show. Raises CheckpointError."""
    parts = opened(path, place=Place(device=device))
    if parts.family not in FAMILIES:
        raise CheckpointError(f"{path}: family {parts.family!r}; sfumato draws with {', '.join(FAMILIES)}")
    return FAMILIES[parts.family](parts)

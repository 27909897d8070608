"""Families of models, one file each, and one line in ``FAMILIES``. Begin with ``model.py``."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sfumato.checkpoints.header import read_header
from sfumato.errors import CheckpointError
from sfumato.families.model import Encoded, Model
from sfumato.families.world import World

FAMILIES: dict[str, Callable[..., Model]] = {"world": World.load}

__all__ = ["FAMILIES", "Encoded", "Model", "World", "embedded", "load"]


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
    """The model in a weights file, of whatever family its header names. Raises CheckpointError."""
    family = read_header(path).metadata.get("sfumato.family")
    if family not in FAMILIES:
        what = f"family {family!r}" if family else "no family of ours in its header"
        raise CheckpointError(f"{path}: {what}; sfumato draws with {', '.join(FAMILIES)}")
    return FAMILIES[family](path, device=device)

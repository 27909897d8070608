"""Opens what a person points at as an adapter: a file, or a folder as PEFT or diffusers saves one.

A folder may hold a LoRA or a learned word in one file, or a network (ControlNet) with its config.json.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sfumato.adapters.scales import METADATA
from sfumato.checkpoints.folder import read_json
from sfumato.checkpoints.open import Checkpoint, open_checkpoint
from sfumato.errors import CheckpointError

SAVED = (
    "adapter_model.safetensors",
    "pytorch_lora_weights.safetensors",
    "learned_embeds.safetensors",
    "adapter_model.bin",
    "pytorch_lora_weights.bin",
    "learned_embeds.bin",
)
"""What PEFT and diffusers call the one file in the folder of an adapter; the safe ones first."""

SETTINGS = "adapter_config.json"
PART = "config.json"  # beside the weights of a ControlNet or T2I-Adapter


def open_adapter(path: str | Path) -> Checkpoint:
    """The file, or the one in the folder; PEFT's settings stand in its metadata, where diffusers puts them.

    Raises CheckpointError for a folder without a file of that kind.
    """
    path = Path(path)
    if not path.is_dir():
        return open_checkpoint(path)
    file = next((path / name for name in SAVED if (path / name).is_file()), None)
    if file is None and (path / PART).is_file():
        return open_checkpoint(path)
    if file is None:
        raise CheckpointError(f"{path}: no adapter is in this folder; there might be {', '.join(SAVED[:3])}")
    opened = open_checkpoint(file)
    settings = path / SETTINGS
    if METADATA in opened.metadata or not settings.is_file():
        return opened
    return replace(opened, metadata={**opened.metadata, METADATA: json.dumps(read_json(settings))})

"""By what an adapter's product is multiplied: alpha and rank, as each writer defines them.

Kohya, LyCORIS and OneTrainer store an ``alpha`` beside every module, and the product counts alpha / rank
times; without one, once. PEFT stores one alpha for all, exceptions by module, and whether it is divided by
the rank or by its root (arXiv:2312.03732), in ``adapter_config.json`` or, as diffusers has it, in the file's
metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from sfumato.adapters.names import PREFIXES
from sfumato.errors import CheckpointError

METADATA = "lora_adapter_metadata"
"""The entry of a file's metadata in which diffusers keeps PEFT's settings as JSON."""

Scale: TypeAlias = Callable[[str, float | None, int | None], float]
"""``scale(name, alpha, rank)``: of the module that the file calls ``name`` and gives this ``alpha``, if any.

A rank of None is that of a product without thin matrices, which has none of its own. ValueError for 0.
"""


def scale_by(metadata: Mapping[str, str]) -> Scale:
    """How a file of this metadata scales its products. CheckpointError for settings that are not JSON."""
    settings = _settings(metadata)

    def scale(name: str, alpha: float | None, rank: int | None) -> float:
        if rank == 0:
            raise ValueError("matrices of rank 0")
        if rank is None:
            rank = _whole(_told(settings, name, "r")) if settings else None
            return 1.0 if rank is None else _scale(settings, name, rank)
        return _scale(settings, name, rank) if alpha is None else alpha / rank

    return scale


def _scale(settings: Mapping[str, object], name: str, rank: int) -> float:
    alpha = _exception(settings, name, "alpha_pattern")
    alpha = alpha or _told(settings, name, "lora_alpha") or _told(settings, name, "alpha")
    if not isinstance(alpha, int | float):
        return 1.0
    if not math.isfinite(alpha):
        raise CheckpointError(f"{METADATA} in the adapter's header scales {name} by {alpha}")
    return alpha / (rank**0.5 if _told(settings, name, "use_rslora") is True else rank)


def _settings(metadata: Mapping[str, str]) -> Mapping[str, object]:
    try:
        found = json.loads(metadata.get(METADATA, "{}"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{METADATA} in the adapter's header is not JSON: {error}") from error
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _told(settings: Mapping[str, object], name: str, what: str) -> object:
    """A setting, which diffusers keeps per network: "unet.lora_alpha"."""
    network = name.partition(".")[0]
    return settings.get(f"{network}.{what}", settings.get(what))


def _exception(settings: Mapping[str, object], name: str, what: str) -> object:
    """What a pattern says of the module. PEFT takes its keys for regular expressions; here they are names."""
    patterns = _told(settings, name, what)
    module = name
    for prefix in PREFIXES:
        module = module.removeprefix(prefix.text)
    for key, value in cast("dict[str, object]", patterns).items() if isinstance(patterns, dict) else ():
        plain = key.removeprefix("^").removesuffix("$").replace("\\.", ".")
        if f".{module}".endswith(f".{plain}"):
            return value
    return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

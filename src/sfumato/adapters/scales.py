"""By what an adapter's product is multiplied: alpha and rank, as each writer defines them.

Kohya, LyCORIS and OneTrainer store an ``alpha`` beside every module, and the product counts alpha / rank
times; without one, once. PEFT stores one alpha for all, exceptions by module, and whether it is divided by
the rank or by its root (arXiv:2312.03732), in ``adapter_config.json`` or, as diffusers has it, in the file's
metadata.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from sfumato.adapters.names import PREFIXES
from sfumato.errors import CheckpointError

METADATA = "lora_adapter_metadata"
"""The entry of a file's metadata in which diffusers keeps PEFT's settings as JSON."""

LONGEST, WAYS, REPEAT = 200, 20, 6
"""Of a pattern: the characters, and the ways to match it as a power of two, of which a repeat counts six.

More may take time without end, as a repeated group may.
"""

Settings: TypeAlias = Mapping[str, object]
Patterns: TypeAlias = Mapping[str, re.Pattern[str]]
"""The keys of PEFT's exceptions, compiled once."""

Scale: TypeAlias = Callable[[str, float | None, int | None], float]
"""``scale(name, alpha, rank)``: of the module that the file calls ``name`` and gives this ``alpha``, if any.

A rank of None is that of a product without thin matrices, which has none of its own. ValueError for 0.
"""


def scale_by(metadata: Mapping[str, str]) -> Scale:
    """How a file of this metadata scales its products. CheckpointError for settings that cannot be read."""
    settings = _settings(metadata)
    patterns = _compiled(settings)

    def scale(name: str, alpha: float | None, rank: int | None) -> float:
        if rank == 0:
            raise ValueError("matrices of rank 0")
        if rank is None:
            rank = _whole(_first(settings, patterns, name, ("rank_pattern", "r")))
            return 1.0 if rank is None else _scale(settings, patterns, name, rank)
        return _scale(settings, patterns, name, rank) if alpha is None else alpha / rank

    return scale


def _scale(settings: Settings, patterns: Patterns, name: str, rank: int) -> float:
    alpha = _first(settings, patterns, name, ("alpha_pattern", "lora_alpha", "alpha"))
    if not isinstance(alpha, int | float):
        return 1.0
    if not math.isfinite(alpha):
        raise CheckpointError(f"{METADATA} in the adapter's header scales {name} by {alpha}")
    return alpha / (rank**0.5 if _told(settings, name, "use_rslora") is True else rank)


def _first(settings: Settings, patterns: Patterns, name: str, among: Sequence[str]) -> object:
    """The first of these settings that says anything of a module."""
    module = name
    for prefix in PREFIXES:
        module = module.removeprefix(prefix.text)
    for what in among:
        told = _told(settings, name, what)
        if what.endswith("_pattern"):
            keys = cast("dict[str, object]", told) if isinstance(told, dict) else {}
            told = next((value for key, value in keys.items() if patterns[key].match(module)), None)
        if told is not None:
            return told
    return None


def _settings(metadata: Mapping[str, str]) -> Settings:
    try:
        found = json.loads(metadata.get(METADATA, "{}"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{METADATA} in the adapter's header is not JSON: {error}") from error
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _told(settings: Settings, name: str, what: str) -> object:
    """A setting, which diffusers keeps per network: "unet.lora_alpha"."""
    network = name.partition(".")[0]
    return settings.get(f"{network}.{what}", settings.get(what))


def _compiled(settings: Settings) -> Patterns:
    """The keys of all exceptions as PEFT matches them: the end of a module's name, from a dot or whole."""
    tables = [
        cast("dict[str, object]", table)
        for name, table in settings.items()
        if name.endswith(("alpha_pattern", "rank_pattern")) and isinstance(table, dict)
    ]
    return {key: _pattern(key) for table in tables for key in table}


def _pattern(key: str) -> re.Pattern[str]:
    """Raises CheckpointError for what is no regular expression, or might be matched for hours."""
    plain = re.sub(r"\\.|\[[^]]*\]", "x", key).replace("(?:", "(")
    ways = REPEAT * len(re.findall(r"[*+{]", plain)) + len(re.findall(r"[?|]", plain))
    endless = re.search(r"\)[*+{]|\(\?", plain)
    if len(key) > LONGEST or ways > WAYS or endless:
        raise CheckpointError(
            f"{METADATA} in the adapter's header: matching {key[:60]!r} may take hours; patterns of at most "
            f"{LONGEST} characters and {WAYS // REPEAT} repeats are read, none of a group: write names of "
            "modules instead"
        )
    try:
        return re.compile(rf"(.*\.)?({key})$")
    except re.error as error:
        raise CheckpointError(
            f"{METADATA} in the adapter's header: {key[:60]!r} is no regular expression ({error})"
        ) from error


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

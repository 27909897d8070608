"""``sfumato inspect``: what a weights file is, from its header alone."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Annotated, cast

import typer

from sfumato.checkpoints.header import Header, read_header

PREFIX = "sfumato."


def inspect(
    file: Annotated[
        Path | None, typer.Argument(help="Weights in safetensors; the embedded ones if none.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, on one line.")] = False,
) -> None:
    """Say what a weights file is.

    Its family, name and sizes, the parameters and precision of each part, and its card.
    """
    path = _embedded() if file is None else file
    facts = describe(path)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    for line in _lines(facts):
        typer.echo(line)


def _embedded() -> Path:
    from sfumato.families import embedded

    return embedded()


def describe(path: Path) -> dict[str, object]:
    """All that the header tells; ``family`` is None if the file is not ours. Raises CheckpointError."""
    header = read_header(path)
    told = {
        name.removeprefix(PREFIX): text for name, text in header.metadata.items() if name.startswith(PREFIX)
    }
    config = _fields(told.get("config"))
    words = _decoded(told.get("words"))
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "family": told.get("family"),
        "name": told.get("name"),
        "format": told.get("format"),
        "parameters": header.parameters,
        "parts": _parts(header),
        "sizes": {
            name: config[name] for name in ("native", "smallest", "largest", "multiple") if name in config
        },
        "prediction": config.get("prediction"),
        "words": len(cast("list[object]", words)) if isinstance(words, list) else None,
        "card": _fields(told.get("card")),
    }


def _parts(header: Header) -> dict[str, dict[str, object]]:
    """Parameters and precisions of the tensors under each first name."""
    counts: Counter[str] = Counter()
    dtypes: dict[str, set[str]] = {}
    for name, tensor in header.tensors.items():
        part = name.partition(".")[0]
        counts[part] += math.prod(tensor.shape)
        dtypes.setdefault(part, set()).add(tensor.dtype)
    return {
        part: {"parameters": count, "precision": "+".join(sorted(dtypes[part]))}
        for part, count in counts.items()
    }


def _decoded(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _fields(text: str | None) -> dict[str, object]:
    found = _decoded(text)
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _lines(facts: dict[str, object]) -> list[str]:
    kind = (
        f"{facts['name']}, family {facts['family']}" if facts["family"] else "not a model of sfumato's format"
    )
    lines = [
        f"{facts['file']}: {kind}",
        f"{'size':<12} {_millions(facts['bytes'])}B, {_millions(facts['parameters'])} parameters",
    ]
    for part, told in cast("dict[str, dict[str, object]]", facts["parts"]).items():
        lines.append(f"{part:<12} {_millions(told['parameters'])} parameters in {told['precision']}")
    sizes = cast("dict[str, object]", facts["sizes"])
    if "native" in sizes:
        native = "x".join(map(str, cast("list[int]", sizes["native"])))
        lines.append(
            f"{'pictures':<12} {native}; others from {sizes.get('smallest')} to {sizes.get('largest')} "
            f"in multiples of {sizes.get('multiple')}"
        )
    if facts["words"] is not None:
        lines.append(f"{'words':<12} {facts['words']}")
    for name, fact in cast("dict[str, object]", facts["card"]).items():
        lines.append(f"{name:<12} {fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)}")
    return lines


def _millions(count: object) -> str:
    return f"{cast('int', count) / 1e6:.2f} M"

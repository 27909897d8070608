"""``sfumato inspect``: what a file or folder of weights is, without reading its weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from sfumato.checkpoints.open import Checkpoint
    from sfumato.checkpoints.report import Report

PREFIX = "sfumato."
ADAPTERS = ("adapter_model", "pytorch_lora_weights", "learned_embeds")  # in folders of PEFT and diffusers
NAMED = 20  # names that a list shows a person; --json has them all


def inspect(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A file of weights, or a folder as diffusers has it; the embedded model if none."
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, on one line.")] = False,
    hashes: Annotated[
        bool, typer.Option(help="SHA-256, AutoV2 and AutoV3, for which the whole file is read.")
    ] = False,
    prediction: Annotated[
        str | None, typer.Option(help="What the model predicts, if the file is wrong: epsilon, v, ...")
    ] = None,
) -> None:
    """Say what a file of weights is.

    Its kind and family, what it predicts and how that was decided, the size and precision of its parts, what
    is missing or unused, and what its makers wrote into it.
    """
    facts = describe(_embedded() if file is None else file, prediction=prediction, hashes=hashes)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace").decode())
        return
    for line in _lines(facts):
        typer.echo("".join(letter if letter.isprintable() else " " for letter in line))


def _embedded() -> Path:
    from sfumato.families import embedded

    return embedded()


def describe(path: Path, *, prediction: str | None = None, hashes: bool = False) -> dict[str, object]:
    """All that names, shapes and metadata tell; ``family`` is None if they tell none. CheckpointError."""
    from sfumato.adapters.triggers import triggers
    from sfumato.checkpoints.recognise import recognise
    from sfumato.checkpoints.report import report

    checkpoint = _opened(path)
    found = report(checkpoint, recognise(checkpoint, prediction=prediction))
    return {
        "file": str(path),
        **asdict(found),
        **_our_facts(checkpoint, found),
        "triggers": list(triggers(checkpoint.metadata)),
        "hashes": _hashes(checkpoint.files) if hashes else None,
    }


def _opened(path: Path) -> Checkpoint:
    from sfumato.checkpoints.open import open_checkpoint

    if path.is_dir() and any(entry.stem in ADAPTERS for entry in path.iterdir()):
        from sfumato.adapters.open import open_adapter  # brings torch in

        return open_adapter(path)
    return open_checkpoint(path)


def _our_facts(checkpoint: Checkpoint, found: Report) -> dict[str, object]:
    """What the header of a model of our own format tells beside its tensors; of strangers, their title."""
    told = {
        name.removeprefix(PREFIX): text
        for name, text in checkpoint.metadata.items()
        if name.startswith(PREFIX)
    }
    config, card, words = _fields(told.get("config")), _fields(told.get("card")), _decoded(told.get("words"))
    return {
        "name": told.get("name") or found.title,
        "format": told.get("format") or found.format,
        "sizes": {
            name: config[name] for name in ("native", "smallest", "largest", "multiple") if name in config
        },
        "words": len(cast("list[object]", words)) if isinstance(words, list) else None,
        "card": card,
        "licence": found.licence or card.get("licence"),
    }


def _hashes(files: tuple[Path, ...]) -> dict[str, dict[str, str | None]]:
    from sfumato.checkpoints.hashes import hashes

    return {str(file): hashes(file)._asdict() for file in files}


def _decoded(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _fields(text: str | None) -> dict[str, object]:
    found = _decoded(text)
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


# for people ---------------------------------------------------------------------------------------


def _lines(facts: Mapping[str, object]) -> Iterator[str]:
    yield f"{facts['file']}: {_what(facts)}"
    files = cast("tuple[str, ...]", facts["files"])
    many = f" in {len(files)} files" if len(files) > 1 else ""
    yield _line(
        "size", f"{_scaled(facts['bytes'])}B{many}, {_scaled(facts['parameters']).strip()} parameters"
    )
    for part, told in cast("dict[str, dict[str, object]]", facts["parts"]).items():
        yield _line(part, f"{_scaled(told['parameters']).strip()} parameters in {told['precision']}")
    yield from _verdict(facts)
    yield from _drawing(facts)
    yield from _making(facts)
    for file, hashes in cast("dict[str, dict[str, str | None]]", facts["hashes"] or {}).items():
        for name, digest in hashes.items():
            yield _line(name, f"{digest or 'none'}{f'  {Path(file).name}' if many else ''}")
    for note in cast("tuple[str, ...]", facts["notes"]):
        yield _line("note", note)
    for name, fact in cast("dict[str, object]", facts["card"]).items():
        yield _line(name, fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False))


def _what(facts: Mapping[str, object]) -> str:
    name = f"{facts['name']}, " if facts["name"] else ""
    family = f"family {facts['family']}" if facts["family"] else "of no family that is known"
    kind = "" if (facts["family"], facts["kind"]) == ("world", "checkpoint") else f"{facts['kind']}, "
    variant = "" if facts["variant"] == "base" else f", {facts['variant']}"
    return f"{name}{kind}{family}{variant}"


def _verdict(facts: Mapping[str, object]) -> Iterator[str]:
    """Whether it can be drawn with, and every tensor that stands in the way or is passed over."""
    if facts["drawable"] or facts["obstacle"]:
        yield _line("drawable", "yes" if facts["drawable"] else f"no: {facts['obstacle']}")
    for title, what in (("missing", "missing_parts"), ("missing", "missing"), ("unused", "unused")):
        if names := cast("tuple[str, ...]", facts[what]):
            yield _line(title, _listed(names))
    for rule, names in cast("dict[str, tuple[str, ...]]", facts["ignored"]).items():
        yield _line("passed over", f"{rule}: {_counted(len(names), 'tensor')}")


def _drawing(facts: Mapping[str, object]) -> Iterator[str]:
    if facts["prediction"]:
        noise = "; trained down to pure noise" if facts["zero_snr"] else ""
        yield _line("prediction", f"{facts['prediction']}: {facts['decided_by']}{noise}")
    if facts["few_steps"]:
        yield _line("few steps", facts["few_steps"])
    sizes = cast("dict[str, object]", facts["sizes"])
    if "native" in sizes:
        native = "x".join(map(str, cast("list[int]", sizes["native"])))
        yield _line(
            "pictures",
            f"{native}; others from {sizes.get('smallest')} to {sizes.get('largest')} "
            f"in multiples of {sizes.get('multiple')}",
        )
    if facts["words"] is not None:
        yield _line("words", facts["words"])


def _making(facts: Mapping[str, object]) -> Iterator[str]:
    """What its makers say of it."""
    if adapter := cast("dict[str, object] | None", facts["adapter"]):
        ranks = ", ".join(map(str, cast("tuple[int, ...]", adapter["ranks"])))
        of_rank = f" of rank {ranks}" if ranks else ""
        yield _line("changes", f"{_counted(cast('int', adapter['modules']), 'layer')}{of_rank}")
    if triggers := cast("list[str]", facts["triggers"]):
        yield _line("triggers", ", ".join(triggers))
    for name, fact in cast("dict[str, object]", facts["training"] or {}).items():
        if name == "tags":
            tags = cast("dict[str, int]", fact)
            fact = ", ".join(f"{tag} {count}" for tag, count in tags.items())  # noqa: PLW2901
        if fact:
            yield _line(name, fact)
    for name in ("author", "licence"):
        if facts[name] and name not in cast("dict[str, object]", facts["card"]):
            yield _line(name, facts[name])


def _line(title: str, text: object) -> str:
    return f"{title:<14} {text}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more (--json lists them)" if len(names) > NAMED else ""
    return f"{len(names)}: {', '.join(names[:NAMED])}{more}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _scaled(count: object) -> str:
    """27170000 as "27.17 M", for a unit to follow."""
    number = float(cast("int", count))
    for unit in ("", "k", "M"):
        if number < 1000:
            return f"{number:.2f} {unit}" if unit else f"{number:.0f} "
        number /= 1000
    return f"{number:.2f} G"

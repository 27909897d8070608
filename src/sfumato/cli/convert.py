"""``sfumato convert``: weights as one file under original names, or as a folder of diffusers' kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfumato.checkpoints.open import Checkpoint
    from sfumato.checkpoints.recognise import Found
    from sfumato.checkpoints.tensors import Tensors

STALE = ("modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash")
"""Digests in the metadata, which are no longer those of what is written."""

MARKER = "v_pred"
"""An empty tensor by which loaders tell that v is predicted."""

Written = tuple[str, ...]
"""Lines about what was written, and what was not."""


def convert(
    source: Annotated[Path, typer.Argument(help="A file of weights, or a folder as diffusers has it.")],
    target: Annotated[
        Path, typer.Argument(help="What to write: NAME.safetensors, or a folder. Never overwritten.")
    ],
    *,
    to: Annotated[
        str | None, typer.Option(help="file or folder; by default what the target's name says.")
    ] = None,
    variant: Annotated[str | None, typer.Option(help="Which weights of a folder: fp16, ...")] = None,
    half: Annotated[bool, typer.Option(help="Write floating-point numbers in 16 bits.")] = False,
    prune: Annotated[bool, typer.Option(help="Leave out what no network reads.")] = False,
    ema: Annotated[
        bool, typer.Option(help="Take the averages of the training instead of its last weights.")
    ] = False,
    prediction: Annotated[
        str | None, typer.Option(help="What the model predicts, if the source is wrong: epsilon, v, ...")
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:0.8[:0.6]]", help="Add an adapter to the weights for good; repeatable."),
    ] = None,
) -> None:
    """Write weights anew: as one file or as a folder, in half precision, without what nobody reads.

    Numbers go over bit for bit unless --half or --lora is given. What is left out is told.
    """
    wanted = _form(target, to)
    from sfumato.checkpoints.open import open_checkpoint
    from sfumato.checkpoints.recognise import recognise
    from sfumato.errors import InputError

    if target.exists():
        raise InputError(f"{target} is there already; choose another place")
    checkpoint = open_checkpoint(source, variant=variant)
    found = recognise(checkpoint, prediction=prediction, ema=ema)
    if prediction is not None:
        checkpoint = _retold(checkpoint, found, wanted)
        found = recognise(checkpoint, ema=ema)
        _check_asked(source, prediction, found)
    found, told = _baked(source, found, lora or ())
    if wanted == "file" and checkpoint.layout == "file" and not lora:
        lines = _again(target, checkpoint, found, half=half, prune=prune, ema=ema)
    else:
        _check_whole(source, found, prune=prune)
        write = _file if wanted == "file" else _folder
        lines = (*write(target, checkpoint, found, half=half), *_left_out(found))
    for line in (f"{target}: {found.kind}, family {found.family}", *checkpoint.notes, *told, *lines):
        typer.echo(line)


def _baked(source: Path, found: Found, loras: Sequence[str]) -> tuple[Found, list[str]]:
    """The same with adapters in its weights, and what is to be told of them."""
    from sfumato.adapters.baked import Strength, baked
    from sfumato.adapters.open import open_adapter
    from sfumato.cli.brought import worn
    from sfumato.errors import CheckpointError

    if loras and "unet" not in found.parts:
        raise CheckpointError(f"{source}: {found.kind} of {found.family} has no U-Net that wears an adapter")
    parts, told = found.parts, list[str]()
    for wanted in map(worn, loras):
        strength = Strength(picture=wanted.picture, words=wanted.words)
        parts, report = baked(parts, open_adapter(wanted.path), strength)
        told += [f"{wanted.path.name}: {line}" for line in report]
    return replace(found, parts=parts), told


def _retold(checkpoint: Checkpoint, found: Found, wanted: str) -> Checkpoint:
    """The same, saying of itself that it predicts what was asked for, wherever readers of a form look."""
    import torch

    from sfumato.checkpoints.settings import PREDICTIONS
    from sfumato.checkpoints.tensors import Kind, Tensors

    held, configs = checkpoint.tensors, dict(checkpoint.configs)
    if "scheduler" in configs:
        spelt = PREDICTIONS.get(found.prediction, found.prediction)
        configs["scheduler"] = {**configs["scheduler"], "prediction_type": spelt}
    kinds = {name: kind for name, kind in held.kinds.items() if name != MARKER}
    if found.prediction == "v" and checkpoint.layout == "file":
        kinds[MARKER] = Kind("F32", (0,))
    metadata = dict(checkpoint.metadata)
    if (checkpoint.layout, wanted) != ("folder", "folder"):  # of which the scheduler alone is written
        metadata["modelspec.prediction_type"] = found.prediction
    return replace(
        checkpoint,
        tensors=Tensors(kinds=kinds, read=lambda name: torch.empty(0) if name == MARKER else held.read(name)),
        metadata=metadata,
        configs=configs,
    )


def _check_asked(source: Path, prediction: str, found: Found) -> None:
    """Raise InputError unless what is written is going to say the prediction that was asked for."""
    from sfumato.checkpoints.prediction import SPELLINGS
    from sfumato.errors import InputError

    if SPELLINGS.get(prediction.strip().lower()) != found.prediction:
        predicts = f"predicts {found.prediction}" if found.prediction else "predicts nothing"
        raise InputError(
            f"{source}: {found.kind} of {found.family} {predicts}, and nothing in it could say otherwise: "
            "leave --prediction out"
        )


def _form(target: Path, to: str | None) -> str:
    from sfumato.errors import InputError

    if to not in (None, "file", "folder"):
        raise InputError(f"--to {to!r} is neither file nor folder")
    if target.suffix in (".ckpt", ".pt", ".pth", ".bin"):
        raise InputError(f"{target}: pickles are read and not written; name it {target.stem}.safetensors")
    return to or ("file" if target.suffix == ".safetensors" else "folder")


def _check_whole(source: Path, found: Found, *, prune: bool) -> None:
    """Raise CheckpointError for what would be lost, or would not be a model, on the other side."""
    from sfumato.checkpoints.keys.rules import shortened
    from sfumato.errors import CheckpointError

    if not found.parts:
        raise CheckpointError(f"{source}: {found.obstacle or found.kind}; it has one form only")
    if found.missing:
        raise CheckpointError(
            f"{source}: {len(found.missing)} tensors are missing: {shortened(found.missing)}"
        )
    if found.unused and not prune:
        raise CheckpointError(
            f"{source}: {len(found.unused)} tensors belong to no part: {shortened(found.unused)}; "
            "leave them out with --prune"
        )


def _again(
    target: Path, checkpoint: Checkpoint, found: Found, *, half: bool, prune: bool, ema: bool
) -> Written:
    """The same names in another file: a pickle as safetensors, or less of the same."""
    from sfumato.checkpoints.parts import averaged
    from sfumato.checkpoints.tensors import Tensors

    tensors = averaged(checkpoint.tensors) if ema else checkpoint.tensors
    dropped = _dropped(found, prune=prune, ema=ema)
    names = {name for listed in dropped.values() for name in listed}
    kinds = {name: kind for name, kind in tensors.kinds.items() if name not in names}
    kept = {name: text for name, text in checkpoint.metadata.items() if name not in STALE}
    _write(target, Tensors(kinds=kinds, read=tensors.read), kept, half=half)
    return _said(dropped)


def _dropped(found: Found, *, prune: bool, ema: bool) -> dict[str, tuple[str, ...]]:
    """What is left out of a file, by the rule; markers tell something and stay."""
    from sfumato.checkpoints.parts import EMA, MARKERS

    dropped = {
        rule: tuple(name for name in names if name not in MARKERS and (prune or name.startswith(EMA)))
        for rule, names in found.ignored.items()
        if prune or ema
    }
    if prune and found.parts:
        dropped["no network has them"] = found.unused
    return {rule: names for rule, names in dropped.items() if names}


def _file(target: Path, checkpoint: Checkpoint, found: Found, *, half: bool) -> Written:
    from sfumato.checkpoints.originals import metadata, single_file

    kept = {name: text for name, text in checkpoint.metadata.items() if name not in (*STALE, "format")}
    _write(target, single_file(found), kept | metadata(found), half=half)
    return _unsaid(checkpoint, found)


def _write(target: Path, tensors: Tensors, metadata: Mapping[str, str], *, half: bool) -> None:
    import torch

    from sfumato.checkpoints.write import write_safetensors

    write_safetensors(target, tensors, {"format": "pt", **metadata}, dtype=torch.float16 if half else None)


def _folder(target: Path, checkpoint: Checkpoint, found: Found, *, half: bool) -> Written:
    import torch

    from sfumato.checkpoints.settings import settings
    from sfumato.checkpoints.write import write_folder

    configs = _kept_configs(checkpoint, found) if checkpoint.layout == "folder" else settings(found)
    files, lines = _tokenizers(checkpoint, found)
    write_folder(target, found.parts, configs, files=files, dtype=torch.float16 if half else None)
    return lines


def _kept_configs(checkpoint: Checkpoint, found: Found) -> dict[str, Mapping[str, object]]:
    """The configurations of what is written; the index says of other parts that they are not there."""
    kept: dict[str, Mapping[str, object]] = {
        part: config
        for part, config in checkpoint.configs.items()
        if part in found.parts or part in ("", "scheduler")
    }
    there = {*kept, *checkpoint.tokenizers}
    index: dict[str, object] = {
        name: [None, None] if isinstance(value, list) and name not in there else value
        for name, value in kept.get("", {}).items()
    }
    return kept | ({"": index} if index else {})


def _tokenizers(checkpoint: Checkpoint, found: Found) -> tuple[dict[str, bytes], Written]:
    """The files of a folder's tokenizers, or those that every model of the family has."""
    if checkpoint.layout == "folder":
        places = checkpoint.tokenizers.items()
        files = {f"{name}/{file.name}": file for name, folder in places for file in folder.iterdir()}
        return {place: file.read_bytes() for place, file in files.items() if file.is_file()}, ()
    from sfumato.checkpoints.settings import tokenizer_files
    from sfumato.errors import MissingExtra
    from sfumato.text.merges import packaged

    try:
        words = packaged()
    except MissingExtra as error:
        return {}, (f"left out: the tokenizers, since {error}",)
    merges = "".join(["#version: 0.2\n", *(f"{first} {second}\n" for first, second in words.merges)])
    texts = tokenizer_files(found.family, words.ids, merges)
    return {
        place: (text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)).encode()
        for place, text in texts.items()
    }, ()


def _left_out(found: Found) -> Written:
    """Lines on all but the markers, of which the file has its own and a folder's scheduler speaks."""
    from sfumato.checkpoints.originals import markers

    said = markers(found)
    dropped = {
        rule: tuple(name for name in names if name not in said)
        for rule, names in {**found.ignored, "no network has them": found.unused}.items()
    }
    return _said({rule: names for rule, names in dropped.items() if names})


def _said(dropped: Mapping[str, tuple[str, ...]]) -> Written:
    return tuple(
        f"left out: {rule}: {len(names)} tensor{'s' * (len(names) != 1)}" for rule, names in dropped.items()
    )


TOLD = {
    "unet": ("attention_head_dim", "norm_num_groups", "act_fn"),
    "vae": ("scaling_factor", "norm_num_groups"),
    "text_encoder": ("hidden_act", "num_attention_heads"),
    "text_encoder_2": ("hidden_act", "num_attention_heads"),
    "scheduler": ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "timestep_spacing"),
}
"""What a folder says and a file leaves to the family."""


def _unsaid(checkpoint: Checkpoint, found: Found) -> Written:
    """A line for every setting of a folder that readers of the file will take for another."""
    from sfumato.checkpoints.originals import HOMES
    from sfumato.checkpoints.settings import settings

    if checkpoint.layout == "file" or found.family not in HOMES:
        return ()
    usual = settings(replace(found, variant="base"))
    return tuple(
        f"a file cannot say {part}'s {name} = {config[name]!r}: readers will take {usual[part].get(name)!r}"
        for part, config in checkpoint.configs.items()
        for name in TOLD.get(part, ())
        if part in usual and name in config and _spread(config[name]) != _spread(usual[part].get(name))
    )


def _spread(value: object) -> object:
    """One value for all levels, however it is written: 8 and [8, 8, 8]."""
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return values[0] if len(set(map(repr, values))) == 1 else values

"""Hangs what a person points at beside a model, whatever kind of adapter it is: one table of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sfumato.adapters.closet import Closet
from sfumato.adapters.controlnet import read_controlnet
from sfumato.adapters.controls import Controls
from sfumato.adapters.ip_adapter import read_ip_adapter
from sfumato.adapters.kinds import kind_of
from sfumato.adapters.sight import read_sight
from sfumato.adapters.t2i import read_t2i
from sfumato.adapters.taught import read_taught
from sfumato.adapters.world_reference import read_world_reference
from sfumato.checkpoints.fingerprint import MODEL, fingerprint
from sfumato.checkpoints.open import Checkpoint
from sfumato.checkpoints.placing import Place
from sfumato.errors import CheckpointError, InputError

TAUGHT = "sfumato.kind"
"""Where the files of our own training say what they are."""


@dataclass(frozen=True, kw_only=True)
class Peg:
    """A place beside a model, the name that will hang there, and the file that is to hang."""

    name: str
    file: Checkpoint
    closet: Closet
    controls: Controls
    encoder: Checkpoint | None = None  # CLIP's image tower, for an IP-Adapter


def hang(peg: Peg) -> tuple[str, ...]:
    """Hang a file; lines that say what of it fits.

    Raises CheckpointError, which names it, for a file that fits nothing, InputError for a name that is taken.
    """
    if peg.name in (*peg.closet.adapters, *peg.closet.embeddings, *peg.controls.names):
        raise InputError(f"{peg.name!r} hangs here already: remove it first, or give this one another name")
    try:
        return _hung(peg)
    except CheckpointError as error:
        if str(peg.file.path) in str(error):
            raise
        raise CheckpointError(f"{peg.file.path}: {error}") from error


def _hung(peg: Peg) -> tuple[str, ...]:
    kind = f"taught {peg.file.metadata[TAUGHT]}" if TAUGHT in peg.file.metadata else kind_of(peg.file.tensors)
    if kind not in HANGING:
        raise CheckpointError(f"nothing here hangs a {kind}; there are {', '.join(HANGING)}")
    if peg.encoder is not None and kind != "image-prompt":
        raise InputError(f"{peg.file.path}: a {kind} sees by no image tower: leave {peg.encoder.path} out")
    return HANGING[kind](peg)


def _lora(peg: Peg) -> tuple[str, ...]:
    return peg.closet.hang(peg.name, peg.file.tensors, peg.file.metadata)


def _embedding(peg: Peg) -> tuple[str, ...]:
    return peg.closet.learn(peg.name, peg.file.tensors)


def _controlnet(peg: Peg) -> tuple[str, ...]:
    settings = peg.file.configs.get("", {})
    read = read_controlnet(peg.file.tensors, settings, peg.controls.unet, name=peg.file.path.name)
    peg.controls.hang(peg.name, read)
    taught = f", taught {', '.join(read.kinds)}" if read.kinds else ""
    return (f"a ControlNet{taught}", *read.notes)


def _t2i(peg: Peg) -> tuple[str, ...]:
    settings = peg.file.configs.get("", {})
    peg.controls.hang(peg.name, read_t2i(peg.file.tensors, settings, peg.controls.unet))
    return ("a T2I-Adapter",)


def _image_prompt(peg: Peg) -> tuple[str, ...]:
    if peg.encoder is None:
        raise InputError(
            f"{peg.file.path}: an IP-Adapter sees by CLIP's image tower, which is a file of its own: name it "
            "with --image-encoder, or encoder= in Python"
        )
    weight = peg.controls.unet.conv_in.weight
    sight = read_sight(peg.encoder, Place(device=str(weight.device), dtype=weight.dtype))
    read = read_ip_adapter(peg.file.tensors, peg.controls.unet, sight)
    peg.controls.hang(peg.name, read)
    return read.report


def _taught_control(peg: Peg) -> tuple[str, ...]:
    read = read_taught(peg.file.path, peg.controls.unet)
    peg.controls.hang(peg.name, read)
    return (f"a control of sfumato's, taught {', '.join(read.kinds)}", *_other_model(peg))


def _taught_reference(peg: Peg) -> tuple[str, ...]:
    if peg.controls.tower is None:
        raise CheckpointError(f"{peg.file.path}: was taught for the embedded model; this is another")
    read = read_world_reference(peg.file.path, peg.controls.unet, peg.controls.tower)
    peg.controls.hang(peg.name, read)
    return (f"a reader of references, as {', '.join(read.roles)}", *_other_model(peg))


def _other_model(peg: Peg) -> tuple[str, ...]:
    """A line where a network of the same build, and not this one, stood beside it in its training."""
    told = peg.file.metadata.get(MODEL)
    if told is None or told == fingerprint(peg.controls.unet):
        return ()
    return ("it was taught beside a model of other weights than this one: it may make little of it",)


HANGING: Mapping[str, Callable[[Peg], tuple[str, ...]]] = {
    "lora": _lora,
    "embedding": _embedding,
    "controlnet": _controlnet,
    "t2i-adapter": _t2i,
    "image-prompt": _image_prompt,
    "taught controlnet": _taught_control,
    "taught reference": _taught_reference,
}
"""How each kind is hung. To add one: a file that reads it, a mark in `checkpoints/marks.py`, a line here."""

"""What a file or folder is: its kind, its family, and its parts under the names of our networks.

Names and shapes of tensors decide, never the file's own name. The structure tells the family, so that a tiny
network of the same build is recognised too; widths confirm. `marks.py` has the files of other kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from sfumato.checkpoints import marks
from sfumato.checkpoints.open import Checkpoint
from sfumato.checkpoints.parts import Parts, averaged, parts_of
from sfumato.checkpoints.prediction import Decision, decide
from sfumato.checkpoints.structure import missing_tensors, odd_depths, surplus_tensors
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

DRAWN = ("world", "sd1", "sd2", "sdxl", "sdxl-refiner")
"""Families whose networks are here."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "sd1": ("unet", "vae", "text_encoder"),
    "sd2": ("unet", "vae", "text_encoder"),
    "sdxl": ("unet", "vae", "text_encoder", "text_encoder_2"),
    "sdxl-refiner": ("unet", "vae", "text_encoder_2"),
}
"""The parts of a whole model."""

VARIANTS: Mapping[int, str] = {4: "base", 5: "depth", 7: "upscaler", 8: "pix2pix", 9: "inpaint"}
"""By the channels that the U-Net reads."""

DRAWN_VARIANTS = (4, 8, 9)
MOST_TENSORS = 50_000  # a file of SDXL with its averages has 4,500; one with more is made to keep us busy

AVERAGED = "the U-Net's weights are the averages of its training (model_ema.*)"
NO_SENTENCE = "the sentence's vector of CLIP-L, which no picture is drawn by"
LAST_BLOCK = "OpenCLIP-H's last block, which SD 2 does not read"

TEXT_WIDTHS: Mapping[int, str] = {768: "clip-l", 1024: "clip-h", 1280: "clip-g"}
LATENTS: Mapping[int, str] = {4: "sd", 16: "sd3 or flux", 32: "flux2"}
"""A family for an autoencoder alone, by the channels of its latents: SD 1, 2 and SDXL share a shape."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a checkpoint is; a name of a family that is not in `DRAWN` has its reason in `obstacle`."""

    kind: str  # "checkpoint", a part alone ("unet", "vae", "text_encoder"), "lora", ..., "unknown"
    family: str  # "unknown" where nothing tells
    variant: str = "base"
    prediction: str = ""  # a name in diffusion/prediction.py; "" for what predicts nothing
    decided_by: str = ""
    zero_snr: bool = False
    parts: Mapping[str, Tensors] = field(default_factory=dict[str, Tensors])  # under our names
    missing_parts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # tensors that the structure needs, by our names after that of their part
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Names in the file that no network reads, by the rule that says so."""
    unused: tuple[str, ...] = ()  # names in the file that no rule knows
    obstacle: str | None = None  # why it cannot be drawn with
    notes: tuple[str, ...] = ()


def recognise(checkpoint: Checkpoint, *, prediction: str | None = None, ema: bool = False) -> Found:
    """Say what was opened. Numbers are read of SD 2 files only, and there of one small tensor.

    `prediction` overrides what the file says; with `ema` the U-Net is that of the averages of the training.
    Raises CheckpointError for layouts that contradict themselves, and where there are no such averages.
    """
    tensors = checkpoint.tensors
    if len(tensors.kinds) > MOST_TENSORS:
        raise CheckpointError(
            f"{checkpoint.path}: {len(tensors.kinds)} tensors; no model that is known has {MOST_TENSORS}"
        )
    names = "\n".join(tensors.kinds)
    packed = marks.quantisation(names)
    if family := checkpoint.metadata.get("sfumato.family"):
        return _ours(tensors, family, checkpoint.metadata.get("sfumato.kind"))
    if mark := marks.first_mark(marks.ADAPTERS, names):
        return _adapter(mark, names, checkpoint)
    if is_embedding(tensors.kinds):
        return _adapter(marks.Mark("embedding", "", ()), names, checkpoint)
    if mark := marks.first_mark(marks.OTHERS, names):
        return _other(mark, names, tensors.kinds)
    parts = parts_of(averaged(tensors) if ema else tensors)
    if not parts.tensors:
        return _stranger(checkpoint, parts)
    if "unet" not in parts.tensors:
        return _without_unet(checkpoint, parts)
    found = _with_unet(checkpoint, parts, prediction)
    if ema:
        found = replace(found, notes=(*found.notes, AVERAGED))
    return replace(found, obstacle=f"its numbers are packed ({packed})") if packed else found


def _ours(tensors: Tensors, family: str, beside: str | None) -> Found:
    """What sfumato trained: a model, or what stands ``beside`` one."""
    if beside is not None:
        obstacle = f"it is no model but a {beside} that hangs beside one"
        return Found(kind=beside, family=family, parts={beside: tensors}, obstacle=obstacle)
    parts = dict.fromkeys(name.partition(".")[0] for name in tensors.kinds)
    return Found(
        kind="checkpoint",
        family=family,
        prediction="flow",
        decided_by="models of the picture world predict the flow",
        parts={part: tensors.under(f"{part}.") for part in parts},
        obstacle=None if family in DRAWN else f"this version does not know the family {family!r}",
    )


def _with_unet(checkpoint: Checkpoint, parts: Parts, asked: str | None) -> Found:
    unet = parts.tensors["unet"]
    family = _family(unet.kinds, set(parts.tensors))
    parts = _without_surplus(_without_unread(family, parts))
    pipeline = str(checkpoint.configs.get("", {}).get("_class_name", "")).endswith("Pipeline")
    whole = pipeline or len(parts.tensors) > 1
    inputs = _inputs(unet.kinds)
    decision = (
        Decision("", "")
        if family == "unknown" and asked is None
        else decide(
            family,
            unet,
            checkpoint.tensors.kinds,
            metadata=checkpoint.metadata,
            scheduler=checkpoint.configs.get("scheduler"),
            asked=asked,
        )
    )
    return Found(
        kind="checkpoint" if whole else "unet",
        family=family,
        variant=VARIANTS.get(inputs, f"{inputs} channels"),
        prediction=decision.prediction,
        decided_by=decision.reason,
        zero_snr=decision.zero_snr,
        parts=parts.tensors,
        missing_parts=tuple(part for part in NEEDED.get(family, ()) if part not in parts.tensors),
        missing=missing_tensors(parts.tensors),
        ignored=parts.ignored,
        unused=parts.unused,
        obstacle=_obstacle(family, unet.kinds, checkpoint.tensors.kinds),
        notes=(*_disagreements(family, parts.tensors), *_contradiction(decision)),
    )


def _without_unread(family: str, parts: Parts) -> Parts:
    """Pass over what a family's networks have no use for.

    Of SD 2's text tower only the layers up to the last but one are read. A whole tower, with its projection,
    is kept whole; one that was cut for diffusers but not short enough loses its last block.
    """
    if "text_encoder" not in parts.tensors:
        return parts
    names = parts.tensors["text_encoder"].kinds
    if family in ("sd1", "sdxl"):
        return parts.without("text_encoder", names.keys() & {"text_projection.weight"}, NO_SENTENCE)
    if family == "sd2" and "text_projection.weight" not in names:
        last = [name for name in names if name.startswith("text_model.encoder.layers.23.")]
        return parts.without("text_encoder", last, LAST_BLOCK)
    return parts


def _without_surplus(parts: Parts) -> Parts:
    """Leave only what a network of each part's build has; the rest is unused."""
    for part, tensors in parts.tensors.items():
        parts = parts.without(part, surplus_tensors(part, tensors.kinds), None)
    return parts


def _family(unet: Mapping[str, Kind], parts: Collection[str]) -> str:
    """By the build of the U-Net and, where two are built alike, by the text encoders that are beside it."""
    if "add_embedding.linear_1.weight" not in unet:
        inward = next((kind.shape for name, kind in unet.items() if name.endswith(".proj_in.weight")), None)
        return "unknown" if inward is None else "sd1" if len(inward) == 4 else "sd2"
    if "text_encoder_2" in parts:
        return "sdxl" if "text_encoder" in parts else "sdxl-refiner"
    if "text_encoder" in parts:
        return "unknown"  # one text encoder and a vector: SD 2's unclip
    return "sdxl-refiner" if any(name.startswith("down_blocks.3.") for name in unet) else "sdxl"


def _obstacle(family: str, unet: Mapping[str, Kind], names: Collection[str]) -> str | None:
    """Why a network of a known build cannot be drawn with."""
    if family not in DRAWN:
        return "a U-Net of another build than Stable Diffusion 1, 2 and XL have"
    if "edm_mean" in names or "edm_vpred.sigma_max" in names:
        return "its noise levels are those of EDM (Playground 2.5, CosXL)"
    if (inputs := _inputs(unet)) not in DRAWN_VARIANTS:
        return f"its U-Net reads {inputs} channels ({VARIANTS.get(inputs, 'of an unknown kind')})"
    if odd := odd_depths(unet):
        return f"a pruned U-Net (as SSD-1B and Vega): {odd}"
    if "encoder_hid_proj.weight" in unet:
        return "its text encoder is none of CLIP's (as in Kolors)"
    return None


def _inputs(unet: Mapping[str, Kind]) -> int:
    """How many channels the U-Net reads; 4, as the latent has, where nothing says it."""
    shape = unet.get("conv_in.weight", Kind("", ())).shape
    return shape[1] if len(shape) == 4 else 4


def _disagreements(family: str, parts: Mapping[str, Tensors]) -> tuple[str, ...]:
    """A line where the text encoders are not as wide as what the U-Net reads."""
    reads = {
        kind.shape[-1] for name, kind in parts["unet"].kinds.items()
        if name.endswith("attn2.to_k.weight") and len(kind.shape) == 2
    }  # fmt: skip
    widths = [_text_width(held.kinds) for part, held in parts.items() if part.startswith("text_encoder")]
    if not widths or not reads or reads == {sum(widths)}:
        return ()
    told = " + ".join(map(str, widths))
    return (f"the text encoders are {told} wide, the U-Net reads {max(reads)}: they do not belong together",)


def _contradiction(decision: Decision) -> tuple[str, ...]:
    """A line for noise predicted from pure noise, which tells nothing of a picture (arXiv:2305.08891)."""
    if not decision.zero_snr or decision.prediction != "epsilon":
        return ()
    return (
        "trained down to pure noise (zero terminal SNR) and predicting epsilon contradict each other, since "
        'noise is all that is seen there: if pictures are grey or burnt, try prediction="v"',
    )


def _text_width(kinds: Mapping[str, Kind]) -> int:
    shape = kinds.get("text_model.embeddings.token_embedding.weight", Kind("", ())).shape
    return shape[-1] if shape else 0


def _without_unet(checkpoint: Checkpoint, parts: Parts) -> Found:
    """An autoencoder or text encoders, for another model to use."""
    parts = _without_surplus(parts)
    (part, tensors), *more = parts.tensors.items()
    if part == "vae":
        family, note = _autoencoder_family(tensors.kinds, checkpoint)
    else:
        family, note = TEXT_WIDTHS.get(_text_width(tensors.kinds), "clip"), None
    return Found(
        kind="checkpoint" if more else part.removesuffix("_2"),
        family=family,
        parts=parts.tensors,
        missing_parts=("unet",) if more else (),
        missing=missing_tensors(parts.tensors),
        ignored=parts.ignored,
        unused=parts.unused,
        obstacle="there is no U-Net in it" if more else None,
        notes=(note,) if note else (),
    )


def _autoencoder_family(kinds: Mapping[str, Kind], checkpoint: Checkpoint) -> tuple[str, str | None]:
    """SD 1, 2 and SDXL have one shape; a configuration's scale, or metadata, may tell them apart."""
    shape = kinds.get("decoder.conv_in.weight", Kind("", ())).shape
    channels = shape[1] if len(shape) == 4 else 0
    scale = checkpoint.configs.get("", {}).get("scaling_factor")
    architecture = checkpoint.metadata.get("modelspec.architecture", "")
    if channels == 4 and (scale == 0.13025 or architecture.startswith("stable-diffusion-xl")):
        return "sdxl", None
    note = "its shape is that of SD 1, 2 and SDXL alike: the scale of latents is that of the model beside it"
    return LATENTS.get(channels, "unknown"), note if channels == 4 and scale is None else None


def _adapter(mark: marks.Mark, names: str, checkpoint: Checkpoint) -> Found:
    kinds = checkpoint.tensors.kinds
    if mark.kind == "embedding":
        family = _embedding_family(kinds)
    elif mark.kind == "t2i-adapter":
        family = marks.entry_family(kinds) or "unknown"
    else:
        family = mark.family or marks.adapted_family(names, kinds) or _told_family(checkpoint.metadata)
    obstacle = f"{mark.kind}: goes with a model and is none itself"
    return Found(kind=mark.kind, family=family, variant=mark.variant, obstacle=obstacle)


def _other(mark: marks.Mark, names: str, kinds: Mapping[str, Kind]) -> Found:
    whole = mark.kind == "transformer" and marks.has(names, r"^(?:first_stage_model|text_encoders|vae)\.")
    variant = _flux_variant(kinds) or mark.variant if mark.family == "flux" else mark.variant
    return Found(
        kind="checkpoint" if whole else mark.kind,
        family=mark.family or "unknown",
        variant=variant,
        obstacle=f"{mark.family or mark.kind} is recognised and cannot be drawn with yet",
    )


def _flux_variant(kinds: Mapping[str, Kind]) -> str | None:
    """FLUX's fill, depth and edge models, by the channels that they read beside the latent."""
    inputs = [kind.shape for name, kind in kinds.items() if name.endswith("img_in.weight")]
    by_width = {384: "fill", 128: "depth or canny"}
    return by_width.get(inputs[0][1]) if inputs and len(inputs[0]) == 2 else None


def _told_family(metadata: Mapping[str, str]) -> str:
    """The family that a trainer wrote into its file, where the tensors do not show it."""
    told = " ".join(metadata.get(entry, "") for entry in ("modelspec.architecture", "ss_base_model_version"))
    families = (family for family, spellings in TOLD_FAMILIES.items() if any(s in told for s in spellings))
    return next(families, "unknown")


TOLD_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "sdxl": ("stable-diffusion-xl", "sdxl"),
    "sd2": ("stable-diffusion-v2", "sd_v2"),
    "sd1": ("stable-diffusion-v1", "sd_v1"),
    "sd3": ("stable-diffusion-3", "sd3"),
    "flux": ("flux",),
}


def is_embedding(kinds: Mapping[str, Kind]) -> bool:
    """One tensor of one or several vectors as wide as a text encoder's: diffusers' textual inversion."""
    shapes = [kind.shape for kind in kinds.values()]
    return len(shapes) == 1 and len(shapes[0]) in (1, 2) and shapes[0][-1] in TEXT_WIDTHS


def _embedding_family(kinds: Mapping[str, Kind]) -> str:
    by_width = {768: "sd1", 1024: "sd2", 1280: "sdxl"}
    widths = [kind.shape[-1] for kind in kinds.values() if kind.shape]
    return by_width.get(max(widths, default=0), "unknown")


def _stranger(checkpoint: Checkpoint, parts: Parts) -> Found:
    """Nothing that is known; a folder at least names its pipeline."""
    told = str(checkpoint.configs.get("", {}).get("_class_name", ""))
    return Found(
        kind="unknown",
        family="unknown",
        ignored=parts.ignored,
        unused=parts.unused,
        obstacle=f"a {told} is not known here" if told else "no kind of file that is known has such tensors",
    )

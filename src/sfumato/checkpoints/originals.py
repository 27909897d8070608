"""A model's parts as one file under the original names: what `parts.py` takes apart, put together again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sfumato.checkpoints import keys
from sfumato.checkpoints.keys import KeyMap
from sfumato.checkpoints.recognise import Found
from sfumato.checkpoints.tensors import Kind, Tensors
from sfumato.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor


class Home(NamedTuple):
    """Where a part lies in the file; without a map its names are ours."""

    prefix: str
    key_map: Callable[[Collection[str]], KeyMap] | None


UNET, VAE = Home("model.diffusion_model.", keys.unet), Home("first_stage_model.", keys.vae)
HOMES: Mapping[str, Mapping[str, Home]] = {
    "sd1": {"unet": UNET, "vae": VAE, "text_encoder": Home("cond_stage_model.transformer.", None)},
    "sd2": {"unet": UNET, "vae": VAE, "text_encoder": Home("cond_stage_model.model.", keys.openclip)},
    "sdxl": {
        "unet": UNET,
        "vae": VAE,
        "text_encoder": Home("conditioner.embedders.0.transformer.", None),
        "text_encoder_2": Home("conditioner.embedders.1.model.", keys.openclip),
    },
    "sdxl-refiner": {
        "unet": UNET,
        "vae": VAE,
        "text_encoder_2": Home("conditioner.embedders.0.model.", keys.openclip),
    },
}
ALONE: Mapping[str, Home] = {"vae": Home("", keys.vae)}
"""A part that people keep as a file of its own, without a prefix."""

ARCHITECTURES: Mapping[str, str] = {
    "sd1": "stable-diffusion-v1",
    "sd2": "stable-diffusion-v2",
    "sdxl": "stable-diffusion-xl-v1-base",
    "sdxl-refiner": "stable-diffusion-xl-v1-refiner",
}


def single_file(found: Found) -> Tensors:
    """The tensors of all parts under their original names, with the markers of what they predict.

    Raises CheckpointError for families and parts that have no place in such a file.
    """
    homes = ALONE if found.kind in ALONE else HOMES.get(found.family, {})
    if homeless := [part for part in found.parts if part not in homes]:
        raise CheckpointError(f"{found.kind} of {found.family}: no place in a file for {', '.join(homeless)}")
    kinds: dict[str, Kind] = {}
    owners: dict[str, tuple[Tensors, str]] = {}
    for part, tensors in found.parts.items():
        prefix, key_map = homes[part]
        theirs = tensors if key_map is None else key_map(tensors.kinds).theirs(tensors)
        kinds |= {prefix + name: kind for name, kind in theirs.kinds.items()}
        owners |= {prefix + name: (theirs, name) for name in theirs.kinds}
    marked = markers(found)

    def read(name: str) -> Tensor:
        if name in marked:
            from torch import empty

            return empty(0)
        tensors, own = owners[name]
        return tensors.read(own)

    return Tensors(kinds={**kinds, **dict.fromkeys(marked, Kind("F32", (0,)))}, read=read)


def metadata(found: Found) -> dict[str, str]:
    """What the file says of itself, by the entries of Stability AI's model specification."""
    if found.family not in ARCHITECTURES or not found.prediction:
        return {}
    return {
        "modelspec.architecture": ARCHITECTURES[found.family],
        "modelspec.prediction_type": found.prediction,
    }


def markers(found: Found) -> tuple[str, ...]:
    """Empty tensors by which loaders tell what shapes do not say."""
    v = ("v_pred",) if found.prediction == "v" else ()
    return (*v, *(("ztsnr",) if found.zero_snr else ()))

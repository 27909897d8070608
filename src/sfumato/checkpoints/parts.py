"""Where the parts of a model lie in a file or folder, and which tensors are passed over by which rule.

Parts are called as diffusers calls their folders: unet, vae, text_encoder, text_encoder_2. Every tensor ends
in one of three places: a part, a rule of `IGNORED`, or `unused`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sfumato.checkpoints import keys
from sfumato.checkpoints.keys import KeyMap
from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError

EMA = "model_ema."
UNET = "model.diffusion_model."
MARKERS = ("v_pred", "ztsnr", "edm_mean", "edm_std", "edm_vpred.sigma_max", "edm_vpred.sigma_min")
TABLES = (
    "betas|alphas_cumprod|alphas_cumprod_prev|sqrt_alphas_cumprod|sqrt_one_minus_alphas_cumprod|"
    "log_one_minus_alphas_cumprod|sqrt_recip_alphas_cumprod|sqrt_recipm1_alphas_cumprod|posterior_\\w+|"
    "logvar|lvlb_weights|scale_factor|denoiser\\.(?:log_)?sigmas|sigmas|log_sigmas"
)
IGNORED: Mapping[str, str] = {
    "averages of the training (model_ema.*)": r"model_ema\.",
    "noise tables, which are computed": rf"(?:{TABLES})$",
    "markers of the prediction": rf"(?:{'|'.join(map(re.escape, MARKERS))})$",
    "positions, which are counted (position_ids)": r".*\bposition_ids$",
    "causal masks, which are computed (attn_mask)": r".*\battn_mask$",
    "CLIP's temperature (logit_scale)": r".*\blogit_scale$",
    "the autoencoder's training loss (loss.*)": r"(?:first_stage_model\.)?loss\.",
    "the safety checker": r"safety_checker\.",
    "CLIP's image tower": r"(?:vision_model\.|visual_projection\.)",
}
"""What no network here reads, by a regular expression for the beginning of the name in the file."""


class Place(NamedTuple):
    """Names that begin with `prefix`, one of them with `sign` behind it, are those of a part."""

    prefix: str
    part: str
    key_map: Callable[[Collection[str]], KeyMap] | None  # None: the names are ours
    sign: str = ""


WHOLE = (
    Place(UNET, "unet", keys.unet),
    Place("first_stage_model.", "vae", keys.vae),
    Place("cond_stage_model.transformer.", "text_encoder", keys.clip),
    Place("cond_stage_model.model.", "text_encoder", keys.openclip),
    Place("conditioner.embedders.0.transformer.", "text_encoder", keys.clip),
    Place("conditioner.embedders.1.model.", "text_encoder_2", keys.openclip),
    Place("conditioner.embedders.0.model.", "text_encoder_2", keys.openclip),
    Place("unet.", "unet", None),
    Place("vae.", "vae", keys.renamed_vae, "encoder.conv_in"),
    Place("text_encoder.", "text_encoder", keys.clip),
    Place("text_encoder_2.", "text_encoder_2", keys.clip),
)
"""Parts of a whole model: in an original file by their prefixes, in a folder by the folder's name."""

ALONE = (
    Place("diffusion_model.", "unet", keys.unet, "input_blocks."),
    Place("", "unet", keys.unet, "input_blocks."),
    Place("", "unet", None, "down_blocks.0."),
    Place("vae.", "vae", keys.vae, "encoder.down.0."),
    Place("", "vae", keys.vae, "encoder.down.0."),
    Place("", "vae", keys.vae, "decoder.up.0."),
    Place("", "vae", keys.renamed_vae, "encoder.down_blocks.0."),
    Place("", "vae", keys.renamed_vae, "decoder.up_blocks.0."),
    Place("", "text_encoder", keys.openclip, "transformer.resblocks.0."),
    Place("", "text_encoder", keys.clip, "text_model.encoder.layers.0."),
    Place("", "text_encoder", keys.clip, "encoder.layers.0.self_attn."),
)
"""One network alone in a file, by what follows the prefix; the first that fits."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The tensors of each part in our names, and where all others went."""

    tensors: Mapping[str, Tensors]
    maps: Mapping[str, KeyMap]  # of parts that were renamed, from the names behind `prefixes`
    prefixes: Mapping[str, str]
    ignored: Mapping[str, tuple[str, ...]]  # by the name of the rule
    unused: tuple[str, ...]

    def without(self, part: str, names: Collection[str], rule: str | None) -> Parts:
        """The same, but these tensors of `part`, by our names, go to `rule`, or to the unused."""
        if not names:
            return self
        held = self.tensors[part]
        kinds = {name: kind for name, kind in held.kinds.items() if name not in names}
        their: Mapping[str, str] = self.maps[part].names if part in self.maps else {}
        stored = tuple(dict.fromkeys(self.prefixes[part] + their.get(name, name) for name in names))
        tensors = {**self.tensors, part: Tensors(kinds=kinds, read=held.read)}
        if rule is None:
            return replace(self, tensors=tensors, unused=(*self.unused, *stored))
        return replace(
            self, tensors=tensors, ignored={**self.ignored, rule: (*self.ignored.get(rule, ()), *stored)}
        )


def parts_of(tensors: Tensors) -> Parts:
    """Sort the tensors of a file or folder. Raises CheckpointError where a layout contradicts itself."""
    ignored, rest = _ignored(tensors.kinds)
    places = [place for place in WHOLE if any(name.startswith(place.prefix + place.sign) for name in rest)]
    if not places:
        places = [
            place for place in ALONE if any(name.startswith(place.prefix + place.sign) for name in rest)
        ][:1]
    found: dict[str, Tensors] = {}
    maps: dict[str, KeyMap] = {}
    prefixes: dict[str, str] = {}
    unused = dict.fromkeys(rest)
    for place in places:
        names = [name.removeprefix(place.prefix) for name in unused if name.startswith(place.prefix)]
        key_map = None if place.key_map is None else place.key_map(names)
        known = names if key_map is None else [pair.theirs for pair in key_map.pairs]
        held = _only(tensors.under(place.prefix), known)
        if not known or place.part in found:
            continue
        found[place.part] = held if key_map is None else key_map.ours(held)
        prefixes[place.part] = place.prefix
        if key_map is not None:
            maps[place.part] = key_map
        for name in known:
            del unused[place.prefix + name]
    return Parts(tensors=found, maps=maps, prefixes=prefixes, ignored=ignored, unused=tuple(unused))


def averaged(tensors: Tensors) -> Tensors:
    """The same file with the averages of its training in the place of the U-Net's last weights.

    Latent diffusion writes each average without the dots of its name, under `model_ema.`. Raises
    CheckpointError unless every weight of the U-Net has one: half of each set is a network of neither.
    """
    there = any(name.startswith(EMA) for name in tensors.kinds)
    stored = {
        name: EMA + name.removeprefix("model.").replace(".", "")
        for name in tensors.kinds
        if name.startswith(UNET)
    }
    taken = {name: average for name, average in stored.items() if average in tensors.kinds}
    if not there:
        raise CheckpointError(f"no averages of the training ({EMA}*) in this file; it has one set of weights")
    if not stored:
        raise CheckpointError(
            f"there are averages of the training ({EMA}*) and no weights ({UNET}*), by whose names they are "
            "known; take a file that has both"
        )
    if bare := [name for name in stored if name not in taken]:
        raise CheckpointError(
            f"there are averages of {len(taken)} of the U-Net's {len(stored)} tensors ({EMA}*), and none of "
            f"{shortened(bare)}; take the weights that were trained, without ema"
        )
    kinds = {name: tensors.kinds[taken.get(name, name)] for name in tensors.kinds}
    return Tensors(kinds=kinds, read=lambda name: tensors.read(taken.get(name, name)))


def _ignored(names: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The names that a rule passes over, by rule, and the rest."""
    rules = {rule: re.compile(pattern) for rule, pattern in IGNORED.items()}
    ignored: dict[str, list[str]] = {}
    rest: list[str] = []
    for name in names:
        rule = next((rule for rule, pattern in rules.items() if pattern.match(name)), None)
        (rest if rule is None else ignored.setdefault(rule, [])).append(name)
    return {rule: tuple(found) for rule, found in ignored.items()}, rest


def _only(tensors: Tensors, names: Iterable[str]) -> Tensors:
    return Tensors(kinds={name: tensors.kinds[name] for name in names}, read=tensors.read)

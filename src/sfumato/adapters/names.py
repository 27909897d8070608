"""What adapters' files call the leaves of a network: every trainer has a spelling of its own.

They differ in what they put in front ("lora_unet_", "unet.", "base_model.model."), in dots or underscores,
and in whose names follow: diffusers' or those of the original files. So one table per network takes them all:
its leaves by every name they have, without dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

from torch import nn

from sfumato.adapters.attach import Dressed
from sfumato.adapters.deltas import LEAVES
from sfumato.errors import CheckpointError


class Prefix(NamedTuple):
    """What a name may begin with, and of which part of a model what follows then speaks; None: of any."""

    text: str
    part: str | None
    writer: str


PREFIXES = (
    Prefix("lora_unet_", "unet", "kohya"),
    Prefix("lora_te_", "text_encoder", "kohya"),
    Prefix("lora_te1_", "text_encoder", "kohya"),
    Prefix("lora_te2_", "text_encoder_2", "kohya"),
    Prefix("lora_te3_", "text_encoder_3", "kohya"),
    Prefix("lora_transformer_", "transformer", "OneTrainer"),
    Prefix("lycoris_", None, "LyCORIS"),
    Prefix("base_model.model.", None, "PEFT"),
    Prefix("unet.", "unet", "diffusers"),
    Prefix("text_encoder.", "text_encoder", "diffusers"),
    Prefix("text_encoder_2.", "text_encoder_2", "diffusers"),
    Prefix("text_encoder_3.", "text_encoder_3", "diffusers"),
    Prefix("transformer.", "transformer", "diffusers"),
    Prefix("clip_l.", "text_encoder", "OMI"),
    Prefix("clip_g.", "text_encoder_2", "OMI"),
    Prefix("t5.", "text_encoder_3", "OMI"),
    Prefix("model.diffusion_model.", "unet", "ComfyUI"),
    Prefix("diffusion_model.", "unet", "ComfyUI"),
    Prefix("text_encoders.clip_l.transformer.", "text_encoder", "ComfyUI"),
    Prefix("text_encoders.clip_h.transformer.", "text_encoder", "ComfyUI"),
    Prefix("text_encoders.clip_g.transformer.", "text_encoder_2", "ComfyUI"),
    Prefix("", None, "bare"),
)

_OLD_TEXT = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}


class Place(NamedTuple):
    """A leaf of a model: which part of it, which module there."""

    part: str
    module: str


@dataclass(frozen=True, kw_only=True)
class Names:
    """The leaves of one network with the shapes of their weights, and what an original file calls them."""

    leaves: Mapping[str, tuple[int, ...]]
    originals: Mapping[str, str]

    @classmethod
    def of(cls, network: nn.Module, originals: Mapping[str, str] | None = None) -> Names:
        """Those of a network, dressed or not; ``originals`` are the ``names`` of its ``KeyMap``."""
        tensors = originals or {}
        leaves: dict[str, tuple[int, ...]] = {}
        called: dict[str, str] = {}
        for name, module in cast("Iterator[tuple[str, nn.Module]]", network.named_modules()):
            leaf = module.leaf if isinstance(module, Dressed) else module
            if isinstance(leaf, LEAVES):
                leaves[name] = tuple(leaf.weight.shape)
                original = tensors.get(f"{name}.weight", "")
                if original.endswith(".weight"):  # else it is a piece of a larger one
                    called[name] = original.removesuffix(".weight")
        return cls(leaves=leaves, originals=called)

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """The leaves by every name they go by, with underscores for dots."""
        table: dict[str, str] = {}
        for name in self.leaves:
            for spelled in (*_ours(name), *_ours(self.originals.get(name, name))):
                if table.setdefault(_flat(spelled), name) != name:
                    raise ValueError(f"{name} and {table[_flat(spelled)]} are both spelt {_flat(spelled)}")
        return table


def _ours(name: str) -> Iterator[str]:
    """A leaf's name, and as diffusers and transformers wrote it at other times."""
    yield name
    yield name.removeprefix("text_model.")
    yield re.sub(r"(to_out)\.0$", r"\1", name)
    yield re.sub(
        r"(self_attn)\.(\w+)$", lambda found: f"{found[1]}.{_OLD_TEXT.get(found[2], found[2])}", name
    )


def _flat(name: str) -> str:
    return name.replace(".", "_")


def written_by(name: str) -> Prefix:
    """The longest prefix that a name in a file begins with."""
    return max((prefix for prefix in PREFIXES if name.startswith(prefix.text)), key=lambda p: len(p.text))


def found(name: str, networks: Mapping[str, Names]) -> Place | None:
    """The leaf that a file means by ``name``, or None if these networks do not have it.

    Raises CheckpointError for a name that two networks have, if it does not say which.
    """
    prefix = written_by(name)
    rest = name.removeprefix(prefix.text)
    if prefix.text and prefix.part is None:  # the wrapping of another name
        prefix = written_by(rest)
        rest = rest.removeprefix(prefix.text)
    spelt = _flat(rest.replace(".processor.", "."))
    parts = networks if prefix.part is None else [prefix.part] if prefix.part in networks else []
    places = [
        Place(part, networks[part].spellings[spelt]) for part in parts if spelt in networks[part].spellings
    ]
    if len(places) > 1:
        raise CheckpointError(
            f"{name} may be a layer of the {' or the '.join(place.part for place in places)}: "
            "save the adapter anew with the name of its network in front"
        )
    return places[0] if places else None

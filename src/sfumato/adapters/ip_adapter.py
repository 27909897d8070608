"""Opens IP-Adapters: what reads a reference picture for a U-Net, and says how strongly each layer heeds it.

The networks are in `models/image_prompt.py`. Files are those of Ye et al. (arXiv:2308.06721) for Stable
Diffusion 1.x and XL: plain, Plus and for whole faces, safetensors or .bin. What kind one is, and its shape,
is read from the names and shapes of its tensors. CLIP's image tower is a file of its own (`sight.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from sfumato.adapters.sight import KNOWN, Sight
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.structure import numbered
from sfumato.checkpoints.tensors import Tensors
from sfumato.diffusion.protocol import Look
from sfumato.errors import CheckpointError, InputError
from sfumato.models.image_prompt import (
    AdapterConfig,
    IPAdapter,
    PatchProjectionConfig,
    ProjectionConfig,
    ResamplerConfig,
)
from sfumato.models.unet import UNet, UNetConfig

HEAD = 64  # the width of a head in every published resampler
BOTH, STYLE, COMPOSITION = "both", "style", "composition"

WORDS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 1280: "SDXL's refiner", 2048: "SDXL"}
"""Whose words have a width."""

EMBEDDINGS = {768: "CLIP ViT-L", 1024: "OpenCLIP ViT-H", 1280: "OpenCLIP ViT-bigG"}
"""Whose embedding of a whole picture has a width."""

FACES = ("perceiver_resampler.", "to_q_lora", "to_k_lora", "to_v_lora", "to_out_lora")
"""What the tensors of FaceID are called beside those of the others."""

Blocks = Mapping[str, tuple[str, ...]]
"""The beginnings of the names of those layers that heed a reference in a role."""

SDXL_BLOCKS: Blocks = {STYLE: ("up_blocks.0.attentions.1.",), COMPOSITION: ("down_blocks.2.attentions.1.",)}
"""As InstantStyle found them, Wang et al. 2024, arXiv:2404.02733."""

SD_BLOCKS: Blocks = {STYLE: ("up_blocks.1.",), COMPOSITION: ("down_blocks.2.", "mid_block.")}
"""For Stable Diffusion 1.x and 2.x, from the same authors' program for it: experimental, they say there."""

OTHER_BLOCKS: Blocks = {STYLE: ("up_blocks.",), COMPOSITION: ("down_blocks.", "mid_block.")}
"""For U-Nets of other builds, our own choice: the way up paints, what comes before arranges."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePrompts:
    """An IP-Adapter beside its U-Net; implements ``ImageReader``."""

    network: IPAdapter
    sight: Sight
    layers: tuple[str, ...]  # of the U-Net, by their numbers
    blocks: Blocks

    @property
    def roles(self) -> tuple[str, ...]:
        return (BOTH, *self.blocks)

    def look(self, picture: Tensor, role: str) -> tuple[Tensor, Tensor]:
        """The tokens (1, N, D) of a picture (1, 3, H, W) in 0..1, and those of none, for unwanted words.

        Of none there is the embedding that is all zeros, or the patches of a picture of mean colour.
        """
        self._check(role)
        if isinstance(self.network.config, ProjectionConfig):
            seen = self.sight.embedding(picture)
            nothing = seen.new_zeros(seen.shape)
        else:
            seen, nothing = self.sight.patches(picture), self.sight.patches_of_nothing()
        return self.network(seen), self.network(nothing)

    def weights(self, role: str, weight: float) -> tuple[float, ...]:
        """How strongly each layer of the U-Net, by its number, attends to a reference in this role."""
        self._check(role)
        if role == BOTH:
            return (weight,) * len(self.layers)
        return tuple(weight * name.startswith(self.blocks[role]) for name in self.layers)

    def mixed(self, what: Look, tokens: Tensor, role: str) -> Tensor:  # noqa: ARG002
        """What a layer's queries (B, N, D) pick from tokens (B, M, D'), as (B, N, D); unweighted."""
        return self.network.ip_adapter.mixed(what.layer, what.query, tokens)

    @property
    def report(self) -> tuple[str, ...]:
        """Lines for the person who brought it."""
        config, tower = self.network.config, self.sight.tower.config
        kind = {ProjectionConfig: "", PatchProjectionConfig: " for whole faces", ResamplerConfig: " Plus"}
        words = WORDS.get(config.width, f"words of width {config.width}")
        seen = KNOWN.get(tower.width, f"an image tower of width {tower.width}")
        return (
            f"IP-Adapter{kind[type(config)]} for {words}, {len(self.layers)} layers, that sees by {seen}",
            *self.sight.notes,
        )

    def _check(self, role: str) -> None:
        if role not in self.roles:
            raise InputError(f"a reference cannot be taken as {role!r}: take it as {', '.join(self.roles)}")


def read_ip_adapter(tensors: Tensors, unet: UNet, sight: Sight) -> ImagePrompts:
    """The adapter of a file, beside a U-Net whose place and kind of numbers it shares.

    Raises CheckpointError for one of another family, for another image tower, and for what is not whole.
    """
    config = adapter_config(tensors)
    _check_family(tensors, config, unet)
    _check_tower(config, sight)
    weight = unet.conv_in.weight
    place = Place(device=str(weight.device), dtype=weight.dtype)
    network = placed("IP-Adapter", lambda: IPAdapter(unet, config), tensors, place)
    return ImagePrompts(network=network, sight=sight, layers=unet.layers, blocks=blocks_of(unet.config))


def adapter_config(tensors: Tensors) -> AdapterConfig:
    """The shape of what makes tokens of pictures, by its tensors. Raises CheckpointError."""
    names = tensors.kinds
    if not all(any(name.startswith(half) for name in names) for half in ("image_proj.", "ip_adapter.")):
        raise CheckpointError("no IP-Adapter: such a file holds image_proj.* and ip_adapter.*")
    if any(mark in name for mark in FACES for name in names) or (
        "image_proj.proj.0.weight" in names and "image_proj.norm.weight" in names
    ):
        raise CheckpointError(
            "an IP-Adapter FaceID, which sees by a network that recognises faces and not by CLIP: "
            "take ip-adapter-plus-face instead"
        )
    kind = next((kind for sign, kind in CONFIGS.items() if sign in names), None)
    if kind is None:
        raise CheckpointError(f"an IP-Adapter of an unknown kind: none of {', '.join(CONFIGS)} is in it")
    try:
        return kind(tensors)
    except ValueError as error:
        raise CheckpointError(f"IP-Adapter: no network has these shapes: {error}") from error


def _projection(tensors: Tensors) -> ProjectionConfig:
    outputs, embedding = _shape(tensors, "proj.weight", 2)
    (width,) = _shape(tensors, "norm.weight", 1)
    return ProjectionConfig(embedding=embedding, tokens=outputs // max(width, 1), width=width)


def _patches(tensors: Tensors) -> PatchProjectionConfig:
    width, features = _shape(tensors, "proj.2.weight", 2)
    return PatchProjectionConfig(features=features, width=width)


def _resampler(tensors: Tensors) -> ResamplerConfig:
    _, tokens, inner = _shape(tensors, "latents", 3)
    return ResamplerConfig(
        features=_shape(tensors, "proj_in.weight", 2)[1],
        tokens=tokens,
        width=_shape(tensors, "proj_out.weight", 2)[0],
        inner=inner,
        layers=numbered(tensors.kinds, "image_proj.layers."),
        heads=_shape(tensors, "layers.0.0.to_q.weight", 2)[0] // HEAD,
        head=HEAD,
        hidden=_shape(tensors, "layers.0.1.1.weight", 2)[0],
    )


CONFIGS: Mapping[str, Callable[[Tensors], AdapterConfig]] = {
    "image_proj.proj.weight": _projection,
    "image_proj.proj.3.weight": _patches,
    "image_proj.latents": _resampler,
}
"""How the shape of each kind is read, by a tensor that it alone has."""


def blocks_of(config: UNetConfig) -> Blocks:
    """Which layers heed style and composition in a U-Net of this build."""
    depths, paired = config.transformer_depth, config.layers_per_block == 2
    if paired and len(depths) == 3 and depths[-1]:
        return SDXL_BLOCKS
    return SD_BLOCKS if paired and len(depths) == 4 and all(depths[1:3]) else OTHER_BLOCKS


def _check_family(tensors: Tensors, config: AdapterConfig, unet: UNet) -> None:
    """Raise CheckpointError for an adapter that was made for another kind of U-Net."""
    own, layers = unet.config.context_width, sum(name.endswith(".to_k_ip.weight") for name in tensors.kinds)
    if config.width != own or layers != len(unet.layers):
        made, here = (WORDS.get(width, "another family") for width in (config.width, own))
        raise CheckpointError(
            f"an IP-Adapter of another family: for {made} ({layers} layers, words of width {config.width}), "
            f"where this model is of {here} ({len(unet.layers)} layers, width {own}): take one made for it"
        )


def _check_tower(config: AdapterConfig, sight: Sight) -> None:
    """Raise CheckpointError for another image tower than the one that the adapter was trained with."""
    tower = sight.tower.config
    whole = isinstance(config, ProjectionConfig)
    wanted = config.embedding if whole else config.features
    found, known = (tower.projection, EMBEDDINGS) if whole else (tower.width, KNOWN)
    if wanted != found:
        what = "embeddings" if whole else "patches"
        made, here = (known.get(width, "unknown") for width in (wanted, found))
        raise CheckpointError(
            f"this IP-Adapter reads {what} of width {wanted} ({made}), and the image tower gives {found} "
            f"({here}): name the image tower that it was trained with"
        )


def _shape(tensors: Tensors, name: str, dimensions: int) -> tuple[int, ...]:
    """Of a tensor of the projection that must be there. Raises CheckpointError."""
    kind = tensors.kinds.get(f"image_proj.{name}")
    if kind is None or len(kind.shape) != dimensions:
        what = "is not there" if kind is None else f"has the shape {list(kind.shape)}"
        raise CheckpointError(f"IP-Adapter: tensor image_proj.{name} {what}; download it again")
    return kind.shape

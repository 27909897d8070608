"""CLIP's image tower: how its files hold it, and how pictures are put before it.

It stands beside a model, in a file or folder of its own, for adapters that read reference pictures and for
scores of how well a picture fits a sentence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from sfumato.checkpoints.computed import TEXT_SETTINGS, Settings, check_settings
from sfumato.checkpoints.keys.rules import shortened
from sfumato.checkpoints.open import Checkpoint
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.structure import numbered
from sfumato.checkpoints.tensors import Tensors
from sfumato.errors import CheckpointError
from sfumato.models.clip import ImageConfig, ImageTower

Statistics: TypeAlias = tuple[float, float, float]

MEAN: Statistics = (0.48145466, 0.4578275, 0.40821073)
DEVIATION: Statistics = (0.26862954, 0.26130258, 0.27577711)
"""Of the colours that CLIP was trained with, in 0..1: OpenAI's numbers, which OpenCLIP kept."""

KNOWN = {768: "CLIP ViT-B", 1024: "CLIP ViT-L", 1280: "OpenCLIP ViT-H", 1664: "OpenCLIP ViT-bigG"}
"""What published towers are called, by their width."""

HEADS = {768: 12, 1024: 16, 1280: 16, 1664: 16}
FAR = 8
"""How many times as long as wide a picture is at most, of which all is resized."""

UNTOLD = (
    "{} has no config.json beside it: its image tower is taken for OpenAI's, with quick_gelu; for OpenCLIP's "
    "ViT-L name a folder whose config.json says hidden_act"
)
TOWER, PROJECTION = "vision_model.", "visual_projection.weight"
BESIDE = r"text_model\.|text_projection\.|logit_scale$|.*\bposition_ids$"
"""What else a whole CLIP's file holds: its text tower, its temperature, and positions, which are counted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """An image tower, and the colours that it was trained to see as mean and deviation."""

    tower: ImageTower
    mean: Statistics = MEAN
    deviation: Statistics = DEVIATION
    notes: tuple[str, ...] = ()  # what its file does not say

    def embedding(self, picture: Tensor) -> Tensor:
        """What the whole picture (1, 3, H, W), in 0..1, says in the space of sentences: (1, P)."""
        return self.tower(self._shown(picture))

    def patches(self, picture: Tensor) -> Tensor:
        """What is seen of the whole and of each patch before the last layer: (1, N + 1, F), not normed."""
        return self.tower.states(self._shown(picture))[-2]

    def patches_of_nothing(self) -> Tensor:
        """The same of a picture that is mean colour all over."""
        size, like = self.tower.config.size, self.tower.visual_projection.weight
        return self.tower.states(like.new_zeros(1, 3, size, size))[-2]

    def agreement(self, picture: Tensor, sentence: Tensor) -> float:
        """The cosine, -1 to 1, between a picture (1, 3, H, W) and a sentence (1, P) as CLIP reads both.

        Raises ValueError for a sentence of a text tower that shares no space with this image tower.
        """
        seen = self.embedding(picture)
        if seen.shape != sentence.shape:
            raise ValueError(
                f"a sentence of {list(sentence.shape)} and a picture of {list(seen.shape)}: take the text "
                f"tower that was trained with this image tower"
            )
        return float(cosine_similarity(seen.float(), sentence.float())[0])

    def _shown(self, picture: Tensor) -> Tensor:
        """The picture as the tower wants it: (1, 3, size, size), normalised."""
        fitted = fit(picture, self.tower.config.size)
        mean, deviation = (
            torch.tensor(statistic, device=fitted.device)[None, :, None, None]
            for statistic in (self.mean, self.deviation)
        )
        return ((fitted - mean) / deviation).to(self.tower.visual_projection.weight)


def fit(picture: Tensor, size: int) -> Tensor:
    """The square middle of a picture (1, 3, H, W) in 0..1, its shorter side become `size` pixels.

    As CLIP's own preparation does it: bicubic, one way after the other and in 256 shades each time. Of a long
    picture only what lies about the middle is resized, or a line of pixels would fill the memory.
    """
    height, width = picture.shape[2:]
    reach = FAR * min(height, width)
    down, across = (max((side - reach) // 2, 0) for side in (height, width))
    picture = picture[:, :, down : height - down, across : width - across]
    height, width = picture.shape[2:]
    shorter = min(height, width)
    tall, wide = (int(size * side / shorter) for side in (height, width))
    fitted = (picture.cpu().double() * 255).round()
    for shape in ((height, wide), (tall, wide)):
        fitted = interpolate(fitted, size=shape, mode="bicubic", antialias=True)
        fitted = fitted.add(0.5).floor().clamp(0, 255)  # halves go up, as Pillow rounds
    top, left = (tall - size) // 2, (wide - size) // 2
    return fitted[:, :, top : top + size, left : left + size].float() / 255


def read_sight(checkpoint: Checkpoint, place: Place) -> Sight:
    """The image tower of a file or folder: alone, within a whole CLIP, or as the `image_encoder` of a model.

    What shapes cannot tell is told by config.json, else by the published towers of that width. Raises
    CheckpointError for what is no such tower, or not a whole one.
    """
    tensors, settings = _found(checkpoint)
    config = image_config(tensors, settings)
    tower = placed(f"{checkpoint.path}", lambda: ImageTower(config), tensors, place)
    doubtful = not settings and config.activation == "quick_gelu"
    return Sight(tower=tower, notes=(UNTOLD.format(checkpoint.path.name),) if doubtful else ())


def image_config(tensors: Tensors, settings: Settings) -> ImageConfig:
    """The shape of the image tower that has these tensors. Raises CheckpointError."""
    check_settings("image tower", settings, TEXT_SETTINGS)
    width, _, patch, _ = _shape(tensors, f"{TOWER}embeddings.patch_embedding.weight", 4)
    places, _ = _shape(tensors, f"{TOWER}embeddings.position_embedding.weight", 2)
    heads, activation = HEADS.get(width, max(width // 64, 1)), "gelu" if width >= 1280 else "quick_gelu"
    if settings:  # transformers leaves out of the file what is so by its own defaults
        heads, activation = settings.get("num_attention_heads", 12), settings.get("hidden_act", "quick_gelu")
    if type(heads) is not int:
        raise CheckpointError(f"image tower: config.json says {heads!r} heads, where a whole number belongs")
    try:
        return ImageConfig(
            size=patch * math.isqrt(max(places - 1, 0)),
            patch=patch,
            width=width,
            layers=numbered(tensors.kinds, f"{TOWER}encoder.layers."),
            heads=heads,
            hidden=_shape(tensors, f"{TOWER}encoder.layers.0.mlp.fc1.weight", 2)[0],
            activation=str(activation),
            projection=_shape(tensors, PROJECTION, 2)[0],
        )
    except ValueError as error:
        raise CheckpointError(f"image tower: no network has these shapes: {error}") from error


def _found(checkpoint: Checkpoint) -> tuple[Tensors, Settings]:
    """The tensors of the image tower, and what config.json says of it."""
    inside = any(name.startswith("image_encoder.") for name in checkpoint.tensors.kinds)
    part, tensors = "image_encoder" if inside else "", checkpoint.tensors
    if inside:
        tensors = tensors.under("image_encoder.")
    kinds = {name: kind for name, kind in tensors.kinds.items() if not re.match(BESIDE, name)}
    if PROJECTION not in kinds:
        raise CheckpointError(
            f"{checkpoint.path}: no image tower of CLIP (no {PROJECTION}): name a file or folder that "
            "transformers reads as CLIPVisionModelWithProjection"
        )
    if strangers := [name for name in kinds if not name.startswith((TOWER, PROJECTION))]:
        raise CheckpointError(f"{checkpoint.path}: tensors of no image tower: {shortened(strangers)}")
    told = checkpoint.configs.get(part, {})
    inner = told.get("vision_config")
    settings = cast("Settings", inner) if isinstance(inner, dict) else told
    return Tensors(kinds=kinds, read=tensors.read), settings


def _shape(tensors: Tensors, name: str, dimensions: int) -> tuple[int, ...]:
    """Of a tensor that must be there. Raises CheckpointError."""
    kind = tensors.kinds.get(name)
    if kind is None or len(kind.shape) != dimensions:
        what = "is not there" if kind is None else f"has the shape {list(kind.shape)}"
        raise CheckpointError(f"image tower: tensor {name} {what}; not such a model, or a damaged one")
    return kind.shape

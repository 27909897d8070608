"""How near CLIP finds picture and sentence: arXiv:2103.00020; to score by it, CLIPScore, arXiv:2104.08718.

Only towers that were trained together share a space. The embedded model has both; Stable Diffusion's files
hold the text tower alone, so for those a whole CLIP is read from a file or folder of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import torch
from torch import Tensor

from sfumato.adapters.sight import Sight, read_sight
from sfumato.checkpoints.computed import Settings
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.placing import Place, placed
from sfumato.checkpoints.tensors import Tensors
from sfumato.choosing.score import Score
from sfumato.errors import CheckpointError
from sfumato.families.model import Wording
from sfumato.families.reading import Reader
from sfumato.families.shapes import text_config
from sfumato.families.world import World
from sfumato.models.clip import TextTower
from sfumato.text.clip import ClipTokenizer
from sfumato.text.whole import whole

Reads: TypeAlias = Callable[[str], Tensor]
"""A sentence as (1, P), in the space of pictures."""

TEXT = ("text_model.", "text_projection.")


@dataclass(frozen=True)
class Clip:
    """An image tower and the text tower that was trained with it."""

    sight: Sight
    reads: Reads
    called: str


@dataclass(frozen=True)
class Similar:
    """Judges pictures by their cosine to one sentence."""

    sight: Sight
    sentence: Tensor  # (1, P)
    by: str

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Score:
        cosine = self.sight.agreement(picture.to(self.sentence.device), self.sentence)
        return Score(cosine, 0.0, f"cosine {cosine:.3f}")


@torch.inference_mode()
def similar(clip: Clip, sentence: str, *, why: str = "") -> Similar:
    """The judge of one sentence; ``why`` says why no other judges."""
    return Similar(clip.sight, clip.reads(sentence), clip.called + (f", {why}" if why else ""))


def clip_of_world(world: World) -> Clip:
    """The towers that the embedded model was trained with."""
    device = world.unet.conv_in.weight.device

    def reads(text: str) -> Tensor:
        chunk = whole(text, world.tokenizer, length=world.config.text.length).chunk
        return world.text(torch.tensor([chunk.tokens], device=device))[1]

    halves = (0.5, 0.5, 0.5)  # it was shown pictures in -1..1
    return Clip(Sight(tower=world.image, mean=halves, deviation=halves), reads, "the model's own CLIP")


def read_clip(path: str | Path, place: Place) -> Clip:
    """A whole CLIP as transformers writes it: both towers, and in a folder its tokenizer.

    Raises CheckpointError for what is none, MissingExtra where a file brings no tokenizer and none is here.
    """
    checkpoint = open_checkpoint(path)
    sight = read_sight(checkpoint, place)
    kinds = {name: kind for name, kind in checkpoint.tensors.kinds.items() if name.startswith(TEXT)}
    kinds = {name: kind for name, kind in kinds.items() if not name.endswith("position_ids")}
    if "text_projection.weight" not in kinds:
        raise CheckpointError(
            f"{checkpoint.path}: has no text tower that was trained with its image tower: name a whole CLIP, "
            "as transformers reads it with CLIPModel"
        )
    own = Path(path)
    listed = (own / "vocab.json").is_file() or (own / "tokenizer.json").is_file()
    tokenizer = ClipTokenizer.from_folder(own) if listed else ClipTokenizer.packaged()
    told = checkpoint.configs.get("", {}).get("text_config")
    settings: Settings = cast("Settings", told) if isinstance(told, dict) else {}
    config = text_config("text_model", kinds, settings, activation="quick_gelu", end=tokenizer.end)
    tensors = Tensors(kinds=kinds, read=checkpoint.tensors.read)
    tower = placed(f"{checkpoint.path}", lambda: TextTower(config), tensors, place)
    reader = Reader(
        part="text_model", tower=tower, tokenizer=tokenizer, pad=tokenizer.pad, layer=1, normed=True
    )
    return Clip(sight, lambda text: reader.read(Wording(text=text)).sentence, f"CLIP ({own.name})")

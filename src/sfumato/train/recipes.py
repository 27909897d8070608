"""The numbers of every recipe: what is taught, to networks of which shape, for how many steps.

`world-s` trains the embedded model in about 150 minutes on two CPU cores, `world-m` a larger one on a GPU.
A recipe is data; `run.py` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from sfumato.models.clip import ImageConfig, TextConfig
from sfumato.models.unet import UNetConfig
from sfumato.models.vae import AutoencoderConfig
from sfumato.train.autoencoder import Weights
from sfumato.train.loop import Settings
from sfumato.world.backgrounds import BACKGROUNDS
from sfumato.world.colours import COLOURS
from sfumato.world.compose import Layout, Variety
from sfumato.world.sprites import CORE, SPRITES
from sfumato.world.styles import STYLES

LEFT_OUT = ("tractor", "cupcake", "drum", "crab", "bee", "watermelon", "train", "christmas tree")
"""Things of the core that are easily taken for others at 128 pixels: world-s does not know them."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what the trained model will be."""

    name: str
    size: int  # pixels, each way
    variety: Variety
    vocabulary: int
    autoencoder: AutoencoderConfig
    text: TextConfig
    image: ImageConfig
    unet: UNetConfig
    pictures: int  # rendered for the autoencoder and for CLIP
    crop: int  # pixels, each way
    weights: Weights
    cached: int  # latents of whole pictures for the U-Net
    phrasings: int  # captions of each
    dropped: float  # share of captions that are left empty, for guidance
    train_autoencoder: Settings
    train_clip: Settings
    train_diffusion: Settings
    first_seed: int = 0


def variety(sprites: tuple[str, ...], *, grid: float, jitter: float, turn: float) -> Variety:
    """The mix of scenes that both recipes share: mostly single things and pairs, a third of them styled."""
    plain = ("white", "pink", "yellow", "green", "light blue", "lavender", "gray", "dark blue")
    layouts: dict[Layout, float] = {
        "single": 0.42,
        "counted": 0.16,
        "pair": 0.33,
        "group pair": 0.05,
        "list": 0.04,
    }
    return Variety(
        sprites=sprites,
        colours=tuple(COLOURS),
        backgrounds={name: 2.0 if name in plain else 1.0 for name in BACKGROUNDS},
        styles={name: 14.0 if name == "sticker" else 1.0 for name in STYLES},
        layouts=layouts,
        coloured=0.5,
        grid=grid,
        jitter=jitter,
        turn=turn,
    )


WORLD_S_SPRITES = tuple(name for name in CORE if name not in LEFT_OUT)

"""The numbers of every recipe: what is taught, to networks of which shape, for how many steps.

`world-s` trains the embedded model in some 130 minutes on two CPU cores, `world-m` a larger one on a GPU;
`controlnet` and `controlnet-m`, likewise, the ControlNet beside a model that is there.
A recipe is data; `run.py` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    pictures: int  # rendered for the autoencoder
    clip_pictures: int  # rendered for CLIP
    crop: int  # pixels, each way
    weights: Weights
    cached: int  # latents of whole pictures for the U-Net
    phrasings: int  # captions of each
    dropped: float  # share of captions that are left empty, for guidance
    train_autoencoder: Settings
    train_clip: Settings
    train_diffusion: Settings
    train_alignment: Settings
    first_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class ControlRecipe:
    """Everything, beside the model that it is for, that decides what the ControlNet will be."""

    name: str
    variety: Variety  # of the things that the model knows, whatever sprites it names
    lessons: int  # scenes, each with one caption
    hint_widths: tuple[int, ...]
    dropped: float  # share of captions that are left empty
    unhinted: float  # share of conditioning pictures that are left black
    train: Settings
    first_seed: int  # far from the seeds that the model itself was taught


@dataclass(frozen=True, kw_only=True)
class ReferenceRecipe:
    """Everything, beside the model that it is for, that decides what the reader of references will be."""

    name: str
    variety: Variety  # of the things that the model knows, whatever sprites it names
    groups: int  # of four pictures with one layout
    tokens: int  # in which a style is told
    inner: int  # width within what reads style and composition
    layers: int  # of the resampler of styles
    train: Settings
    first_seed: int  # far from the seeds that the model itself was taught


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


def settings(steps: int, *, batch: int, rate: float, average: float, warmup: int = 100) -> Settings:
    """What all stages have in common."""
    return Settings(
        steps=steps,
        batch=batch,
        rate=rate,
        warmup=warmup,
        weight_decay=0.01,
        clip=1.0,
        average=average,
        decay="linear",
        bf16=True,
        muon=True,
        seed=1,
        save_every=250,
        sample_every=500,
    )


WORLD_S = Recipe(
    name="world-s",
    size=128,
    variety=variety(WORLD_S_SPRITES, grid=1 / 16, jitter=0.0, turn=0.0),
    vocabulary=1024,
    autoencoder=AutoencoderConfig(
        in_channels=3,
        latent_channels=8,
        block_out_channels=(96, 192),
        layers_per_block=1,
        norm_groups=16,
        patch_size=4,
        mid_attention=False,
        quant_conv=False,
    ),
    text=TextConfig(
        vocabulary=1024,
        length=77,
        end=1,
        width=256,
        layers=3,
        heads=4,
        hidden=1024,
        activation="gelu",
        projection=192,
    ),
    image=ImageConfig(
        size=128,
        patch=16,
        width=192,
        layers=4,
        heads=4,
        hidden=768,
        activation="gelu",
        projection=192,
    ),
    unet=UNetConfig(
        in_channels=8,
        out_channels=8,
        block_out_channels=(64, 128, 256),
        layers_per_block=1,
        transformer_depth=(0, 1, 1),
        mid_transformer_depth=1,
        heads=(4, 4, 4),
        context_width=256,
        norm_groups=16,
        linear_projection=True,
        vector_width=0,
    ),
    pictures=6000,
    crop=64,
    weights=Weights(edges=0.5, kl=2e-4),
    clip_pictures=12000,
    cached=40000,
    phrasings=3,
    dropped=0.1,
    train_autoencoder=settings(2200, batch=32, rate=3e-3, average=0.998, warmup=30),
    train_clip=settings(300, batch=128, rate=2e-3, average=0.98),
    train_diffusion=settings(2900, batch=96, rate=2.5e-3, average=0.997),
    train_alignment=settings(400, batch=128, rate=1e-3, average=0.98),
)


WORLD_M = Recipe(
    name="world-m",
    size=256,
    variety=variety(tuple(sprite.name for sprite in SPRITES), grid=0.0, jitter=0.1, turn=8.0),
    vocabulary=2048,
    autoencoder=AutoencoderConfig(
        in_channels=3,
        latent_channels=4,
        block_out_channels=(64, 128, 192),
        layers_per_block=1,
        norm_groups=16,
        patch_size=2,
        mid_attention=True,
        quant_conv=False,
    ),
    text=TextConfig(
        vocabulary=2048,
        length=77,
        end=1,
        width=320,
        layers=4,
        heads=5,
        hidden=1280,
        activation="gelu",
        projection=256,
    ),
    image=ImageConfig(
        size=256,
        patch=32,
        width=192,
        layers=4,
        heads=4,
        hidden=768,
        activation="gelu",
        projection=256,
    ),
    unet=UNetConfig(
        in_channels=4,
        out_channels=4,
        block_out_channels=(96, 160, 256),
        layers_per_block=1,
        transformer_depth=(0, 1, 1),
        mid_transformer_depth=1,
        heads=(4, 5, 8),
        context_width=320,
        norm_groups=16,
        linear_projection=True,
        vector_width=0,
    ),
    pictures=20_000,
    crop=128,
    weights=Weights(edges=0.5, kl=2e-4),
    clip_pictures=20_000,
    cached=200_000,
    phrasings=4,
    dropped=0.1,
    train_autoencoder=settings(8_000, batch=64, rate=3e-3, average=0.999),
    train_clip=settings(2_000, batch=512, rate=2e-3, average=0.99),
    train_diffusion=settings(20_000, batch=256, rate=2e-3, average=0.9995),
    train_alignment=settings(1_000, batch=512, rate=1e-3, average=0.99),
)

CONTROL_S = ControlRecipe(
    name="control-s",
    variety=variety((), grid=1 / 16, jitter=0.0, turn=0.0),
    lessons=24_000,
    hint_widths=(8, 16, 32, 64),
    dropped=0.15,
    unhinted=0.1,
    train=replace(
        settings(1_400, batch=64, rate=1.5e-3, average=0.995, warmup=50), save_every=100, sample_every=200
    ),
    first_seed=10**8,
)

REFERENCE_S = ReferenceRecipe(
    name="reference-s",
    variety=replace(
        variety((), grid=1 / 16, jitter=0.0, turn=0.0),
        styles=dict.fromkeys(STYLES, 1.0),
        backgrounds=dict.fromkeys(BACKGROUNDS, 1.0),
    ),
    groups=4_000,
    tokens=8,
    inner=192,
    layers=2,
    train=replace(
        settings(1_200, batch=64, rate=2e-3, average=0.995, warmup=30), save_every=100, sample_every=200
    ),
    first_seed=2 * 10**8,
)

REFERENCE_M = replace(
    REFERENCE_S,
    name="reference-m",
    groups=40_000,
    tokens=16,
    inner=256,
    train=settings(8_000, batch=256, rate=2e-3, average=0.999),
)

CONTROL_M = replace(
    CONTROL_S,
    name="control-m",
    lessons=200_000,
    hint_widths=(16, 32, 64, 128),
    train=settings(12_000, batch=256, rate=1e-3, average=0.999),
)

RECIPES: dict[str, Recipe] = {"world-s": WORLD_S, "world-m": WORLD_M}
CONTROLS: dict[str, ControlRecipe] = {"controlnet": CONTROL_S, "controlnet-m": CONTROL_M}
REFERENCES: dict[str, ReferenceRecipe] = {"ip-adapter": REFERENCE_S, "ip-adapter-m": REFERENCE_M}
"""What is trained beside a model that stands still."""

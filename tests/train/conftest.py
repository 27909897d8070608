"""The smallest real training there is: an autoencoder of a few thousand weights, on rendered pictures."""

from pathlib import Path

import pytest
import torch

from sfumato.models.vae import AutoencoderConfig, AutoencoderKL
from sfumato.train.autoencoder import AutoencoderTask, Weights
from sfumato.train.data import Pool, pool
from sfumato.train.recipes import WORLD_S
from sfumato.train.run import Run
from sfumato.world.compose import Variety
from sfumato.world.renderer import Renderer

CONFIG = AutoencoderConfig(
    in_channels=3,
    latent_channels=2,
    block_out_channels=(8, 8),
    layers_per_block=1,
    norm_groups=4,
    patch_size=2,
    mid_attention=False,
    quant_conv=False,
)


@pytest.fixture(scope="session")
def variety_of_two() -> Variety:
    return Variety(
        sprites=("cat", "bus"),
        colours=("red", "blue"),
        backgrounds={"white": 1.0, "snow": 1.0},
        styles={"sticker": 1.0},
        layouts={"single": 1.0, "pair": 1.0},
        coloured=0.5,
        grid=1 / 8,
        jitter=0.0,
        turn=0.0,
    )


@pytest.fixture(scope="session")
def weights(in_small, tmp_path_factory) -> Path:
    """A tiny world model that was hardly trained."""
    return Run(in_small(WORLD_S), tmp_path_factory.mktemp("world"))()


@pytest.fixture(scope="session")
def pictures(variety_of_two: Variety) -> Pool:
    return pool(Renderer(variety_of_two.sprites, 32), variety_of_two, 24, first_seed=0)


@pytest.fixture(scope="session")
def new_task(pictures: Pool):
    """Make the task anew, from the same first weights every time."""

    def make() -> AutoencoderTask:
        torch.manual_seed(5)
        weights = Weights(edges=0.5, kl=1e-3)
        return AutoencoderTask(AutoencoderKL(CONFIG), pictures, batch=4, side=16, weights=weights)

    return make

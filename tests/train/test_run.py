"""Whole recipes in small: from nothing to a weights file that draws."""

from dataclasses import replace

import pytest
import torch

from sfumato.errors import CheckpointError
from sfumato.families.world import World
from sfumato.models.clip import ImageTower, TextTower
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL
from sfumato.painter import load
from sfumato.train.recipes import RECIPES, WORLD_M, WORLD_S, Recipe
from sfumato.train.run import Run


def in_small(recipe: Recipe, *, width: int = 16) -> Recipe:
    """The same recipe with tiny networks, few pictures and few steps."""

    def short(settings):
        return replace(settings, steps=3, batch=4, warmup=1, save_every=2, sample_every=3)

    names = recipe.variety.sprites[:6]
    return replace(
        recipe,
        size=64,
        variety=replace(recipe.variety, sprites=names),
        vocabulary=300,
        autoencoder=replace(
            recipe.autoencoder, block_out_channels=(width, width), patch_size=4, norm_groups=4
        ),
        text=replace(recipe.text, width=width, heads=2, hidden=32, layers=1, projection=width),
        image=replace(recipe.image, size=64, width=width, heads=2, hidden=32, layers=1, projection=width),
        unet=replace(
            recipe.unet, block_out_channels=(width,) * 3, heads=(2, 2, 2), context_width=width, norm_groups=4
        ),
        pictures=8,
        crop=32,
        clip_pictures=8,
        cached=8,
        train_autoencoder=short(recipe.train_autoencoder),
        train_clip=short(recipe.train_clip),
        train_diffusion=short(recipe.train_diffusion),
        train_alignment=short(recipe.train_alignment),
    )


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_a_recipe_ends_in_weights_that_draw_and_tells_its_origin(recipe, tmp_path):
    path = Run(in_small(recipe), tmp_path)()
    picture = load(path)("a red cat", seed=1, steps=2)
    assert picture.image.size == (64, 64)
    card = World.load(path).card
    assert card["recipe"] == recipe.name
    assert card["stages"].keys() == {"autoencoder", "clip", "latents", "diffusion", "alignment"}


def test_a_second_run_in_the_same_folder_trains_nothing_again_and_gives_the_same_file(tmp_path):
    small = in_small(WORLD_S)
    first = Run(small, tmp_path)().read_bytes()
    lines = (tmp_path / "diffusion.jsonl").read_text()
    assert Run(small, tmp_path)().read_bytes() == first
    assert (tmp_path / "diffusion.jsonl").read_text() == lines


def test_alignment_leaves_the_text_tower_as_the_unet_knows_it(tmp_path):
    run = Run(in_small(WORLD_S), tmp_path)
    run()
    saved = torch.load(tmp_path / "diffusion.checkpoint", weights_only=True)["averaged"]["text"]
    aligned = torch.load(tmp_path / "alignment.checkpoint", weights_only=True)["averaged"]["text"]
    kept = [name for name in saved if name.startswith("text_model.")]
    assert kept
    assert all(torch.equal(saved[name], aligned[name]) for name in kept)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_the_weights_of_a_recipe_take_at_most_36_megabytes(recipe):
    with torch.device("meta"):
        networks = [
            UNet(recipe.unet),
            AutoencoderKL(recipe.autoencoder),
            TextTower(recipe.text),
            ImageTower(recipe.image),
        ]
    stored = 0
    for weight in (weight for network in networks for weight in network.state_dict().values()):
        stored += weight.numel() + 4 * weight.shape[0] if weight.ndim > 1 else 4 * weight.numel()
    assert stored < 36e6


def test_the_recipes_know_as_many_things_as_they_should():
    assert len(WORLD_S.variety.sprites) >= 48
    assert len(WORLD_M.variety.sprites) >= 120


def test_a_folder_of_other_numbers_is_refused_and_named(tmp_path):
    small = in_small(WORLD_S)
    Run(small, tmp_path)
    with pytest.raises(CheckpointError, match=r"other numbers.*choose another folder"):
        Run(replace(small, cached=9), tmp_path)


def test_latents_of_another_autoencoder_are_refused(tmp_path):
    run = Run(in_small(WORLD_S), tmp_path)
    network = run.autoencoder()
    run.latents(network)
    with torch.no_grad():
        network.encoder.conv_in.bias += 1
    with pytest.raises(CheckpointError, match=r"latents\.safetensors.*another autoencoder"):
        run.latents(network)

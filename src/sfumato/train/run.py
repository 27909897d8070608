"""Carry out a recipe: tokenizer, autoencoder, CLIP, latents, U-Net, and the weights file at the end.

Every stage leaves a checkpoint in the folder and is skipped or resumed from it, so the same command goes on
after any interruption. Read `recipes.py` for the numbers and `loop.py` for what a stage does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from sfumato.checkpoints import safetensors
from sfumato.checkpoints.header import read_header
from sfumato.engine.memory import keep_big_buffers
from sfumato.families.world import World, WorldConfig
from sfumato.models.clip import ImageTower, TextTower
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL
from sfumato.text.tokenizer import Tokenizer
from sfumato.text.words import words_of
from sfumato.train.autoencoder import AutoencoderTask
from sfumato.train.clip import ClipTask
from sfumato.train.curves import draw_curves
from sfumato.train.data import phrasings, pool, rendered
from sfumato.train.diffusion import DiffusionTask, Latents, encoded
from sfumato.train.loop import Settings, Task, train
from sfumato.train.progress import drawn_sheet
from sfumato.train.recipes import Recipe
from sfumato.train.tokenizer import train_tokenizer
from sfumato.train.words import Words
from sfumato.world.compose import compose
from sfumato.world.renderer import Renderer

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config")
Draw = Callable[[Mapping[str, nn.Module]], Tensor]


class Run:
    """One recipe on its way in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, device: str = "cpu") -> None:
        keep_big_buffers()
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        self.renderer = Renderer(recipe.variety.sprites, recipe.size, self.device)

    def __call__(self) -> Path:
        """Do what is left to do and return the path of the weights."""
        tokenizer, words = self.tokenizer()
        autoencoder = self.autoencoder()
        text, image = self.clip(tokenizer)
        latents = self.latents(autoencoder)

        def world(unet: UNet, text: TextTower, image: ImageTower) -> World:
            return World(
                name=self.recipe.name,
                config=self.config(latents, tokenizer),
                unet=unet.eval(),
                autoencoder=autoencoder,
                text=text.eval(),
                image=image.eval(),
                tokenizer=tokenizer,
                words=words,
                card=self.card(),
            )

        def draw(averaged: Mapping[str, nn.Module]) -> Tensor:
            model = world(cast("UNet", averaged["unet"]), cast("TextTower", averaged["text"]), image)
            return drawn_sheet(model, self.recipe.variety)

        unet, text = self.diffusion(latents, text, tokenizer, draw)
        image = self.alignment(tokenizer, text)
        path = self.folder / f"{self.recipe.name}.safetensors"
        world(unet, text, image).save(path, dtype=torch.int8)
        draw_curves(self.folder, self.folder / "curves.png")
        return path

    def tokenizer(self) -> tuple[Tokenizer, frozenset[str]]:
        """The tokenizer of the captions, and every word that stands in them."""
        captions = [text for some in self._captions(range(self.recipe.pictures)) for text in some]
        words = frozenset(word.lower() for text in captions for word in words_of(text))
        return train_tokenizer(captions, self.recipe.vocabulary), words

    def autoencoder(self) -> AutoencoderKL:
        recipe = self.recipe
        network = self._new(AutoencoderKL, recipe.autoencoder)
        pictures = pool(self.renderer, recipe.variety, recipe.pictures, recipe.first_seed)
        task = AutoencoderTask(
            network,
            pictures,
            batch=recipe.train_autoencoder.batch,
            side=recipe.crop,
            weights=recipe.weights,
        )
        return cast("AutoencoderKL", self._train(task, recipe.train_autoencoder)["autoencoder"])

    def clip(self, tokenizer: Tokenizer) -> tuple[TextTower, ImageTower]:
        """Both towers, learning together."""
        recipe = self.recipe
        text_config = replace(recipe.text, vocabulary=tokenizer.vocabulary_size)
        text, image = self._new(TextTower, text_config), self._new(ImageTower, recipe.image)
        task = self._clip_task("clip", text, image, tokenizer)
        towers = self._train(task, recipe.train_clip)
        text.load_state_dict(towers["text"].state_dict())
        return text, cast("ImageTower", towers["image"])

    def alignment(self, tokenizer: Tokenizer, text: TextTower) -> ImageTower:
        """Bring the image tower and both projections back to the text tower, which went on with the U-Net.

        The text tower itself stands still: Zhai et al. 2021, arXiv:2111.07991, with the roles exchanged.
        """
        recipe = self.recipe
        image = self._new(ImageTower, recipe.image)
        path = self.folder / "clip.checkpoint"
        saved = torch.load(path, weights_only=True, map_location=self.device)
        image.load_state_dict(saved["averaged"]["image"])
        text.text_model.requires_grad_(requires_grad=False)
        text.text_projection.requires_grad_(requires_grad=True)
        task = self._clip_task("alignment", text, image, tokenizer)
        towers = self._train(task, recipe.train_alignment)
        text.load_state_dict(towers["text"].state_dict())
        return cast("ImageTower", towers["image"])

    def latents(self, autoencoder: AutoencoderKL) -> Latents:
        """The latents that the U-Net learns from, computed once and kept in the folder."""
        path = self.folder / "latents.safetensors"
        recipe = self.recipe
        if not path.exists():
            chunks = rendered(self.renderer, recipe.variety, recipe.cached, recipe.first_seed)
            made = encoded(autoencoder, (pictures for _, pictures in chunks))
            about = {"mean": json.dumps(made.mean), "std": json.dumps(made.std)}
            safetensors.save(path, {"latents": made.values}, about)
        about = read_header(path).metadata
        values = safetensors.load(path, str(self.device), torch.bfloat16)["latents"]
        return Latents(values, tuple(json.loads(about["mean"])), tuple(json.loads(about["std"])))

    def diffusion(
        self, latents: Latents, text: TextTower, tokenizer: Tokenizer, draw: Draw
    ) -> tuple[UNet, TextTower]:
        recipe = self.recipe
        words = Words(tokenizer, self._captions(range(recipe.cached)))
        unet = self._new(UNet, recipe.unet)
        task = DiffusionTask(
            unet,
            text,
            latents.values,
            words,
            batch=recipe.train_diffusion.batch,
            dropped=recipe.dropped,
            draw=draw,
        )
        averaged = self._train(task, recipe.train_diffusion)
        return cast("UNet", averaged["unet"]), cast("TextTower", averaged["text"])

    def config(self, latents: Latents, tokenizer: Tokenizer) -> WorldConfig:
        """The shape of the finished model. It draws from half to three halves of the size it learned."""
        recipe = self.recipe
        multiple = recipe.autoencoder.shrink * recipe.unet.shrink
        return WorldConfig(
            unet=recipe.unet,
            autoencoder=recipe.autoencoder,
            text=replace(recipe.text, vocabulary=tokenizer.vocabulary_size),
            image=recipe.image,
            latent_mean=latents.mean,
            latent_std=latents.std,
            prediction="flow",
            native=(recipe.size, recipe.size),
            multiple=multiple,
            smallest=recipe.size // 2,
            largest=recipe.size * 3 // 2,
        )

    def card(self) -> dict[str, object]:
        """What the weights say of themselves: origin, licence, minutes and last losses of every stage."""
        stages: dict[str, object] = {}
        for name in ("autoencoder", "clip", "diffusion", "alignment"):
            path = self.folder / f"{name}.jsonl"
            if path.exists():
                stages[name] = summary(path)
        return {
            "recipe": self.recipe.name,
            "trained": time.strftime("%Y-%m-%d", time.gmtime()),
            "data": "scenes rendered by sfumato from Noto Color Emoji artwork (SIL OFL 1.1)",
            "licence": "Apache-2.0",
            "sprites": list(self.recipe.variety.sprites),
            "stages": stages,
        }

    def _captions(self, seeds: range) -> Iterator[list[str]]:
        for seed in seeds:
            scene = compose(self.recipe.first_seed + seed, self.recipe.variety)
            yield phrasings(scene, seed, self.recipe.phrasings)

    def _clip_task(self, name: str, text: TextTower, image: ImageTower, tokenizer: Tokenizer) -> ClipTask:
        recipe = self.recipe
        pictures = pool(self.renderer, recipe.variety, recipe.clip_pictures, recipe.first_seed)
        words = Words(tokenizer, self._captions(range(recipe.clip_pictures)))
        return ClipTask(name, text, image, pictures, words, batch=recipe.train_clip.batch)

    def _new(self, kind: Callable[[Config], Network], config: Config) -> Network:
        """A network with fresh weights, the same for the same recipe."""
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(self.recipe.train_diffusion.seed)  # pyright: ignore[reportUnknownMemberType]
            network = kind(config)
        network.to(self.device)
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return network

    def _train(self, task: Task, settings: Settings) -> Mapping[str, nn.Module]:
        return train(task, settings, self.folder)


def summary(path: Path) -> dict[str, float]:
    """Steps, minutes and last loss of a stage, from its log; an interruption counts ten minutes at most."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    seconds = sum(min(after["time"] - before["time"], 600.0) for before, after in pairwise(lines))
    return {
        "steps": lines[-1]["step"],
        "minutes": round(seconds / 60, 1),
        "loss": round(lines[-1]["loss"], 4),
    }

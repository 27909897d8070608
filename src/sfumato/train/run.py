"""Carry out a recipe: tokenizer, autoencoder, CLIP, latents, U-Net, and the weights file at the end.

Every stage leaves a checkpoint in the folder and is skipped or resumed from it, so the same command goes on
after any interruption. Read `recipes.py` for the numbers and `loop.py` for what a stage does.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from sfumato.checkpoints import safetensors
from sfumato.checkpoints.fingerprint import fingerprint
from sfumato.checkpoints.header import read_header
from sfumato.errors import CheckpointError
from sfumato.families.world import World, WorldConfig
from sfumato.models.clip import ImageTower, TextTower
from sfumato.models.unet import UNet
from sfumato.models.vae import AutoencoderKL
from sfumato.text.tokenizer import Tokenizer
from sfumato.text.words import words_of
from sfumato.train.autoencoder import AutoencoderTask
from sfumato.train.checkpoint import averages
from sfumato.train.clip import ClipTask, Temperature
from sfumato.train.curves import CURVES, draw_curves
from sfumato.train.data import Pool, phrasings, pool, rendered
from sfumato.train.diffusion import DiffusionTask, Latents, encoded
from sfumato.train.loop import Settings, Task, train
from sfumato.train.progress import drawn_sheet
from sfumato.train.recipes import Recipe
from sfumato.train.tokenizer import train_tokenizer
from sfumato.train.words import Words
from sfumato.world.compose import Variety, compose
from sfumato.world.renderer import Renderer

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config")
Draw = Callable[[Mapping[str, nn.Module]], Tensor]


class Run:
    """One recipe on its way in one folder.

    Raises CheckpointError for a folder in which another recipe was begun.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: str = "cpu") -> None:
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        claim(folder / "recipe.json", asdict(recipe))
        self.renderer = Renderer(recipe.variety.sprites, recipe.size, self.device)

    def __call__(self) -> Path:
        """Do what is left to do and return the path of the weights."""
        tokenizer, words = self.tokenizer()
        autoencoder = self.autoencoder()
        text, first_image = self.clip(tokenizer)
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
            model = world(cast("UNet", averaged["unet"]), cast("TextTower", averaged["text"]), first_image)
            return drawn_sheet(model, self.recipe.variety)

        unet, text = self.diffusion(latents, text, tokenizer, draw)
        text, image = self.alignment(tokenizer, text, first_image)
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
        """The network between pictures and latents."""
        recipe = self.recipe
        network = self._new(AutoencoderKL, recipe.autoencoder)

        def task() -> Task:
            pictures = pool(self.renderer, recipe.variety, recipe.pictures, recipe.first_seed)
            batch = recipe.train_autoencoder.batch
            return AutoencoderTask(network, pictures, batch=batch, side=recipe.crop, weights=recipe.weights)

        modules = {"autoencoder": network}
        averaged = self._trained("autoencoder", modules, recipe.train_autoencoder, task)
        return cast("AutoencoderKL", averaged["autoencoder"])

    def clip(self, tokenizer: Tokenizer) -> tuple[TextTower, ImageTower]:
        """Both towers, learning together."""
        text_config = replace(self.recipe.text, vocabulary=tokenizer.vocabulary_size)
        text, image = self._new(TextTower, text_config), self._new(ImageTower, self.recipe.image)
        return self._contrasted("clip", text, image, tokenizer, self.recipe.train_clip)

    def alignment(
        self, tokenizer: Tokenizer, text: TextTower, image: ImageTower
    ) -> tuple[TextTower, ImageTower]:
        """Bring the image tower and both projections back to the text tower, which went on with the U-Net.

        The text tower itself stands still: Zhai et al. 2021, arXiv:2111.07991, with the roles exchanged.
        """
        text, image = copy.deepcopy(text), copy.deepcopy(image).requires_grad_(requires_grad=True)
        text.requires_grad_(requires_grad=False)
        text.text_projection.requires_grad_(requires_grad=True)
        return self._contrasted("alignment", text, image, tokenizer, self.recipe.train_alignment)

    def latents(self, autoencoder: AutoencoderKL) -> Latents:
        """The latents that the U-Net learns from, computed once and kept in the folder.

        Raises CheckpointError if those in the folder are of another autoencoder.
        """
        path, recipe = self.folder / "latents.safetensors", self.recipe
        origin = fingerprint(autoencoder)
        if not path.exists():
            began = time.perf_counter()
            chunks = rendered(self.renderer, recipe.variety, recipe.cached, recipe.first_seed)
            made = encoded(autoencoder, (pictures for _, pictures in chunks))
            minutes = round((time.perf_counter() - began) / 60, 1)
            about = {"mean": made.mean, "std": made.std, "autoencoder": origin, "minutes": minutes}
            written = {name: json.dumps(value) for name, value in about.items()}
            safetensors.save(path, {"latents": made.values}, written)
        about = {name: json.loads(text) for name, text in read_header(path).metadata.items()}
        if about.get("autoencoder") != origin:
            raise CheckpointError(f"{path} was made by another autoencoder; delete it and what came after it")
        values = safetensors.load(path, str(self.device), torch.bfloat16)["latents"]
        return Latents(values, tuple(about["mean"]), tuple(about["std"]))

    def diffusion(
        self, latents: Latents, text: TextTower, tokenizer: Tokenizer, draw: Draw
    ) -> tuple[UNet, TextTower]:
        """The U-Net, and the text tower that learned with it."""
        recipe = self.recipe
        unet = self._new(UNet, recipe.unet)
        text = copy.deepcopy(text).requires_grad_(requires_grad=True)

        def task() -> Task:
            words = Words(tokenizer, self._captions(range(recipe.cached)), dropped=recipe.dropped)
            batch = recipe.train_diffusion.batch
            return DiffusionTask(unet, text, latents.values, words, batch=batch, draw=draw)

        modules = {"unet": unet, "text": text}
        averaged = self._trained("diffusion", modules, recipe.train_diffusion, task)
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
        recipe = self.recipe
        batches = {
            "autoencoder": recipe.train_autoencoder.batch,
            "clip": recipe.train_clip.batch,
            "diffusion": recipe.train_diffusion.batch,
            "alignment": recipe.train_alignment.batch,
        }
        logs = {name: self.folder / f"{name}.jsonl" for name in CURVES}
        stages: dict[str, object] = {
            name: summary(path, batches[name]) for name, path in logs.items() if path.exists()
        }
        latents = self.folder / "latents.safetensors"
        if latents.exists():
            stages["latents"] = {"minutes": json.loads(read_header(latents).metadata["minutes"])}
        return {
            "recipe": recipe.name,
            "data": "scenes rendered by sfumato from Noto Color Emoji artwork (SIL OFL 1.1)",
            "licence": "Apache-2.0",
            "sprites": list(recipe.variety.sprites),
            "stages": stages,
        }

    def _captions(self, seeds: range) -> Iterator[list[str]]:
        for seed in seeds:
            scene = compose(self.recipe.first_seed + seed, self.recipe.variety)
            yield phrasings(scene, seed, self.recipe.phrasings)

    @cached_property
    def _clip_pictures(self) -> Pool:
        recipe = self.recipe
        return pool(self.renderer, recipe.variety, recipe.clip_pictures, recipe.first_seed)

    def _contrasted(
        self, name: str, text: TextTower, image: ImageTower, tokenizer: Tokenizer, settings: Settings
    ) -> tuple[TextTower, ImageTower]:
        """Both towers after a stage of contrastive learning, in which whatever of them may learn does."""
        temperature = Temperature().to(self.device)

        def task() -> Task:
            words = Words(tokenizer, self._captions(range(self.recipe.clip_pictures)))
            modules = (text, image, temperature)
            return ClipTask(name, modules, self._clip_pictures, words, batch=settings.batch)

        modules = {"text": text, "image": image, "temperature": temperature}
        averaged = self._trained(name, modules, settings, task)
        return cast("TextTower", averaged["text"]), cast("ImageTower", averaged["image"])

    def _new(self, kind: Callable[[Config], Network], config: Config) -> Network:
        """A network with fresh weights, the same for the same recipe."""
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(self.recipe.train_diffusion.seed)  # pyright: ignore[reportUnknownMemberType]
            network = kind(config)
        network.to(self.device)
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return network

    def _trained(
        self, name: str, modules: Mapping[str, nn.Module], settings: Settings, task: Callable[[], Task]
    ) -> Mapping[str, nn.Module]:
        """The averaged modules of a stage: read if it is done; else its ``task`` is made and trained."""
        done = averages(self.folder / f"{name}.checkpoint", modules, settings.steps)
        return train(task(), settings, self.folder) if done is None else done


def summary(path: Path, batch: int) -> dict[str, float]:
    """Steps, minutes of work and last loss of a stage, from its log."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    before, seconds = 0, 0.0
    for line in lines:
        seconds += (line["step"] - before) * batch / line["samples_per_second"]
        before = line["step"]
    return {"steps": before, "minutes": round(seconds / 60, 1), "loss": round(lines[-1]["loss"], 4)}


def shown_to(world: World, variety: Variety) -> Variety:
    """The variety with those things that the model was shown. Raises CheckpointError if it does not say."""
    sprites = world.card.get("sprites")
    if not isinstance(sprites, list) or not sprites:
        raise CheckpointError(
            f"the model {world.name!r} does not say in its card which sprites it was shown: name one that "
            "sfumato trained"
        )
    return replace(variety, sprites=tuple(map(str, cast("list[object]", sprites))))


def claim(path: Path, recipe: Mapping[str, object]) -> None:
    """Write down which recipe a folder is for, or see that it is this one."""
    wanted = json.dumps(recipe, indent=1, sort_keys=True) + "\n"
    if not path.exists():
        path.write_text(wanted, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != wanted:
        raise CheckpointError(
            f"{path.parent} holds a run of another recipe, or of other numbers, see {path}; "
            "choose another folder"
        )

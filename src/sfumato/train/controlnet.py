"""The ControlNet of the embedded model: the U-Net's way down, learning to read outlines and layouts.

The U-Net and the text tower stand still; the ControlNet starts as a copy that changes nothing (Zhang et al.
2023, arXiv:2302.05543) and learns what the U-Net learned, flow matching of cached latents, with a
conditioning picture beside the words. One network reads all kinds. Read `hints.py` for the pictures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from sfumato.checkpoints import int8, safetensors
from sfumato.checkpoints.fingerprint import MODEL, fingerprint
from sfumato.checkpoints.header import read_header
from sfumato.diffusion.prediction import FLOW, noised
from sfumato.diffusion.protocol import Extras
from sfumato.families.world import FAMILY, TIMES, World
from sfumato.models.controlnet import ControlNet, newborn
from sfumato.train.checkpoint import averages
from sfumato.train.data import CHUNK, as_bytes
from sfumato.train.hints import Lesson, Lessons, from_bits, layouts, outlines, tabled
from sfumato.train.loop import train
from sfumato.train.pictures import sheet
from sfumato.train.recipes import ControlRecipe
from sfumato.train.run import claim, shown_to, summary
from sfumato.train.sketch import sketched
from sfumato.train.words import Words
from sfumato.world.renderer import Renderer

KINDS = ("edges", "layout")
TOWARDS_NOISE = 0.5
"""The mean of the levels' logits: above 0, where it is decided what stands where."""
UNTAUGHT = 2 * 10**9
"""The first seed of lessons that are never taught."""
GUIDANCE = 3.0  # of the sheets that show progress
THICK = 0.25
"""The share of outlines that are three pixels wide, as a hand draws them."""


@dataclass(frozen=True)
class Taught:
    """What is kept of N lessons."""

    latents: Tensor  # (N, C, h, w), of mean 0 and deviation 1
    lines: Tensor  # (N, S * S / 8), outlines as `hints.outlines` packs them
    boxes: Tensor  # (N, MOST, 5), as `hints.tabled`


@torch.inference_mode()
def taught(world: World, lessons: Sequence[Lesson], renderer: Renderer) -> Taught:
    """Render lessons, and keep their latents and conditioning pictures."""
    size = world.native[0]
    latents: list[Tensor] = []
    lines: list[Tensor] = []
    for start in range(0, len(lessons), CHUNK):
        some = lessons[start : start + CHUNK]
        pictures = renderer([lesson.scene for lesson in some])
        with torch.autocast(pictures.device.type, torch.bfloat16):
            seen = world.look(pictures.contiguous(memory_format=torch.channels_last))
        latents.append(seen.to("cpu", torch.bfloat16))
        lines.append(outlines(as_bytes(_sketched(pictures, some, renderer))))
    return Taught(torch.cat(latents), torch.cat(lines), tabled(lessons, size))


def _sketched(pictures: Tensor, lessons: Sequence[Lesson], renderer: Renderer) -> Tensor:
    """The pictures whose outlines are taken: those of plain lessons without their style."""
    rows = [row for row, each in enumerate(lessons) if each.plain and each.scene.style != "sticker"]
    if not rows:
        return pictures
    plain = renderer([replace(lessons[row].scene, style="sticker") for row in rows])
    return pictures.index_copy(0, torch.tensor(rows, device=pictures.device), plain)


class ControlTask:
    """Flow matching of cached latents, given captions and conditioning pictures, half of each kind."""

    name = "controlnet"

    def __init__(
        self,
        network: ControlNet,
        world: World,
        lessons: Taught,
        words: Words,
        *,
        recipe: ControlRecipe,
        draw: Callable[[ControlNet], Tensor],
    ) -> None:
        self.network, self.world, self.lessons, self.words = network, world, lessons, words
        self.recipe, self.draw = recipe, draw
        self.size = world.native[0]
        self.modules: Mapping[str, nn.Module] = {"controlnet": network}

    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor:
        return self.draw(cast("ControlNet", averaged["controlnet"]))

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of one batch, and of its parts: each kind, and what was drawn from words alone."""
        device, count = generator.device, self.recipe.train.batch
        rows = torch.randint(len(self.lessons.latents), (count,), generator=generator, device=device)
        clean = self.lessons.latents[rows.cpu()].to(device).float()
        clean = clean.contiguous(memory_format=torch.channels_last)
        noise = torch.empty_like(clean).normal_(generator=generator)
        sigma = (torch.randn(count, generator=generator, device=device) + TOWARDS_NOISE).sigmoid()
        here = sigma[:, None, None, None]
        output = self._output(noised(clean, noise, 1 - here, here), sigma, rows.cpu(), generator)
        errors = (output - FLOW.target(clean, noise, 1 - here, here)).square().mean(dim=(1, 2, 3))
        outlined = count // 2
        return {
            "loss": errors.mean(),
            "edges": errors[:outlined].mean(),
            "layout": errors[outlined:].mean(),
        }

    def _output(self, x: Tensor, sigma: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """What the U-Net says of ``x`` with the ControlNet beside it."""
        ids, mask = self.words.batch(rows, generator)
        with torch.no_grad():
            context, _ = self.world.text(ids)
        told, words = TIMES * sigma, Extras(attention_mask=mask)
        hints = self.network.embed(self._hints(rows, generator))
        residuals = self.network(x, told, context, hints, words)
        return self.world.unet(x, told, context, replace(words, residuals=residuals)).float()

    def _hints(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Conditioning pictures (B, 3, S, S): outlines first, then layouts, some of them black."""
        device, outlined = generator.device, len(rows) // 2
        lines = from_bits(self.lessons.lines[rows[:outlined]], self.size).to(device)
        thick = torch.rand(outlined, generator=generator, device=device) < THICK
        lines[thick] = max_pool2d(lines[thick], 3, stride=1, padding=1)
        boxes = layouts(self.lessons.boxes[rows[outlined:]].to(device), self.size)
        shown = torch.rand(len(rows), generator=generator, device=device) >= self.recipe.unhinted
        hints = torch.cat([lines.expand(-1, 3, -1, -1), boxes]) * shown[:, None, None, None]
        return hints.contiguous(memory_format=torch.channels_last)


class ControlRun:
    """One ControlNet for the model in ``weights`` on its way in one folder.

    Raises CheckpointError for a folder in which another recipe, or one for another model, was begun.
    """

    def __init__(self, recipe: ControlRecipe, folder: Path, weights: Path, device: str = "cpu") -> None:
        self.recipe, self.folder = recipe, folder
        self.world = World.load(weights, device=device)
        self.variety = shown_to(self.world, recipe.variety)
        folder.mkdir(parents=True, exist_ok=True)
        self.model = fingerprint(self.world.unet)
        claim(folder / "recipe.json", {"recipe": asdict(recipe), "model": self.model})
        self.device = torch.device(device)

    def __call__(self) -> Path:
        """Do what is left to do and return the path of the weights."""
        recipe, network = self.recipe, self.network()
        modules: dict[str, nn.Module] = {"controlnet": network}
        done = averages(self.folder / "controlnet.checkpoint", modules, recipe.train.steps)
        averaged = train(self.task(network), recipe.train, self.folder) if done is None else done
        path = self.folder / f"{recipe.name}.safetensors"
        save_control(path, cast("ControlNet", averaged["controlnet"]), card=self.card(), model=self.model)
        return path

    def network(self) -> ControlNet:
        """A ControlNet that changes nothing yet, the same for the same recipe."""
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(self.recipe.train.seed)  # pyright: ignore[reportUnknownMemberType]
            network = newborn(self.world.unet, hint_widths=self.recipe.hint_widths)
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return network.train().requires_grad_(requires_grad=True)

    def task(self, network: ControlNet) -> ControlTask:
        """What there is to learn, made at the first run and kept in the folder."""
        seeds = range(self.recipe.first_seed, self.recipe.first_seed + self.recipe.lessons)
        make = Lessons(self.variety)
        lessons = [make(seed) for seed in seeds]
        words = Words(
            self.world.tokenizer, ([each.sentence] for each in lessons), dropped=self.recipe.dropped
        )
        kept = self.kept(lessons)
        return ControlTask(network, self.world, kept, words, recipe=self.recipe, draw=self.draw)

    def kept(self, lessons: Sequence[Lesson]) -> Taught:
        """Latents and conditioning pictures of the lessons, rendered once."""
        path = self.folder / "lessons.safetensors"
        if not path.exists():
            began = time.perf_counter()
            renderer = Renderer(self.variety.sprites, self.world.native[0], self.device)
            made = taught(self.world, lessons, renderer)
            minutes = json.dumps(round((time.perf_counter() - began) / 60, 1))
            tensors = {"latents": made.latents, "lines": made.lines, "boxes": made.boxes}
            safetensors.save(path, tensors, {"minutes": minutes})
        tensors = safetensors.load(path, "cpu")
        return Taught(tensors["latents"], tensors["lines"], tensors["boxes"])

    def card(self) -> dict[str, object]:
        """What the weights say of themselves."""
        stage = summary(self.folder / "controlnet.jsonl", self.recipe.train.batch)
        lessons = {
            "minutes": json.loads(read_header(self.folder / "lessons.safetensors").metadata["minutes"])
        }
        return {
            "recipe": self.recipe.name,
            "model": self.world.name,
            "data": self.world.card["data"],
            "licence": "Apache-2.0",
            "stages": {"lessons": lessons, "controlnet": stage},
        }

    @torch.inference_mode()
    def draw(self, network: ControlNet) -> Tensor:
        """Lessons that are not taught, as they are drawn by now: for each its conditioning picture first."""
        count, size = 24, self.world.native[0]
        make = Lessons(self.variety)
        lessons = [make(seed) for seed in range(UNTAUGHT, UNTAUGHT + count)]
        pictures = Renderer(self.variety.sprites, size, self.device)([each.scene for each in lessons])
        lines = from_bits(outlines(as_bytes(pictures)), size).expand(-1, 3, -1, -1)
        boxes = layouts(tabled(lessons, size), size)
        hints = torch.cat([lines[: count // 2], boxes[count // 2 :]]).to(self.device)
        drawn = sketch(self.world, network, [each.sentence for each in lessons], hints)
        return sheet(torch.stack([hints, drawn], 1).flatten(0, 1), 12)


def sketch(world: World, network: ControlNet, sentences: Sequence[str], hints: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) of sentences under conditioning pictures."""
    read = torch.cat([network.embed(hints)] * 2)

    def asked(x: Tensor, told: Tensor, context: Tensor, extras: Extras) -> Tensor:
        worn = replace(extras, residuals=network(x, told, context, read, extras))
        return world.unet(x, told, context, worn)

    return sketched(world, sentences, asked, guidance=GUIDANCE)


def save_control(path: Path, network: ControlNet, *, card: Mapping[str, object], model: str) -> None:
    """Write a ControlNet of the embedded family in eight bits; its shape is told by its tensors.

    ``model`` is the fingerprint of the U-Net beside which it was taught.
    """
    metadata = {
        "sfumato.family": FAMILY,
        "sfumato.kind": "controlnet",
        "sfumato.kinds": json.dumps(KINDS),
        MODEL: model,
        "sfumato.card": json.dumps(card, ensure_ascii=False),
    }
    safetensors.save(path, int8.packed(network.state_dict(), rest=torch.float16), metadata)

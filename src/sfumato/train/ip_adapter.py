"""The task of `sfumato train ip-adapter`: to draw a picture from words that leave out what a reference shows.

Every row has a role. "style": the reference is another scene of the same style and background, and the words
mostly say neither. "composition": it has other things in the same places, in another style, and the words
mostly say no places. "both": one picture has look and layout, and other things. U-Net and towers stand still.

No row goes without a reference: where none is attended to, the adapters add nothing, and the network is the
one that was trained before. So a row of unwanted words is told zeros, here and when drawing.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from sfumato.checkpoints import int8, safetensors
from sfumato.checkpoints.fingerprint import MODEL, fingerprint
from sfumato.checkpoints.header import read_header
from sfumato.diffusion.prediction import FLOW, noised
from sfumato.diffusion.protocol import Extras, Look, Looking, Perturbed
from sfumato.families.world import FAMILY, TIMES, World
from sfumato.models.reference import BOTH, COMPOSITION, ROLES, STYLE, Reference, reference_config
from sfumato.train.checkpoint import averages
from sfumato.train.loop import train
from sfumato.train.pairs import GROUP, WORDINGS, Alike, Pairs, groups, paired, wordings
from sfumato.train.pictures import sheet
from sfumato.train.recipes import ReferenceRecipe
from sfumato.train.run import claim, shown_to, summary
from sfumato.train.sketch import sketched
from sfumato.train.words import Words
from sfumato.world.renderer import Renderer

WORDED: dict[str, dict[str, float]] = {
    STYLE: {"all": 0.15, "no look": 0.6, "background only": 0.25},
    COMPOSITION: {"all": 0.35, "no places": 0.65},
    BOTH: {"all": 0.2, "no places": 0.2, "neither": 0.6},
}
"""How often the words of a role say what. In "composition" they always name the style, if it has a name."""
UNSEEN = 2 * 10**9
"""The first seed of scenes that are never learned from."""
GUIDANCE = 4.0  # of the sheets that show progress
WORDLESS = 0.08
"""The share of rows, other than those of composition, with no words at all."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One batch, as chance had it: rows of pictures and of references, and what is said of them."""

    rows: Tensor
    references: Tensor
    wordings: Tensor
    wordless: Tensor
    style: Tensor  # bool, whether the reference's look counts
    composition: Tensor


class ReferenceTask:
    """Flow matching of latents, given words and a reference. ``draw`` makes the sheet that shows progress."""

    name = "reference"

    def __init__(
        self,
        reference: Reference,
        world: World,
        pairs: Pairs,
        words: Words,
        *,
        batch: int,
        draw: Callable[[Reference], Tensor],
    ) -> None:
        self.reference, self.world, self.pairs, self.words = reference, world, pairs, words
        self.batch, self.draw = batch, draw
        self.modules: Mapping[str, nn.Module] = {"reference": reference}
        count = int(pairs.backgrounds.max()) + 1
        self._of_look = Alike(pairs.styles * count + pairs.backgrounds)
        self._of_style = Alike(pairs.styles)

    def sample(self, averaged: Mapping[str, nn.Module]) -> Tensor:
        """Pictures of sentences and references that training does not see."""
        return self.draw(cast("Reference", averaged["reference"]))

    def losses(self, generator: torch.Generator) -> dict[str, Tensor]:
        device = generator.device
        drawn = self._drawn(generator)
        clean = self.pairs.latents[drawn.rows].to(device).float()
        clean = clean.contiguous(memory_format=torch.channels_last)
        noise = torch.empty_like(clean).normal_(generator=generator)
        sigma = (torch.randn(self.batch, generator=generator, device=device) + 0.4).sigmoid()
        here = sigma[:, None, None, None]
        x = noised(clean, noise, 1 - here, here)
        ids, mask = self.words.said(drawn.rows, drawn.wordings, drawn.wordless)
        with torch.no_grad():
            context, _ = self.world.text(ids.to(device))
        seen = self.pairs.seen[drawn.references].to(device).float()
        look = self._look(seen, drawn.style.to(device), drawn.composition.to(device))
        extras = Extras(attention_mask=mask.to(device), cross_attention=Perturbed(look))
        output = self.world.unet(x, TIMES * sigma, context, extras).float()
        errors = (output - FLOW.target(clean, noise, 1 - here, here)).square().mean(dim=(1, 2, 3)).cpu()
        roles = {
            STYLE: drawn.style & ~drawn.composition,
            COMPOSITION: drawn.composition & ~drawn.style,
            BOTH: drawn.style & drawn.composition,
        }
        told = {role: errors[rows].mean() for role, rows in roles.items() if rows.any()}
        return {"loss": errors.mean(), **told}

    def _look(self, seen: Tensor, style: Tensor, composition: Tensor) -> Callable[[Looking, Look], Tensor]:
        """How layers look at words and references, where each row minds one adapter or both."""
        parts = [
            (role, self.reference.tokens(seen, role), minded[:, None, None])
            for role, minded in ((STYLE, style), (COMPOSITION, composition))
        ]

        def look(looking: Looking, what: Look) -> Tensor:
            mixed = looking(what)
            for role, tokens, minded in parts:
                mixed = mixed + minded * self.reference.mixed(what, tokens, role)
            return mixed

        return look

    def _drawn(self, generator: torch.Generator) -> Drawn:
        """Who refers to whom in this batch. All on the CPU, as the pool is."""
        device = generator.device
        rows = torch.randint(len(self.pairs), (self.batch,), generator=generator, device=device).cpu()
        role, wording, which, wordless = torch.rand(4, self.batch, generator=generator, device=device).cpu()
        roles = torch.bucketize(role, torch.tensor([0.4, 0.75]))  # style, composition, both
        wordings = torch.stack([_worded(name, wording) for name in ROLES])[roles, torch.arange(self.batch)]
        freely = wordings == WORDINGS.index("background only")
        first, look, cast_ = rows - rows % GROUP, rows % GROUP // 2, rows % 2
        references = torch.stack(
            [
                torch.where(freely, self._of_style(rows, which), self._of_look(rows, which)),
                first + 2 * (1 - look) + (which < 0.5),
                first + 2 * look + (1 - cast_),
            ]
        )[roles, torch.arange(self.batch)]
        return Drawn(
            rows=rows,
            references=references,
            wordings=wordings,
            wordless=(wordless < WORDLESS) & (roles != 1),
            style=roles != 1,
            composition=roles != 0,
        )


def _worded(role: str, chance: Tensor) -> Tensor:
    """Which wording each row of that role gets."""
    shares = WORDED[role]
    bounds = torch.tensor(list(shares.values())).cumsum(0)[:-1]
    columns = torch.tensor([WORDINGS.index(name) for name in shares])
    return columns[torch.bucketize(chance, bounds)]


class ReferenceRun:
    """What reads references for the model in ``weights``, on its way in one folder.

    Raises CheckpointError for a folder in which another recipe, or one for another model, was begun.
    """

    def __init__(self, recipe: ReferenceRecipe, folder: Path, weights: Path, device: str = "cpu") -> None:
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        self.world = World.load(weights, device=device)
        self.variety = shown_to(self.world, recipe.variety)
        folder.mkdir(parents=True, exist_ok=True)
        self.model = fingerprint(self.world.unet)
        claim(folder / "recipe.json", {"recipe": asdict(recipe), "model": self.model})
        self.renderer = Renderer(self.variety.sprites, self.world.native[0], self.device)

    def __call__(self) -> Path:
        """Do what is left to do and return the path of the weights."""
        recipe, modules = self.recipe, {"reference": self.network()}
        done = averages(self.folder / "reference.checkpoint", modules, recipe.train.steps)
        averaged = train(self.task(modules["reference"]), recipe.train, self.folder) if done is None else done
        path = self.folder / f"{recipe.name}.safetensors"
        save_reference(path, cast("Reference", averaged["reference"]), card=self.card(), model=self.model)
        return path

    def network(self) -> Reference:
        """A reader that tells nothing yet, the same for the same recipe."""
        recipe = self.recipe
        config = reference_config(
            self.world.unet,
            self.world.image,
            tokens=recipe.tokens,
            inner=recipe.inner,
            layers=recipe.layers,
        )
        with torch.random.fork_rng():  # pyright: ignore[reportUnknownMemberType]
            torch.manual_seed(recipe.train.seed)  # pyright: ignore[reportUnknownMemberType]
            return Reference(self.world.unet, config).to(self.device)

    def task(self, network: Reference) -> ReferenceTask:
        """What there is to learn; its pictures are made at the first run and kept in the folder."""
        recipe = self.recipe
        scenes = list(itertools.chain.from_iterable(groups(recipe.groups, recipe.first_seed, self.variety)))
        path = self.folder / "pairs.safetensors"
        if not path.exists():
            began = time.perf_counter()
            made = paired(scenes, self.renderer, self.world)
            minutes = json.dumps(round((time.perf_counter() - began) / 60, 1))
            safetensors.save(path, vars(made), {"minutes": minutes})
        words = Words(self.world.tokenizer, [wordings(scene, seed) for seed, scene in enumerate(scenes)])
        pairs = Pairs(**safetensors.load(path, "cpu"))
        return ReferenceTask(network, self.world, pairs, words, batch=recipe.train.batch, draw=self.draw)

    def card(self) -> dict[str, object]:
        """What the weights say of themselves."""
        stages = {
            "pairs": {
                "minutes": json.loads(read_header(self.folder / "pairs.safetensors").metadata["minutes"])
            },
            "reference": summary(self.folder / "reference.jsonl", self.recipe.train.batch),
        }
        return {
            "recipe": self.recipe.name,
            "model": self.world.name,
            "data": self.world.card["data"],
            "licence": "Apache-2.0",
            "stages": stages,
        }

    @torch.inference_mode()
    def draw(self, network: Reference) -> Tensor:
        """References that were not learned from, then the words alone, then with them in each role."""
        count = 12
        fours = list(groups(count, UNSEEN, self.variety))
        shown = self.renderer([four[3] for four in fours])
        sentences = [wordings(four[0], 0)[WORDINGS.index("neither")] for four in fours]
        rows = [sketched(self.world, sentences, self.world.unet, guidance=GUIDANCE)]
        rows += [sketch(self.world, sentences, network, shown, role) for role in ROLES]
        return sheet(torch.cat([shown, *rows]), count)


def sketch(world: World, sentences: Sequence[str], network: Reference, pictures: Tensor, role: str) -> Tensor:
    """Pictures (B, 3, S, S) of sentences and of references (B, 3, S, S) in a role."""
    tokens = network.tokens(world.image.states(pictures * 2 - 1)[-2], role)
    tokens = torch.cat([torch.zeros_like(tokens), tokens])

    def look(looking: Looking, what: Look) -> Tensor:
        return looking(what) + network.mixed(what, tokens, role)

    def asked(x: Tensor, told: Tensor, context: Tensor, extras: Extras) -> Tensor:
        return world.unet(x, told, context, replace(extras, cross_attention=Perturbed(look)))

    return sketched(world, sentences, asked, guidance=GUIDANCE)


def save_reference(path: Path, network: Reference, *, card: Mapping[str, object], model: str) -> None:
    """Write a reader of the embedded family in eight bits; its shape is told by its tensors.

    ``model`` is the fingerprint of the U-Net beside which it was taught.
    """
    metadata = {
        "sfumato.family": FAMILY,
        "sfumato.kind": "reference",
        "sfumato.roles": json.dumps(ROLES),
        MODEL: model,
        "sfumato.card": json.dumps(card, ensure_ascii=False),
    }
    safetensors.save(path, int8.packed(network.state_dict(), rest=torch.float16), metadata)

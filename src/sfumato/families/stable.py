"""Stable Diffusion, as its families share it: a U-Net over latents, asked at discrete levels; text towers.

A family is a ``Family`` of facts (family.py), which makes a ``Stable`` of the parts of a checkpoint. How
words are read is in reading.py, levels are in trained.py, pictures in latents.py.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.adapters.attach import Wardrobe
from sfumato.adapters.closet import Closet, Tower
from sfumato.adapters.controls import Controls, Forward
from sfumato.diffusion.prediction import Prediction
from sfumato.diffusion.protocol import Call, Conditioning, Level
from sfumato.errors import InputError
from sfumato.families.latents import Latents
from sfumato.families.model import Encoded, Wording
from sfumato.families.reading import Read, Reader
from sfumato.families.sizes import Sizes
from sfumato.families.trained import Trained
from sfumato.models.unet import UNet


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a family makes a conditioning of: the text as each tower read it, and the picture to come."""

    reads: Sequence[Read]
    wording: Wording
    size: tuple[int, int]  # (width, height)
    vector_width: int  # of the vector that the U-Net takes; 0: none
    zeros_for_nothing: bool | None  # whether an empty text is told by zeros; None: as the family does


Telling: TypeAlias = Callable[[Told], Conditioning]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stable:
    """A Stable Diffusion model; implements ``Model``. Its networks stay where they are."""

    name: str
    family: str
    unet: UNet
    latents: Latents
    readers: tuple[Reader, ...]
    trained: Trained
    prediction: Prediction
    sizes: Sizes
    telling: Telling
    zeros_for_nothing: bool | None = None
    notes: tuple[str, ...] = ()  # what was found out about the checkpoint, for people
    wardrobe: Wardrobe = field(init=False)
    controls: Controls = field(init=False)
    closet: Closet = field(init=False)  # adapters and learned words, which requests call by their names

    def __post_init__(self) -> None:
        object.__setattr__(self, "wardrobe", Wardrobe(self.unet))
        towers = {
            "unet": Tower(wardrobe=self.wardrobe),
            **{each.part: each.of_closet for each in self.readers},
        }
        object.__setattr__(self, "controls", Controls(unet=self.unet))
        object.__setattr__(self, "closet", Closet(towers=towers))

    @property
    def native(self) -> tuple[int, int]:
        return self.sizes.native

    @property
    def channels_beside(self) -> int:
        """How many channels the U-Net sees beside the latent: 5 to fill holes, 4 to edit, else none."""
        return self.unet.config.in_channels - self.latents.channels

    def check_size(self, size: tuple[int, int]) -> None:
        self.sizes.check(size)

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.sizes.fitting(size)

    def blank(self, size: tuple[int, int]) -> Tensor:
        width, height = (side // self.latents.shrink for side in size)
        shape = (1, self.latents.channels, height, width)
        return torch.zeros(shape, dtype=torch.float32, device=self.unet.conv_in.weight.device)

    def levels(self, steps: int, spacing: str | None) -> Sequence[Level]:
        return self.trained.levels(steps, spacing)

    def encode(self, wordings: Sequence[Wording]) -> list[Encoded]:
        """Read every text on its own, so that none depends on its neighbours."""
        return [self._encode(wording) for wording in wordings]

    def check_wording(self, wording: Wording) -> None:
        if wording.handoff is not None:
            raise InputError(f"{self.name} has no refiner beside it: leave handoff out, or name a refiner")
        self.check_layers(wording)

    def check_layers(self, wording: Wording) -> None:
        """Raise InputError for layers and adapters that there are not."""
        self.closet.check(name for name, _, _ in wording.adapters)
        for reader in self.readers:
            reader.layer_of(wording)

    def _encode(self, wording: Wording) -> Encoded:
        self.check_wording(wording)
        return self.encoded(wording)

    def encoded(self, wording: Wording) -> Encoded:
        """What the U-Net is told of one text."""
        self.closet.check(name for name, _, _ in wording.adapters)
        reads = [reader.read(wording) for reader in self.readers]
        size, width = wording.size or self.native, self.unet.config.vector_width
        told = self.telling(
            Told(
                reads=reads,
                wording=wording,
                size=size,
                vector_width=width,
                zeros_for_nothing=self.zeros_for_nothing,
            )
        )
        worn = tuple((name, picture) for name, picture, _ in wording.adapters)
        notes = dict.fromkeys(note for read in reads for note in read.notes)
        words = dict.fromkeys(word for read in reads for word in read.words)
        return Encoded(replace(told, adapters=worn), tuple(notes), tuple(words))

    def lane(self, call: Call) -> Hashable:
        return call.weaker

    def look(self, picture: Tensor) -> Tensor:
        """The latent (1, C, h, w) that stands for a picture (1, 3, H, W) in 0..1."""
        return self.latents.look(picture)

    def beside(self, picture: Tensor, mask: Tensor | None) -> Tensor:
        """The picture for a U-Net that edits (8 channels in), mask and picture for one that fills (9)."""
        if self.channels_beside == self.latents.channels:
            if mask is not None:
                raise InputError(f"{self.name} edits a whole picture: leave the mask out")
            return self.latents.unscaled(picture)
        if self.channels_beside == self.latents.channels + 1:
            if mask is None:
                raise InputError(f"{self.name} fills a hole in a picture: give a mask that says where")
            return self.latents.with_hole(picture, mask)
        raise InputError(f"{self.name} sees no picture beside the words: take an inpainting model")

    def decode(self, latent: Tensor) -> Tensor:
        return self.latents.decode(latent)

    def denoise(self, calls: Sequence[Call]) -> list[Tensor]:
        """The clean latents behind calls of one shape and one ``Extras``. Raises InputError, ValueError."""
        self._check(calls)
        x = torch.cat([call.x for call in calls])
        alpha, sigma = (
            torch.tensor(scales, device=x.device)[:, None, None, None]
            for scales in zip(*(call.level for call in calls), strict=True)
        )
        with self.wardrobe.worn([call.conditioning.adapters for call in calls]):
            output = self._asked(self.prediction.network_input(x, sigma), calls)
        clean = self.prediction.clean(output.float(), x, alpha, sigma)
        return [clean[row : row + 1] for row in range(len(calls))]

    def _asked(self, x: Tensor, calls: Sequence[Call]) -> Tensor:
        """The raw output of the U-Net for inputs (B, C, h, w) that are scaled for it."""
        dtype = self.unet.conv_in.weight.dtype
        times = torch.tensor([self.trained.number(call.level.sigma) for call in calls], device=x.device)
        told = [call.conditioning for call in calls]
        masks = [each.mask for each in told if each.mask is not None]
        mask = torch.cat(masks) if masks else None
        vectors = [each.vector for each in told if each.vector is not None]
        context = torch.cat([each.context for each in told]).to(dtype)
        vector = torch.cat(vectors).to(dtype) if vectors else None
        extras = self.controls.extras(calls, Forward(x.to(dtype), times, context, vector, mask))
        extras = replace(extras, attention_mask=mask)
        besides = [each.beside for each in told if each.beside is not None]
        if besides:
            x = torch.cat([x, torch.cat(besides).to(x)], dim=1)
        scales = [each.guidance for each in told if each.guidance is not None]
        guidance = torch.tensor(scales, device=x.device) if scales else None
        return self.unet(x.to(dtype), times, context, extras, vector=vector, guidance=guidance)

    def _check(self, calls: Sequence[Call]) -> None:
        """Raise unless one forward can answer them, and the U-Net reads all that they tell."""
        first = calls[0]
        if any(call.extras is not first.extras for call in calls):
            raise ValueError("calls with different extras cannot share a forward")
        if first.extras.attention_mask is not None:
            raise ValueError("an attention mask among the extras: it belongs to each call's conditioning")
        if any(call.weaker for call in calls):
            raise InputError(
                f"{self.name} has no weaker network beside it to guide by: name layers to skip instead"
            )
        if wrong := [call.level for call in calls if call.level.alpha != 1]:
            raise ValueError(f"{wrong[0]} is no level of {self.name}, which walks at alpha 1")
        for call in calls:
            self._check_told(call.conditioning)

    def _check_told(self, told: Conditioning) -> None:
        reads = self.unet.config.guidance_width > 0
        if told.guidance is None and reads:
            raise InputError(f"{self.name} was distilled to read its scale: ask for guidance distilled(8)")
        if told.guidance is not None and not reads:
            raise InputError(
                f"a scale of guidance was told to {self.name}, which was not distilled to read one"
            )
        given = 0 if told.beside is None else told.beside.shape[1]
        if given == self.channels_beside:
            return
        if not self.channels_beside:
            raise InputError(
                f"{self.name} reads words only: take an inpainting model to fill a picture's hole"
            )
        raise InputError(
            f"{self.name} sees {self.channels_beside} channels beside the latent and was given {given}: "
            "it continues a picture, so give it one"
        )

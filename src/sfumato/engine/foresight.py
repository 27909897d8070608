"""How much memory pictures of one model will need, found out on its skeleton (``skeleton.py``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from sfumato.diffusion.protocol import Call, Conditioning, Controlled
from sfumato.engine.free_memory import free_memory
from sfumato.engine.skeleton import Run, counted, skeleton
from sfumato.engine.tiled_decoding import SIDES, tiles_of
from sfumato.errors import InputError
from sfumato.families.latents import Tiles
from sfumato.families.model import Model, Wording

ROWS = 2  # of a guided picture's forward

Size: TypeAlias = tuple[int, int]
NOTHING = Run(0, 0)


class Foresight:
    """What pictures of one model will need; ``free`` says how much there is, None what the system tells.

    All answers are bytes beside the weights. A model that cannot be run without numbers is believed to need
    nothing, and ``unknown`` says why.
    """

    def __init__(self, model: Model, *, free: Callable[[], int | None] | None = None) -> None:
        self.model = model
        self.free = free or self._free
        self.unknown: str | None = None
        self._bones: Model | None = None
        self._hung: object = None
        self._runs: dict[object, Run] = {}

    def steps(self, size: Size, *, rows: int = ROWS, controls: tuple[tuple[str, str], ...] = ()) -> int:
        """Of one forward of so many rows that wear ``controls``, (name, kind) each.

        It is in proportion to the places of all rows: found out at the model's own size.
        """
        run = self._run(("steps", controls), lambda bones: self._forward(bones, controls))
        times = math.prod(self._places(size)) * rows / (math.prod(self._places(self.model.native)) * ROWS)
        return run.bytes(times)

    def decoder(self, size: Size) -> int:
        """Of the decoder, the whole picture in one piece, or as the family cuts it."""
        height, width = self._places(size)
        return self._decoder(height, width)

    def encoder(self, size: Size) -> int:
        """Of the encoder, in proportion to the places, as ``steps``."""
        width, height = self.model.native
        run = self._run("look", lambda bones: bones.look(_nothing(1, 3, height, width)))
        return run.bytes(math.prod(self._places(size)) / math.prod(self._places(self.model.native)))

    def size_of(self, latent: Tensor) -> Size:
        """The (width, height) of the picture that a latent stands for."""
        (height, width), (down, across) = latent.shape[2:], self.model.blank(self.model.native).shape[2:]
        return width * self.model.native[0] // across, height * self.model.native[1] // down

    def in_tiles(self, size: Size, side: int) -> int:
        """Of the decoder over tiles of so many places a side, with the picture that they are laid into."""
        height, width = self._places(size)
        return self._decoder(min(side, height), min(side, width)) + 2 * 4 * 3 * size[0] * size[1]

    def tiles(self, size: Size, free: int) -> Tiles | None:
        """The largest tiles by which a picture can be decoded in so much memory; None if none are needed."""
        if self.decoder(size) <= free:
            return None
        sides = [side for side in SIDES if side < max(self._places(size))] or [SIDES[-1]]
        fits = (side for side in sides if self.in_tiles(size, side) <= free)
        return tiles_of(next(fits, sides[-1]))

    def _decoder(self, height: int, width: int) -> int:
        def run(bones: Model) -> object:
            blank = bones.blank(bones.native)
            return bones.decode(_nothing(1, blank.shape[1], height, width))

        return self._run(("decode", height, width), run).bytes()

    def _run(self, key: object, run: Callable[[Model], object]) -> Run:
        """What a run of the model's networks would keep alive; nothing is run twice."""
        try:
            hung = (*self.model.controls.names, *self.model.closet.adapters)
            if self._bones is None or hung != self._hung:
                self._bones, self._hung = skeleton(self.model), hung
                self._runs.clear()
            if key not in self._runs:
                self._runs[key] = counted(partial(run, self._bones))
        except Exception as error:  # a family may do what shapes alone do not answer
            self.unknown = f"{type(error).__name__}: {error}"
            self._runs[key] = NOTHING
        return self._runs[key]

    def _forward(self, bones: Model, worn: tuple[tuple[str, str], ...]) -> None:
        (told,) = (each.conditioning for each in bones.encode([Wording(text="")]))
        x = bones.blank(bones.native)
        if bones.channels_beside:
            told = replace(told, beside=_nothing(1, bones.channels_beside, *x.shape[2:]))
        told = replace(told, controls=tuple(_controlled(bones, *each) for each in worn))
        levels = self.model.levels(8, None)
        for level in (levels[0], levels[-2]):  # a refiner has the last ones
            try:
                bones.denoise([Call(x, level, told)] * ROWS)
            except InputError:  # it was distilled to be told its scale
                bones.denoise([Call(x, level, _with_scale(told))] * ROWS)

    def _places(self, size: Size) -> tuple[int, int]:
        height, width = self.model.blank(self.model.native).shape[2:]
        return size[1] * height // self.model.native[1], size[0] * width // self.model.native[0]

    def _free(self) -> int | None:
        return free_memory(str(self.model.blank(self.model.native).device))


def _nothing(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def _controlled(bones: Model, name: str, kind: str) -> Controlled:
    width, height = bones.native
    hint = bones.controls.control(name).prepare(_nothing(1, 3, height, width), kind)
    return Controlled(name, hint, 1.0, math.inf, -math.inf)


def _with_scale(told: Conditioning) -> Conditioning:
    return replace(told, guidance=8.0)

"""The Python face of the house: a painter draws what it is told, shows how, and signs with the recipe.

painter = sfumato.load()
painter("a red cat", seed=7).save("cat.png")
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict, Unpack

import torch
from PIL import Image
from torch import Tensor

from sfumato import families
from sfumato.checkpoints.safetensors import digest
from sfumato.diffusion.named import Named
from sfumato.engine import Drawing, Drawn, Engine, Seen, drawing
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.provenance.recipe import Recipe, Setup, recipe_of, write_png
from sfumato.request import Request

EMBEDDED = Request.model


class Options(TypedDict, total=False):
    """What may be said of a picture beside its words; ``Request`` says what each means and its default."""

    seed: int
    steps: int
    sampler: str
    guidance: float | str
    negative: str
    size: tuple[int, int]
    levels: str


def cfg(scale: float, *, start: float = 0.0, stop: float = 1.0) -> str:
    """Classifier-free guidance between two shares of the walk, as a request names it: ``guidance=cfg(6)``."""
    return str(Named("cfg", (scale,), (("start", start), ("stop", stop))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A drawn picture; ``notes`` has a line for everything of the request that had no effect."""

    image: Image.Image
    request: Request
    notes: tuple[str, ...]
    weights: str  # the model's name
    weights_sha256: str
    setup: Setup

    def save(self, path: str | Path) -> Path:
        """Write a PNG that carries its recipe, whole or not at all. Raises InputError where that fails."""
        write_png(path, self.image, self.recipe())
        return Path(path)

    def recipe(self) -> Recipe:
        """All that decided its pixels, and their digest."""
        return recipe_of(
            self.request,
            self.image,
            weights=self.weights,
            weights_sha256=self.weights_sha256,
            setup=self.setup,
        )


@dataclass(frozen=True, eq=False)
class Step:
    """A picture on its way: ``clean`` (1, C, h, w) is the latent that the model sees behind the noise now."""

    index: int  # from 1 to total
    total: int
    clean: Tensor
    picture: Picture | None  # with the last step
    engine: Engine = field(repr=False)

    def preview(self) -> Image.Image:
        """Decode what the model sees now; it costs one pass of the decoder."""
        return to_image(self.engine.decode(self.clean))


class Painter:
    """Draws with one model. ``name`` is what requests call it, ``weights_sha256`` the digest of its file."""

    def __init__(
        self, model: Model, *, name: str = EMBEDDED, weights_sha256: str = "", fast: bool = False
    ) -> None:
        self.model = model
        self.name = name
        self.weights_sha256 = weights_sha256
        self.engine = Engine(model, fast=fast)

    def request(self, wish: str | Request, **options: Unpack[Options]) -> Request:
        """The full request for a sentence, with a fresh seed if none is given. Raises InputError."""
        if isinstance(wish, Request):
            if wish.model != self.name:
                raise InputError(f"the request is for model {wish.model!r}; this painter has {self.name!r}")
            return replace(wish, **options)
        if "seed" not in options:
            options["seed"] = fresh_seed()
        return Request(prompt=wish, model=self.name, **options)

    def __call__(self, wish: str | Request, **options: Unpack[Options]) -> Picture:
        """Draw a sentence, or a request with some of it changed. Raises InputError."""
        (picture,) = self.batch([self.request(wish, **options)])
        return picture

    def watch(self, wish: str | Request, **options: Unpack[Options]) -> Generator[Step, None, None]:
        """Draw step by step; the last one brings the picture. Closing the generator stops the drawing."""
        return self._watch(self.request(wish, **options))

    def _watch(self, request: Request) -> Generator[Step, None, None]:
        seen: deque[Seen] = deque()
        with closing(self.engine.run([drawing(request, self.model, seen.append)])) as rounds:
            for ended in rounds:
                picture = self._picture(request, ended[0].outcome) if ended else None
                while seen and (picture or seen[0].index < seen[0].total):  # the last waits for its picture
                    step = seen.popleft()
                    last = picture if not seen else None
                    yield Step(step.index, step.total, step.clean, last, self.engine)

    def batch(self, wishes: Iterable[str | Request]) -> Generator[Picture, None, None]:
        """Draw many together, whatever their sizes, steps and samplers; pictures come in the order asked.

        A request that fails takes no other with it: once all the others are yielded, its error is raised, or
        an ExceptionGroup of errors if there are several.
        """
        requests: dict[int, Request] = {}

        def begun(index: int, wish: str | Request) -> Drawing:
            requests[index] = self.request(wish)
            return (yield from drawing(requests[index], self.model))

        errors: list[Exception] = []
        outcomes: dict[int, Drawn | Exception] = {}
        turn = 0
        with closing(self.engine.run(begun(*numbered) for numbered in enumerate(wishes))) as rounds:
            for ended in rounds:
                outcomes |= dict(ended)
                while turn in outcomes:
                    outcome = outcomes.pop(turn)
                    if isinstance(outcome, Exception):
                        outcome.add_note(f"in request {turn} of the batch, counted from 0")
                        errors.append(outcome)
                    else:
                        yield self._picture(requests.pop(turn), outcome)
                    turn += 1
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup(f"{len(errors)} of {turn} pictures could not be drawn", errors)

    def _picture(self, request: Request, outcome: Drawn | Exception) -> Picture:
        if isinstance(outcome, Exception):
            raise outcome
        fast = ("drawn fast: in another batch its pixels may differ a little",) * self.engine.fast
        return Picture(
            image=to_image(outcome.picture),
            request=request,
            notes=(*outcome.notes, *fast),
            weights=self.model.name,
            weights_sha256=self.weights_sha256,
            setup=Setup(
                fast=self.engine.fast,
                device=outcome.picture.device.type,
                threads=torch.get_num_threads(),
            ),
        )


def fresh_seed() -> int:
    """A seed for who gave none: any, and short enough to be typed again."""
    return secrets.randbelow(2**32)


def to_image(picture: Tensor) -> Image.Image:
    """A picture (1, 3, H, W) in 0..1 as 8-bit RGB, rounded to the nearest value."""
    rows = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8)  # (H, W, 3)
    return Image.fromarray(rows.cpu().contiguous().numpy())


def check_device(device: str) -> None:
    """Raise InputError for a device that torch does not know or does not find."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {device!r} is not here; try 'cpu'") from error


def load(
    weights: str | Path | None = None, *, fast: bool = False, **how: Unpack[families.LoadingOptions]
) -> Painter:
    """A painter with the model in the file or folder ``weights``, or with the embedded one.

    ``fast``: see ``Engine``; all else: see ``families.Loading``. Raises CheckpointError for what cannot be
    drawn with, InputError for a ``device`` that is absent.
    """
    check_device(how.get("device", "cpu"))
    path, loading = families.embedded() if weights is None else Path(weights), families.Loading(**how)
    model = families.load(path, loading)
    name = loading.name(EMBEDDED if weights is None else path.name)
    return Painter(model, name=name, weights_sha256=_digest(path, *loading.sources), fast=fast)


def _digest(path: Path, *others: Path) -> str:
    """The digest of a checkpoint; of several, that of their digests, one a line."""
    digests = [digest(each) for each in (path, *others)]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if others else digests[0]

"""The Python face of the house: a painter draws what it is told, shows how, and signs with the recipe.

painter = sfumato.load()
painter("a red cat", seed=7).save("cat.png")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

import torch
from PIL import Image
from torch import Tensor

from sfumato import families
from sfumato.adapters.hanging import Peg, hang
from sfumato.adapters.open import open_adapter
from sfumato.checkpoints.open import open_checkpoint
from sfumato.checkpoints.placing import Place
from sfumato.checkpoints.safetensors import digest
from sfumato.choosing import Best, best_of, judge_of, read_clip
from sfumato.conditions.condition import Given
from sfumato.engine import Drawing, Drawn, Engine, Seen, Watcher, drawing
from sfumato.engine.foresight import Foresight
from sfumato.errors import InputError
from sfumato.families.model import Model
from sfumato.families.source import Source
from sfumato.options import Lora, Options, with_two_weights
from sfumato.pictures import Brought
from sfumato.provenance.recipe import Means, Recipe, Setup, recipe_of, write_png
from sfumato.request import Request, fresh_seed, frozen
from sfumato.steering import Again, Lightbox, Steering
from sfumato.text.wildcards import chosen

EMBEDDED = Request.model
CONTROL, REFERENCE = "control", "reference"  # what the networks are called that the package ships beside it
ENCODER = "image_encoder"  # the folder of CLIP's image tower in a model's folder
TOLD = 1000  # requests of which it is known what was decided to read their pictures
STEERING = ("picture", "mask", "controls", "references", "regions")
"""Options that bring pictures or objects, which a request knows as digests and rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A drawn picture; ``notes`` has a line for everything of the request that had no effect."""

    image: Image.Image
    request: Request
    notes: tuple[str, ...]
    means: Means
    setup: Setup

    def save(self, path: str | Path) -> Path:
        """Write a PNG that carries its recipe, whole or not at all. Raises InputError where that fails."""
        write_png(path, self.image, self.recipe())
        return Path(path)

    def recipe(self) -> Recipe:
        """All that decided its pixels, and their digest."""
        return recipe_of(self.request, self.image, self.means, setup=self.setup)


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
    """Draws with one model. ``name`` is what requests call it, ``weights`` the file or folder it came from.

    ``notes`` tell how its files were understood. Adapters and learned words hang beside it until they are
    removed, and change only the pictures whose requests or prompts name them.
    """

    def __init__(
        self, model: Model, *, name: str = EMBEDDED, source: Source | None = None, fast: bool = False
    ) -> None:
        self.model = model
        self.name = name
        self.source = source or Source()
        self.foresight = Foresight(model)
        self.engine = Engine(model, fast=fast, foresight=self.foresight)
        self._digests: dict[str, str] = {}  # of the files of what hangs beside the model, by name
        self._lightbox = Lightbox()
        self._opened: dict[Request, tuple[str, ...]] = {}  # what was decided to read a request's pictures
        self._wearing: tuple[tuple[str, float, float], ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return self.model.notes

    def hang(
        self, path: str | Path, *, name: str | None = None, encoder: str | Path | None = None
    ) -> tuple[str, ...]:
        """Hang an adapter's file beside the model, by the file's name or another; lines that say what fits.

        A LoRA, ControlNet, T2I-Adapter or IP-Adapter; the last sees by CLIP's image tower, ``encoder``.
        Raises CheckpointError for a file that fits nothing, InputError for a name that is taken.
        """
        name = name or Path(path).stem
        found = open_adapter(path)
        tower = None if encoder is None else open_checkpoint(encoder)
        model = self.model
        told = hang(Peg(name=name, file=found, closet=model.closet, controls=model.controls, encoder=tower))
        self._digests[name] = digest(found.path)
        if tower is not None:
            inside = tower.path / ENCODER
            self._digests[f"{name} encoder"] = digest(inside if inside.is_dir() else tower.path)
        return (*found.notes, *told)

    def learn(self, path: str | Path, *, name: str | None = None) -> tuple[str, ...]:
        """Make the learned word in a file (textual inversion) a word of prompts; lines that tell of it."""
        name = name or Path(path).stem
        if name in self.model.controls.names:
            raise InputError(f"{name!r} hangs here already: remove it first, or give this one another name")
        found = open_adapter(path)
        told = self.model.closet.learn(name, found.tensors)
        self._digests[name] = digest(found.path)
        return (*found.notes, *told)

    def remove(self, name: str) -> None:
        """Take off an adapter, a control or a learned word. InputError for a name that hangs nowhere."""
        if name in self.model.controls.names:
            self.model.controls.remove(name)
        else:
            self.model.closet.remove(name)
        self._digests.pop(name, None)
        self._digests.pop(f"{name} encoder", None)

    @contextmanager
    def adapted(self, *loras: Lora) -> Generator[Painter, None, None]:
        """Wear adapters in every request that is made inside; they are taken off at the end."""
        before, hung = self._wearing, list[str]()
        try:
            for each in loras:
                self.hang(each.path, name=each.name)
                hung.append(each.name)
                self._wearing = (*self._wearing, (each.name, each.weight, each.words))
            yield self
        finally:
            self._wearing = before
            for name in hung:
                self.remove(name)

    def request(self, wish: str | Request, **options: Unpack[Options]) -> Request:
        """The full request for a sentence, with a fresh seed if none is given. Raises InputError.

        The seed makes the choices that texts leave open: "a {red|blue} cat". A picture and a mask are
        kept here, and named in the request by their digests; both are brought to the request's size. A
        ``Request`` is drawn as it is, and wears what it names alone.
        """
        return self._request(wish, options, self._wearing)

    def _request(
        self, wish: str | Request, options: Options, wearing: tuple[tuple[str, float, float], ...]
    ) -> Request:
        values: dict[str, Any] = {**options}
        brought = {name: values.pop(name) for name in STEERING if name in values}
        for name in ("passes", "variations", "toward"):
            if name in values:
                values[name] = frozen(values[name])
        if "adapters" in values:
            values["adapters"] = tuple(map(with_two_weights, values["adapters"]))
        if isinstance(wish, Request):
            if "wildcards" in values:
                raise InputError("a request has its choices behind it: give wildcards with a sentence")
            if wish.model != self.name:
                raise InputError(f"the request is for model {wish.model!r}; this painter has {self.name!r}")
            values = {**vars(wish), **values}
        else:
            values.setdefault("seed", fresh_seed())
            seed, folder = values["seed"], values.pop("wildcards", None)
            for what, text in (("prompt", wish), ("negative", values.get("negative", ""))):
                values[what] = chosen(text, seed, folder)
            match values.get("toward"):
                case (str(text), share):
                    values["toward"] = (chosen(text, seed, folder), share)
                case _:
                    pass  # it is for the request to say what is wrong
            if "regions" in brought:
                brought["regions"] = [each.chosen(seed, folder) for each in brought["regions"]]
            values["adapters"] = (*wearing, *values.get("adapters", ()))
            values["model"] = self.name
        rows = {name: {row[0] for row in values.get(name, ())} for name in ("controls", "references")}
        self._hang_embedded(
            controls=bool(brought.get("controls")) or CONTROL in rows["controls"],
            references=bool(brought.get("references")) or REFERENCE in rows["references"],
        )
        if not brought:
            return Request(**values)
        request, notes = Steering(**brought).of(values, self.model, self._lightbox)
        self._opened[request] = notes
        while len(self._opened) > TOLD:
            del self._opened[next(iter(self._opened))]
        return request

    def lay(
        self,
        request: Request,
        *,
        controls: Sequence[Given] = (),
        references: Sequence[Brought] = (),
        masks: Sequence[Brought] = (),
    ) -> None:
        """Bring the pictures that steered a request again, in the order of its rows; ``masks`` are regions'.

        Its own picture and mask are brought by ``request``. Raises InputError for others than it speaks of.
        """
        again = Again(controls=controls, references=references, masks=masks)
        again.lay(request, self.model, self._lightbox)

    def job(self, request: Request, watcher: Watcher | None = None) -> Drawing:
        """A full request as a generator for whoever runs an engine; ``finished`` makes a picture of its end.

        When it is begun it raises InputError for what this model cannot draw, OutOfMemory for what will not
        fit.
        """
        return drawing(
            request, self.model, watcher, pictures=self._lightbox.pictures, foresight=self.foresight
        )

    def finished(self, request: Request, outcome: Drawn, *, fast: bool) -> Picture:
        """The picture that a job ended with; ``fast``: its forwards' sizes depended on its neighbours."""
        return self._picture(request, outcome, fast=fast)

    def bring(self, image: Image.Image) -> str:
        """Lay a picture, or a mask in mode L, where requests find it by the digest that is given back."""
        return self._lightbox.lay(image)

    @property
    def pictures(self) -> Mapping[str, Tensor]:
        """The pictures that lie here now, (1, 3, H, W) in 0..1 and masks (1, 1, H, W), by their digests."""
        return self._lightbox.pictures

    def laid(self, digest: str) -> Image.Image:
        """The picture, or the mask, that lies here under a digest. Raises InputError where none does."""
        rows = self._lightbox.pictures.get(digest)
        if rows is None:
            raise InputError(f"no picture {digest[:12]}... lies here: bring it")
        return to_image(rows) if rows.shape[1] == 3 else to_image(rows.expand(-1, 3, -1, -1)).getchannel(0)

    def _hang_embedded(self, *, controls: bool, references: bool) -> None:
        """Hang the shipped control or reader of references, the first time that one is asked for."""
        if self.source.path != families.embedded():
            return
        hung = self.model.controls
        if controls and CONTROL not in hung.controls:
            self.hang(families.embedded(CONTROL), name=CONTROL)
        if references and REFERENCE not in hung.readers:
            self.hang(families.embedded(REFERENCE), name=REFERENCE)

    def __call__(self, wish: str | Request, **options: Unpack[Options]) -> Picture:
        """Draw a sentence, or a request with some of it changed. Raises InputError."""
        (picture,) = self.batch([self.request(wish, **options)])
        return picture

    def watch(self, wish: str | Request, **options: Unpack[Options]) -> Generator[Step, None, None]:
        """Draw step by step; the last one brings the picture. Closing the generator stops the drawing."""
        return self._watch(self.request(wish, **options))

    def _watch(self, request: Request) -> Generator[Step, None, None]:
        seen: deque[Seen] = deque()
        job = self.job(request, seen.append)
        with closing(self.engine.run([job])) as rounds:
            for ended in rounds:
                picture = self._picture(request, ended[0].outcome) if ended else None
                while seen and (picture or seen[0].index < seen[0].total):  # the last waits for its picture
                    step = seen.popleft()
                    last = picture if not seen else None
                    yield Step(step.index, step.total, step.clean, last, self.engine)

    def best_of(
        self, wish: str | Request, count: int, *, clip: str | Path | None = None, **options: Unpack[Options]
    ) -> Best[Picture]:
        """Draw a sentence with ``count`` seeds that follow each other, and judge which picture shows it best.

        The picture's notes tell all scores. ``clip`` is the file or folder of a whole CLIP that is to judge;
        models other than the embedded one need it. Raises InputError.
        """
        first = self.request(wish, **options)
        device = self.model.blank(self.model.native).device.type
        brought = None if clip is None else read_clip(clip, Place(device=device))
        judge = judge_of(self.model, first.prompt, size=first.size, clip=brought)
        seeds = range(first.seed, first.seed + count)
        best = best_of(self.batch(replace(first, seed=seed) for seed in seeds), judge)
        return best.noted(lambda picture, notes: replace(picture, notes=(*picture.notes, *notes)))

    def batch(self, wishes: Iterable[str | Request]) -> Generator[Picture, None, None]:
        """Draw many together, whatever their sizes, steps and samplers; pictures come in the order asked.

        A request that fails takes no other with it: once all the others are yielded, its error is raised, or
        an ExceptionGroup of errors if there are several. Sentences wear what is worn where this is called.
        """
        return self._batch(wishes, self._wearing)

    def _batch(
        self, wishes: Iterable[str | Request], wearing: tuple[tuple[str, float, float], ...]
    ) -> Generator[Picture, None, None]:
        requests: dict[int, Request] = {}

        def begun(index: int, wish: str | Request) -> Drawing:
            requests[index] = self._request(wish, {}, wearing)
            return (yield from self.job(requests[index]))

        errors: list[Exception] = []
        outcomes: dict[int, Drawn | Exception] = {}
        turn = 0
        with closing(self.engine.run(begun(*numbered) for numbered in enumerate(wishes))) as rounds:
            for ended in rounds:
                outcomes |= {each.number: each.outcome for each in ended}
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

    def _picture(self, request: Request, outcome: Drawn | Exception, *, fast: bool | None = None) -> Picture:
        if isinstance(outcome, Exception):
            raise outcome
        fast = self.engine.fast if fast is None else fast
        told = ("drawn fast: in another batch its pixels may differ a little",) * fast
        device, threads = outcome.picture.device.type, torch.get_num_threads()
        return Picture(
            image=to_image(outcome.picture),
            request=request,
            notes=(*self._opened.get(request, ()), *outcome.notes, *told),
            means=self._means(request, outcome),
            setup=Setup(fast=fast, device=device, threads=threads, tiles=outcome.tiles),
        )

    def _means(self, request: Request, outcome: Drawn) -> Means:
        """All that decided the pixels beside the request: the files, those alone that it used."""
        roles = {f"adapter {name}": name for name in outcome.worn}
        for word in outcome.words:
            bringer = self._bringer(word)
            roles[f"word {word}" if bringer == word else f"adapter {bringer}"] = bringer
        for name, *_ in (*request.controls, *request.references):
            roles |= {f"control {name}": name, f"control {name} encoder": f"{name} encoder"}
        used = {role: self._digests[name] for role, name in roles.items() if name in self._digests}
        return Means(
            weights=self.model.name,
            weights_sha256=self.source.sha256,
            files={**self.source.beside, **used},
            loading=self.source.loading,
        )

    def _bringer(self, word: str) -> str:
        """What brought a learned word: itself, or the adapter whose file holds it."""
        adapters = self.model.closet.adapters.items()
        return next((name for name, each in adapters if word in each.embeddings), word)


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
    path = families.embedded() if weights is None else Path(weights)
    model = families.load(path, families.Loading(**how))
    name = EMBEDDED if weights is None else path.name
    return Painter(model, name=name, source=Source(path, how), fast=fast)

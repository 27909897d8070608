"""The files that a person brings beside a prompt: a model, what replaces its parts, what hangs beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from sfumato.errors import InputError

if TYPE_CHECKING:
    from sfumato.families import LoadingOptions
    from sfumato.painter import Painter
    from sfumato.request import Request

Model = Annotated[
    Path | None,
    typer.Option(
        "--model", "--weights", metavar="FILE", help="Another model: a file, or a diffusers folder."
    ),
]
Loras = Annotated[
    list[str] | None,
    typer.Option(
        "--lora",
        metavar="[NAME=]FILE[:0.8[:0.6]]",
        help="An adapter, with its weight for the picture and, if it is another, for the words; repeatable.",
    ),
]
LoraFolder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where adapters lie that a prompt names: <lora:ink:0.8>.")
]
Embeddings = Annotated[
    list[Path] | None,
    typer.Option(
        "--embedding",
        metavar="FILE|DIR",
        help="A learned word, called as its file is; repeatable. Or a folder.",
    ),
]
Vae = Annotated[Path | None, typer.Option(metavar="FILE", help="Another autoencoder for the model.")]
UNet = Annotated[Path | None, typer.Option("--unet", metavar="FILE", help="Another U-Net for the model.")]
Tower = Annotated[Path | None, typer.Option(metavar="FILE", help="Another text encoder for the model.")]
Tower2 = Annotated[Path | None, typer.Option(metavar="FILE", help="Another second text encoder (SDXL).")]
Refiner = Annotated[Path | None, typer.Option(metavar="FILE", help="A refiner that ends the picture (SDXL).")]
Dtype = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16; float32 on a processor.")]
Variant = Annotated[str | None, typer.Option(help="Of a folder's files: fp16.")]
Predicts = Annotated[
    str | None,
    typer.Option("--prediction", help="epsilon or v, where the file is read wrongly: sfumato inspect."),
]
Ema = Annotated[bool, typer.Option("--ema", help="Take the averaged weights of a training checkpoint.")]

SUFFIXES = (".safetensors", ".pt", ".ckpt", ".bin", ".pth")


class Worn(NamedTuple):
    """An adapter's file, how strongly picture and words wear it, and what it is called."""

    path: Path
    picture: float
    words: float
    name: str


@dataclass(frozen=True, kw_only=True)
class Files:
    """The same as options of a verb."""

    model: Model = None
    lora: Loras = None
    lora_folder: LoraFolder = None
    embedding: Embeddings = None
    unet: UNet = None
    vae: Vae = None
    text_encoder: Tower = None
    text_encoder_2: Tower2 = None
    refiner: Refiner = None
    dtype: Dtype = None
    variant: Variant = None
    prediction: Predicts = None
    ema: Ema = False

    def brought(self) -> Brought:
        """What they name. Raises InputError for an adapter whose weight is no number."""
        return Brought(
            model=self.model,
            loras=[worn(text) for text in self.lora or ()],
            lora_folder=self.lora_folder,
            embeddings=[("", path) for path in self.embedding or ()],
            how={
                "unet": self.unet,
                "vae": self.vae,
                "text_encoder": self.text_encoder,
                "text_encoder_2": self.text_encoder_2,
                "refiner": self.refiner,
                "dtype": self.dtype,
                "variant": self.variant,
                "prediction": self.prediction,
                "ema": self.ema,
            },
        )


@dataclass(frozen=True, kw_only=True)
class Brought:
    """All of them. ``model`` None is the embedded one."""

    model: Path | None
    loras: Sequence[Worn] = ()
    lora_folder: Path | None = None
    embeddings: Sequence[tuple[str, Path]] = ()  # with what prompts call them; "" is the file's name
    how: LoadingOptions

    @property
    def adapters(self) -> tuple[tuple[str, float, float], ...]:
        """What requests wear."""
        return tuple((worn.name, worn.picture, worn.words) for worn in self.loras)

    def painter(self, texts: Sequence[str] = ()) -> Painter:
        """The model with all that hangs beside it; of folders, what ``texts`` name. Says what was found."""
        from sfumato.painter import load

        painter = load(self.model, **self.how)
        told = [*painter.notes] if self.model else []
        hung = dict.fromkeys((worn.name, worn.path) for worn in self.loras)
        for name, path in (*hung, *self._mentioned(texts)):
            told += [f"{path.name}: {line}" for line in painter.hang(path, name=name)]
        for name, path in named_words(self.embeddings, texts):
            told += [f"{path.name}: {line}" for line in painter.learn(path, name=name)]
        for line in told:
            typer.echo(line, err=True)
        return painter

    def _mentioned(self, texts: Iterable[str]) -> list[tuple[str, Path]]:
        """The adapters that prompts name and that are not named as files; case is no matter in a folder."""
        from sfumato.text.grammar import parse

        names = dict.fromkeys(each.name for text in texts for each in parse(text).adapters)
        given = {worn.name for worn in self.loras}
        if self.lora_folder is None:
            return []  # the painter says which names hang nowhere
        there = _by_name(self.lora_folder)
        return [
            (name, there[name.casefold()]) for name in names if name not in given and name.casefold() in there
        ]


def texts_of(request: Request) -> list[str]:
    """All texts of a request that may name adapters and learned words."""
    regions = [text for _, words, negative, _ in request.regions for text in (words, negative)]
    toward = [] if request.toward is None else [request.toward[0]]
    return [request.prompt, request.negative, str(request.guidance), *toward, *regions]


def named_words(files: Iterable[tuple[str, Path]], texts: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Learned words with their files: those given, and of folders the ones that ``texts`` name, in any case.

    "" as a name is the file's own.
    """
    said = " ".join(texts).casefold()
    for name, path in files:
        if path.is_dir():
            yield from ((file.stem, file) for key, file in _by_name(path).items() if key in said)
        else:
            yield name or path.stem, path


def _by_name(folder: Path) -> dict[str, Path]:
    """The files in a folder by their names. Raises InputError for two of one name."""
    found: dict[str, Path] = {}
    for path in _inside(folder):
        twin = found.setdefault(path.stem.casefold(), path)
        if twin is not path:
            raise InputError(
                f"{twin} and {path} are both called {path.stem}: name the one you mean by its file"
            )
    return found


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the one that the files lie in")
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def worn(text: str) -> Worn:
    """Read FILE, FILE:0.8 or FILE:0.8:0.6, with NAME= in front for another name than the file's.

    Raises InputError for a weight that is no number.
    """
    name, named, rest = text.partition("=")
    if named and (Path(text).exists() or any(mark in name for mark in "/\\:")):
        name, rest = "", text  # it is a part of the file's name
    name, rest = (name, rest) if named else ("", text)
    found = re.fullmatch(r"(?P<path>.+?)(?::(?P<picture>[^:/\\]*))?(?::(?P<words>[^:/\\]*))?", rest)
    if found is None:
        raise InputError("an adapter without a file: write --lora FILE:0.8")
    if Path(rest).exists():
        return Worn(Path(rest), 1.0, 1.0, name or Path(rest).stem)
    picture, path = _weight(found["picture"], text, 1.0), Path(found["path"])
    return Worn(path, picture, _weight(found["words"], text, picture), name or path.stem)


def _weight(said: str | None, text: str, default: float) -> float:
    if said is None:
        return default
    try:
        return float(said)
    except ValueError as error:
        raise InputError(f"{text}: {said!r} is no weight; write FILE:0.8, or FILE:0.8:0.6") from error

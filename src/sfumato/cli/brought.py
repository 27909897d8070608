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
        metavar="FILE[:0.8[:0.6]]",
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
    """An adapter's file, and how strongly picture and words wear it."""

    path: Path
    picture: float
    words: float


@dataclass(frozen=True, kw_only=True)
class Brought:
    """All of them. ``model`` None is the embedded one."""

    model: Path | None
    loras: Sequence[Worn] = ()
    lora_folder: Path | None = None
    embeddings: Sequence[Path] = ()
    how: LoadingOptions

    @property
    def adapters(self) -> tuple[tuple[str, float, float], ...]:
        """What requests wear, by the names of the files."""
        return tuple((worn.path.stem, worn.picture, worn.words) for worn in self.loras)

    def painter(self, texts: Sequence[str] = ()) -> Painter:
        """The model with all that hangs beside it; of folders, what ``texts`` name. Says what was found."""
        from sfumato.painter import load

        painter = load(self.model, **self.how)
        told = [*painter.notes] if self.model else []
        for path in (*dict.fromkeys(worn.path for worn in self.loras), *self._mentioned(texts)):
            told += [f"{path.name}: {line}" for line in painter.hang(path)]
        for path in named_words(self.embeddings, texts):
            told += [f"{path.name}: {line}" for line in painter.learn(path)]
        for line in told:
            typer.echo(line, err=True)
        return painter

    def _mentioned(self, texts: Iterable[str]) -> list[Path]:
        """The adapters that prompts name and that are not named as files."""
        from sfumato.text.grammar import parse

        names = dict.fromkeys(each.name for text in texts for each in parse(text).adapters)
        given = {worn.path.stem for worn in self.loras}
        missing = [name for name in names if name not in given]
        if self.lora_folder is None:
            return []  # the painter says which names hang nowhere
        there = {path.stem: path for path in _inside(self.lora_folder)}
        return [there[name] for name in missing if name in there]


def named_words(paths: Iterable[Path], texts: Iterable[str]) -> Iterator[Path]:
    """The files of learned words: those given, and of folders the ones that ``texts`` name, in any case."""
    said = " ".join(texts).casefold()
    for path in paths:
        if path.is_dir():
            yield from (file for file in _inside(path) if file.stem.casefold() in said)
        else:
            yield path


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name the one that the files lie in")
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def worn(text: str) -> Worn:
    """Read FILE, FILE:0.8 or FILE:0.8:0.6. Raises InputError for a weight that is no number."""
    found = re.fullmatch(r"(?P<path>.+?)(?::(?P<picture>[^:/\\]*))?(?::(?P<words>[^:/\\]*))?", text)
    if found is None:
        raise InputError("an adapter without a name: write --lora FILE:0.8")
    if Path(text).exists():
        return Worn(Path(text), 1.0, 1.0)
    picture = _weight(found["picture"], text, 1.0)
    return Worn(Path(found["path"]), picture, _weight(found["words"], text, picture))


def _weight(said: str | None, text: str, default: float) -> float:
    if said is None:
        return default
    try:
        return float(said)
    except ValueError as error:
        raise InputError(f"{text}: {said!r} is no weight; write FILE:0.8, or FILE:0.8:0.6") from error

"""What lies in the folder of adapters: LoRAs, learned words, controls; told by their files' headers alone.

Wishes and prompts call them by their files' names. They are hung when a wish names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from sfumato.adapters.kinds import kind_of
from sfumato.adapters.open import open_adapter
from sfumato.adapters.triggers import triggers
from sfumato.conditions import CONDITIONS
from sfumato.conditions.making import read_as, settled
from sfumato.errors import InputError, SfumatoError
from sfumato.serve.models import unknown
from sfumato.serve.wish import ControlWish, ReferenceWish, Wish
from sfumato.text.grammar import parse

SUFFIXES = (".safetensors", ".pt", ".ckpt", ".bin", ".pth")
ENCODER = "image_encoder"
"""What CLIP's image tower is called in the folder, a file or a folder: IP-Adapters see by it."""
TAUGHT = "sfumato.kind"  # where the files of our own training say what they are
MOST = 5000  # files that are listed
CONTROLS = ("controlnet", "t2i-adapter", "taught controlnet")
READERS = ("image-prompt", "taught reference")


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One file. ``obstacle`` says why it cannot be hung; "" where it can."""

    name: str
    path: Path
    kind: str
    triggers: tuple[str, ...] = ()
    size: int
    obstacle: str = ""


class Adapters:
    """A folder of them. Files that are added while the server runs are found."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder}: is no folder; name the one that the adapters lie in")
        self.folder = folder
        self._read: dict[tuple[Path, int, int], Adapter] = {}
        self._lock = Lock()

    def all(self) -> dict[str, Adapter]:
        """Every one by its name, in alphabetical order; of two files of one name, the first path."""
        found: dict[str, Adapter] = {}
        for path in self._files():
            found.setdefault(path.stem, self._told(path))
        return dict(sorted(found.items()))

    def named(self, name: str) -> Adapter:
        """The adapter of a name. Raises InputError with the names that are near."""
        for path in self._files():
            if path.stem == name:
                return self._told(path)
        if self.folder is None:
            raise InputError(f"no adapter {name!r} here: the server was started without --adapters FOLDER")
        raise InputError(unknown("adapter", name, [path.stem for path in self._files()]))

    def encoder(self) -> Path | None:
        """CLIP's image tower, if it lies here."""
        if self.folder is None:
            return None
        found = (self.folder / name for name in (ENCODER, *(f"{ENCODER}{end}" for end in SUFFIXES)))
        return next((path for path in found if path.exists()), None)

    def wanted(self, wish: Wish) -> tuple[str, ...]:
        """The names of those that a wish needs beside its model.

        Raises InputError for names that are none: of adapters in the wish or in its prompt.
        """
        texts = texts_of(wish)
        names = [name for name, _, _ in wish.adapters]
        names += [each.name for text in texts for each in parse(text).adapters]
        for name in names:
            self.named(name)
        stems = {path.stem for path in self._files()}
        networks = (
            each[0] if isinstance(each, tuple) else each.network
            for each in (*wish.controls, *wish.references)
        )
        names += [name for name in networks if name is not None and name in stems]
        names += [path.stem for path in self.words_in(" ".join(texts))]
        return tuple(dict.fromkeys(names))

    def named_in(self, wish: Wish) -> Wish:
        """The wish with a network for each control and reference that names none, where one fits alone.

        Of controls, one whose file is called after what it reads: control_v11p_sd15_canny. InputError where
        several are.
        """
        controls = tuple(
            each.model_copy(update={"network": self._reading(each.kind)})
            if isinstance(each, ControlWish) and each.network is None
            else each
            for each in wish.controls
        )
        readers = [each.name for each in self.all().values() if each.kind in READERS]
        only = readers[0] if len(readers) == 1 else None
        references = tuple(
            each.model_copy(update={"network": only})
            if isinstance(each, ReferenceWish) and each.network is None
            else each
            for each in wish.references
        )
        return wish.model_copy(update={"controls": controls, "references": references})

    def _reading(self, kind: str) -> str | None:
        marks = CONDITIONS[read_as(kind) or settled(kind).name].networks
        able = [each.name for each in self.all().values() if each.kind in CONTROLS]
        found = [name for name in able if any(mark in name.casefold() for mark in marks)] or able
        if len(found) > 1:
            raise InputError(f"{kind}: {', '.join(found[:8])} could read it; say which network is meant")
        return found[0] if found else None

    def words_in(self, text: str) -> tuple[Path, ...]:
        """The files of the learned words that a text holds, in any case."""
        said = text.casefold()
        return tuple(
            path
            for path in self._files()
            if path.stem.casefold() in said and self._told(path).kind == "embedding"
        )

    def _files(self) -> Iterator[Path]:
        if self.folder is None:
            return
        paths = (path for path in sorted(self.folder.rglob("*")) if path.suffix in SUFFIXES)
        for number, path in enumerate(paths):
            if number == MOST:
                return
            if ENCODER not in path.stem and path.is_file():
                yield path

    def _told(self, path: Path) -> Adapter:
        """What a file's header tells, read again when the file is another one."""
        stat = path.stat()
        key = path, stat.st_mtime_ns, stat.st_size
        with self._lock:
            if key not in self._read:
                self._read[key] = _read(path, stat.st_size)
            return self._read[key]


def texts_of(wish: Wish) -> list[str]:
    """All texts of a wish that may name adapters and learned words."""
    texts = [wish.prompt, wish.negative, str(wish.guidance or "")]
    texts += [] if wish.toward is None else [wish.toward[0]]
    for each in wish.regions:
        texts += [each[1], each[2]] if isinstance(each, tuple) else [each.words, each.negative]
    return texts


def _read(path: Path, size: int) -> Adapter:
    try:
        found = open_adapter(path)
        kind = f"taught {found.metadata[TAUGHT]}" if TAUGHT in found.metadata else kind_of(found.tensors)
    except (SfumatoError, OSError) as error:
        why = str(error).removeprefix(f"{path}: ") if isinstance(error, SfumatoError) else "cannot be read"
        return Adapter(name=path.stem, path=path, kind="", size=size, obstacle=why)
    return Adapter(name=path.stem, path=path, kind=kind, triggers=triggers(found.metadata), size=size)

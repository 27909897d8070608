"""One preset: a file of TOML, read strictly, so that a word misspelt is told and not passed over.

    name = "linocut"
    about = "Bold shapes cut from linoleum, two or three inks."
    prompt = "linocut print of {sentence}, bold cut shapes, two ink colours"
    negative = "photograph, 3d render"
    works = ["sd1", "sd2", "sdxl"]
    tags = ["print", "paper"]
    thumbnail = "a green fish, white background, sticker"

    [settings]
    guidance = 7.5
    steps = 28

`name`, `about`, `prompt` and `works` must be there.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

from sfumato.errors import InputError
from sfumato.request import Request

PLACE = "{sentence}"
FAMILIES = ("world", "sd1", "sd2", "sdxl")
LARGEST_FILE = 64 << 10
_NEEDED = ("name", "about", "prompt", "works")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a preset recommends; None is no opinion. Each means what it means in ``Request``."""

    guidance: float | str | None = None
    steps: int | None = None
    sampler: str | None = None
    levels: str | None = None
    size: tuple[int, int] | None = None

    def given(self) -> dict[str, object]:
        """The settings that say something, by name."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A look. ``prompt`` holds ``{sentence}`` once, where the person's words go.

    ``works`` are the families whose models know the words. ``thumbnail`` is the sentence that its picture was
    drawn from, by the embedded model: of a look which that does not know, the nearest that it does.
    """

    name: str
    about: str
    prompt: str
    works: tuple[str, ...]
    negative: str = ""
    tags: tuple[str, ...] = ()
    thumbnail: str | None = None
    settings: Settings = Settings()
    path: Path

    @property
    def picture(self) -> Path | None:
        """The file of its thumbnail; None where there is none."""
        beside = self.path.parent / "thumbnails" / f"{self.path.stem}.webp"
        return beside if beside.is_file() else None

    @property
    def adds(self) -> tuple[str, ...]:
        """The words around the sentence, cut at the commas: ("linocut print of", "bold cut shapes", ...)."""
        around = self.prompt.replace(PLACE, ",").split(",")
        return tuple(part.strip() for part in around if part.strip())

    def told(self) -> dict[str, object]:
        """What a list for programs says of it."""
        return {
            "name": self.name,
            "about": self.about,
            "prompt": self.prompt,
            "negative": self.negative,
            "works": self.works,
            "tags": self.tags,
            "settings": self.settings.given(),
        }


def read_preset(path: Path) -> Preset:
    """The preset in a file. Raises InputError, with the file's name, for anything that is not exactly one."""
    table = _table(path)
    _check_keys(path, table, [each.name for each in fields(Preset) if each.name != "path"], "a preset")
    if absent := [name for name in _NEEDED if name not in table]:
        raise InputError(f"{path}: lacks {' and '.join(absent)}; a preset needs {', '.join(_NEEDED)}")
    texts = {name: _text(path, name, table[name]) for name in ("name", "about", "prompt")}
    if texts["prompt"].count(PLACE) != 1:
        raise InputError(f"{path}: prompt must hold {PLACE} once: it is where the sentence goes")
    return Preset(
        **texts,
        works=_families(path, table["works"]),
        negative=_text(path, "negative", table.get("negative", ""), perhaps_empty=True),
        tags=_texts(path, "tags", table.get("tags", [])),
        thumbnail=_text(path, "thumbnail", table["thumbnail"]) if "thumbnail" in table else None,
        settings=_settings(path, table.get("settings", {})),
        path=path,
    )


def _table(path: Path) -> dict[str, object]:
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= LARGEST_FILE else ""
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: is not text in UTF-8") from error
    if size > LARGEST_FILE:
        raise InputError(f"{path}: has {size:,} bytes, more than {LARGEST_FILE:,}: a preset is some lines")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error


def _check_keys(path: Path, table: dict[str, object], known: list[str], what: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{path}: {what} knows no {', '.join(unknown)}; it has {', '.join(known)}")


def _text(path: Path, name: str, value: object, *, perhaps_empty: bool = False) -> str:
    if not isinstance(value, str) or not (value.strip() or perhaps_empty):
        raise InputError(f"{path}: {name} is {value!r}, not a text")
    return value.strip()


def _texts(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{path}: {name} is {value!r}, not a list of texts")
    return tuple(_text(path, name, each) for each in cast("list[object]", value))


def _families(path: Path, value: object) -> tuple[str, ...]:
    works = _texts(path, "works", value)
    strange = [each for each in works if each not in FAMILIES]
    if strange or not works:
        named = ", ".join(strange) or "no family"
        raise InputError(f"{path}: works names {named}; the families are {', '.join(FAMILIES)}")
    return works


def _settings(path: Path, value: object) -> Settings:
    """Settings that a request would take: its own checks judge them."""
    if not isinstance(value, dict):
        raise InputError(f"{path}: settings is {value!r}, not a table")
    table = cast("dict[str, object]", value)
    _check_keys(path, table, [each.name for each in fields(Settings)], "the table of settings")
    told = {name: tuple(cast("list[object]", v)) if isinstance(v, list) else v for name, v in table.items()}
    try:
        Request(prompt=PLACE, seed=0, **told)  # pyright: ignore[reportArgumentType]  (it checks types itself)
    except InputError as error:
        raise InputError(f"{path}: among its settings {error}") from error
    return Settings(**told)  # pyright: ignore[reportArgumentType]  (checked by the request)

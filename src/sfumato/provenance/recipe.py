"""The recipe in the PNG: enough to draw the picture again and to prove that it is the same one.

Two text chunks are written: ``sfumato``, our JSON, from which a picture is replayed; and ``parameters``,
the one text that the galleries and web interfaces of the field read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import cast

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sfumato.errors import InputError
from sfumato.files import written_whole
from sfumato.request import Request
from sfumato.version import __version__

KEY = "sfumato"
PARAMETERS = "parameters"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How a picture was drawn: the last bits of sums depend on it, and now and then a pixel on those."""

    fast: bool  # drawn in forwards whose size depended on its neighbours
    device: str  # its type, such as "cpu"
    threads: int  # of the processor
    tiles: int = 0  # side in pixels of those it was decoded in for want of memory; 0: in one piece


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A request and all else that decides its pixels; ``pixels`` proves them.

    ``weights`` is the model's name, ``weights_sha256`` the digest of its file, ``pixels`` that of
    ``pixel_digest``; ``sfumato`` and ``torch`` are the versions that drew; ``setup`` is None in pictures
    that are older than it. ``files`` are the digests of what was brought beside the weights ("adapter ink",
    "vae", ...), ``loading`` what was said of how to load them ("dtype": "bfloat16").
    """

    request: Request
    weights: str
    weights_sha256: str
    pixels: str
    sfumato: str
    torch: str
    setup: Setup | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    loading: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> str:
        """One line of JSON with the request as an object in it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """What ``to_json`` wrote; fields of a newer sfumato or absent ones raise InputError."""
        try:
            found: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the recipe is not JSON: {error}") from error
        values = cast("dict[str, object]", found if isinstance(found, dict) else {})
        setup = _setup(values.pop("setup", None))
        files, loading = (_texts(name, values.pop(name, {})) for name in ("files", "loading"))
        expected = {each.name for each in fields(cls)} - {"setup", "files", "loading"}
        if set(values) != expected:
            odd = ", ".join(sorted(map(str, expected ^ set(values))))
            raise InputError(f"the recipe has missing or unknown fields ({odd}); another sfumato wrote it")
        request = Request.from_json(json.dumps(values.pop("request")))
        wrong = sorted(name for name, value in values.items() if not isinstance(value, str))
        if wrong:
            raise InputError(f"the recipe's {', '.join(wrong)} is not text; it was altered")
        texts = cast("dict[str, str]", values)
        return cls(request=request, setup=setup, files=files, loading=loading, **texts)

    def parameters(self, size: tuple[int, int]) -> str:
        """The convention of Automatic1111's web interface; ``size`` is the drawn (width, height)."""
        request = self.request
        settings = {
            "Steps": str(request.steps),
            "Sampler": request.sampler,
            "Schedule type": request.levels,
            **_guidance(request.guidance),
            "Seed": str(request.seed),
            "Size": f"{size[0]}x{size[1]}",
            "Model": self.weights,
            "Model hash": self.weights_sha256[:10],
            "Clip skip": str(request.clip_skip or ""),
            "Hashes": self._hashes(),
            "Version": f"sfumato {self.sfumato}",
        }
        lines = [request.prompt]
        if request.negative:
            lines.append(f"Negative prompt: {request.negative}")
        lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items() if value))
        return "\n".join(lines)

    def _hashes(self) -> str:
        """What galleries find models by: the first ten digits of every file's digest, as JSON."""
        kinds = {"adapter": "lora:", "word": "embed:", "vae": "vae"}
        told = {"model": self.weights_sha256[:10]}
        for role, sha256 in self.files.items():
            kind, _, name = role.partition(" ")
            if kind in kinds:
                told[kinds[kind] + name] = sha256[:10]
        return json.dumps(told) if len(told) > 1 else ""


def _guidance(asked: float | str) -> dict[str, str]:
    """The scale under its usual name; a guide by its own words under another, for none is usual."""
    return {"Guidance": asked} if isinstance(asked, str) else {"CFG scale": f"{asked:g}"}


def _setup(found: object) -> Setup | None:
    if found is None:
        return None
    values = cast("dict[str, object]", found if isinstance(found, dict) else {})
    kinds = {"fast": bool, "device": str, "threads": int, "tiles": int}
    if {name: type(value) for name, value in ({"tiles": 0} | values).items()} != kinds:  # older ones lack it
        raise InputError(f"the recipe's setup is {found!r}: it was altered, or another sfumato wrote it")
    return Setup(**values)  # pyright: ignore[reportArgumentType]  (checked above)


def _texts(name: str, found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(
        isinstance(text, str) for text in cast("dict[str, object]", found).values()
    ):
        raise InputError(f"the recipe's {name} is {found!r}: it was altered, or another sfumato wrote it")
    return cast("dict[str, str]", found)


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a picture was drawn with: fields as in ``Recipe``."""

    weights: str
    weights_sha256: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    loading: Mapping[str, str] = field(default_factory=dict[str, str])


def recipe_of(request: Request, image: Image.Image, means: Means, *, setup: Setup) -> Recipe:
    """The recipe of a picture that this process has just drawn."""
    return Recipe(
        request=request,
        weights=means.weights,
        weights_sha256=means.weights_sha256,
        files=means.files,
        loading=means.loading,
        pixels=pixel_digest(image),
        sfumato=__version__,
        torch=importlib.metadata.version("torch"),
        setup=setup,
    )


def pixel_digest(image: Image.Image) -> str:
    """The SHA-256 of mode, size and pixels, whatever file they are kept in."""
    opening = f"{image.mode} {image.width} {image.height}\n".encode()
    return hashlib.sha256(opening + image.tobytes()).hexdigest()


def write_png(path: str | Path, image: Image.Image, recipe: Recipe) -> None:
    """Save the picture with its recipe, whole or not at all; raises InputError where that is impossible."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(
            f"{path}: pictures are written as PNG, which carries their recipe; end the name in .png"
        )
    chunks = PngInfo()
    chunks.add_text(KEY, recipe.to_json())
    chunks.add_itxt(PARAMETERS, recipe.parameters(image.size))
    try:
        with written_whole(path) as file:
            image.save(file, format="PNG", pnginfo=chunks)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def read_recipe(path: str | Path) -> Recipe:
    """The recipe that a picture carries; raises InputError if it carries none."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            text = image.info.get(KEY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "not a PNG picture"
        raise InputError(f"{path}: cannot be read ({why}); name a picture that sfumato drew") from error
    if not isinstance(text, str):
        raise InputError(
            f"{path}: carries no recipe: sfumato did not draw it, or another program saved it again"
        )
    try:
        return Recipe.from_json(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _quoted(value: str) -> str:
    """Quote as JSON what would read as another setting, as that convention does."""
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ",:\n") else value

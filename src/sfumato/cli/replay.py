"""``sfumato replay``: draw a picture again from the recipe in it and compare, pixel for pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sfumato.cli.brought import Brought, Embeddings, Model, Refiner, Tower, Tower2, UNet, Vae, Worn, texts_of
from sfumato.cli.bundles import unbundled
from sfumato.errors import InputError
from sfumato.request import Request

if TYPE_CHECKING:
    from PIL.Image import Image

    from sfumato.families import LoadingOptions
    from sfumato.painter import Painter
    from sfumato.provenance.recipe import Recipe, Setup

DIFFERENT = 1


@dataclass(frozen=True, kw_only=True)
class Steered:
    """What steered it beside its words, in the order of its recipe."""

    control: Annotated[
        list[str] | None,
        typer.Option(metavar="PICTURE", help="A picture that it followed; repeatable."),
    ] = None
    reference: Annotated[
        list[Path] | None, typer.Option(metavar="PICTURE", help="A reference that it took from; repeatable.")
    ] = None
    region_mask: Annotated[
        list[Path] | None, typer.Option(metavar="MASK", help="The mask of a region; repeatable.")
    ] = None
    control_net: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A network that read a control; repeatable.")
    ] = None
    reference_net: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The IP-Adapter that read references.")
    ] = None
    image_encoder: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CLIP's image tower, through which it saw.")
    ] = None

    def hang(self, painter: Painter, recipe: Recipe) -> None:
        """Hang the networks under the names that the recipe has for them."""
        for path in self.control_net or ():
            painter.hang(path, name=_name(recipe, "control", path))
        if self.reference_net is not None:
            name = _name(recipe, "control", self.reference_net)
            painter.hang(self.reference_net, name=name, encoder=self.image_encoder)

    def missing(self, recipe: Recipe, *, shipped: bool) -> list[str]:
        """The options that name what read its pictures; where it was ``shipped`` with the model, none."""
        from sfumato.painter import CONTROL, REFERENCE

        own = {CONTROL, REFERENCE} if shipped else set[str]()
        controls = {network for network, *_ in recipe.request.controls} - own
        references = {network for network, *_ in recipe.request.references} - own
        missing = ["--control-net"] if len(self.control_net or ()) < len(controls) else []
        return missing + (["--reference-net"] if references and self.reference_net is None else [])

    def brought(self) -> dict[str, Sequence[str | Path]]:
        """The pictures by what they are."""
        return {
            "controls": self.control or (),
            "references": self.reference or (),
            "masks": self.region_mask or (),
        }


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The files that it was drawn with, as they were named to draw."""

    model: Model = None
    lora: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="An adapter that it wore; repeatable.")
    ] = None
    embedding: Embeddings = None
    unet: UNet = None
    vae: Vae = None
    text_encoder: Tower = None
    text_encoder_2: Tower2 = None
    refiner: Refiner = None

    def brought(self, recipe: Recipe) -> Brought:
        """All of them under the names that the recipe has for them, loaded as it says."""
        how: LoadingOptions = {
            "unet": self.unet,
            "vae": self.vae,
            "text_encoder": self.text_encoder,
            "text_encoder_2": self.text_encoder_2,
            "refiner": self.refiner,
            **_loading(recipe),
        }
        return Brought(
            model=self.model,
            loras=[Worn(path, 1.0, 1.0, _name(recipe, "adapter", path)) for path in self.lora or ()],
            embeddings=[(_name(recipe, "word", path), path) for path in self.embedding or ()],
            how=how,
        )


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The picture that it went on from."""

    begun: Annotated[Path | None, typer.Option("--from", metavar="PICTURE", help="What it went on from.")] = (
        None
    )
    mask: Annotated[Path | None, typer.Option(metavar="MASK", help="The mask of that.")] = None


@unbundled
def replay(
    picture: Annotated[Path, typer.Argument(help="A PNG that sfumato drew.")],
    *,
    loaded: Loaded,
    begun: Begun,
    steered: Steered,
) -> None:
    """Draw a picture again from its recipe.

    Says whether every pixel is the same, and exits with code 0 if so, with 1 if not. Files that it was drawn
    with, beside the embedded model, are named as they were to draw.
    """
    from sfumato.provenance.recipe import pixel_digest, read_recipe

    recipe = read_recipe(picture)
    nets = steered.missing(recipe, shipped=loaded.model is None)
    _check_brought(picture, recipe, {**vars(loaded), **vars(begun)}, nets)
    kept = _pixels(picture)
    painter = loaded.brought(recipe).painter(texts_of(recipe.request))
    steered.hang(painter, recipe)
    request = _continued(painter, replace(recipe.request, model=painter.name), begun.begun, begun.mask)
    painter.lay(request, **steered.brought())
    again = painter(request)
    if pixel_digest(again.image) == pixel_digest(kept):
        typer.echo(f"identical: {kept.width}x{kept.height} pixels of {recipe.request.prompt!r}")
        return
    typer.echo(f"different: {_difference(kept, again.image)}; {_cause(recipe, kept, again.recipe())}")
    raise typer.Exit(DIFFERENT)


def _name(recipe: Recipe, kind: str, path: Path) -> str:
    """What the picture's prompt calls a file: the name under which the recipe has it, else the file's own."""
    from sfumato.checkpoints.safetensors import digest

    if path.is_dir() and kind != "control":
        return ""
    sha256 = digest(path)
    roles = [role for role, known in recipe.files.items() if known == sha256]
    return next((role.removeprefix(f"{kind} ") for role in roles if role.startswith(f"{kind} ")), path.stem)


def _loading(recipe: Recipe) -> LoadingOptions:
    """What was said of how to load the model."""
    said = recipe.loading
    options: LoadingOptions = {name: said.get(name) for name in ("dtype", "variant", "prediction")}  # pyright: ignore
    return {**options, "ema": said.get("ema") == "True"}


def _check_brought(picture: Path, recipe: Recipe, given: Mapping[str, object], nets: list[str]) -> None:
    """Raise InputError for files that the picture was drawn with and that were not named again.

    ``nets`` are options of networks that are missing.
    """
    if given["model"] is None and recipe.request.model != Request.model:
        raise InputError(
            f"{picture}: was drawn with {recipe.request.model}; name that file with --model FILE"
        )
    wanted = {role: f"--{role.replace('_', '-')}" for role in recipe.files if " " not in role}
    if recipe.request.picture:
        wanted["begun"] = "--from"
    if recipe.request.mask:
        wanted["mask"] = "--mask"
    if given["mask"] is not None and not recipe.request.mask:
        raise InputError(f"{picture}: was painted under no mask: leave --mask out")
    missing = [option for role, option in wanted.items() if given.get(role) is None]
    missing += nets
    if missing:
        raise InputError(
            f"{picture}: was drawn with files of its own: name them with {' and '.join(missing)}"
        )


def _continued(painter: Painter, request: Request, begun: Path | None, mask: Path | None) -> Request:
    """The request with its picture kept. Raises InputError if that is another than it went on from."""
    if begun is None:
        return request
    found = painter.request(
        request, **({"picture": begun} if mask is None else {"picture": begun, "mask": mask})
    )
    if (found.picture, found.mask) != (request.picture, request.mask):
        raise InputError(f"{begun}: is not what the picture went on from, or not with this mask")
    return found


def _pixels(path: Path) -> Image:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return image.copy()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: its pixels cannot be read ({error}); copy it again") from error


def _difference(kept: Image, again: Image) -> str:
    import numpy as np

    if (kept.size, kept.mode) != (again.size, again.mode):
        return "{}x{} {} in the file, {}x{} {} drawn again".format(
            *kept.size, kept.mode, *again.size, again.mode
        )
    apart = np.abs(np.asarray(kept, dtype=np.int16) - np.asarray(again, dtype=np.int16)).max(axis=2)
    return f"by up to {apart.max()} of 255, in {np.mean(apart > 0):.2%} of the pixels"


def _cause(recipe: Recipe, kept: Image, here: Recipe) -> str:
    """The likeliest of the causes that can be told from here."""
    from sfumato.provenance.recipe import pixel_digest

    if recipe.pixels == here.pixels:
        return "the file was altered after it was drawn, and its recipe still gives the original"
    if recipe.weights_sha256 != here.weights_sha256:
        mine, its = here.weights_sha256[:12], recipe.weights_sha256[:12]
        return f"other weights: it was drawn with {recipe.weights} ({its}), this is {here.weights} ({mine})"
    if others := _other_files(recipe.files, here.files):
        return f"other files: {', '.join(others)}"
    if recipe.pixels != pixel_digest(kept):
        return "the file was altered after it was drawn"
    if (recipe.sfumato, recipe.torch) != (here.sfumato, here.torch):
        its = f"sfumato {recipe.sfumato} with torch {recipe.torch}"
        return f"other versions: it was drawn by {its}, this is {here.sfumato} with {here.torch}"
    if recipe.setup is None or here.setup is None:
        return "another processor, number of threads, or fast mode: this older recipe does not say"
    others = _other_setup(recipe.setup, here.setup)
    return "; ".join(others) or "another processor: all else that the recipe records is the same"


def _other_files(its: Mapping[str, str], mine: Mapping[str, str]) -> list[str]:
    """What was brought beside the weights then or now, and is not the same file."""
    return [role for role in {**its, **mine} if its.get(role) != mine.get(role)]


def _other_setup(its: Setup, mine: Setup) -> list[str]:
    """What the last bits of sums depend on, where it differs."""
    causes: list[str] = []
    if its.fast != mine.fast:
        causes.append("drawn in fast mode" if its.fast else "drawn in exact mode, this is fast")
    if its.device != mine.device:
        causes.append(f"drawn on {its.device}, this is {mine.device}")
    elif its.device == "cpu" and its.threads != mine.threads:
        threads = f"{its.threads} thread" + "s" * (its.threads != 1)
        causes.append(f"drawn with {threads}, this is {mine.threads}")
    if its.tiles != mine.tiles:
        causes.append(f"decoded {_in(its.tiles)} for what memory was free, this {_in(mine.tiles)}")
    return causes


def _in(tiles: int) -> str:
    return f"in tiles of {tiles} pixels" if tiles else "in one piece"

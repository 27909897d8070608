"""From a finished picture back to what was asked: by our receipt, or by the text that A1111's kin writes.

What is given are fields of a ``Request`` as JSON, those that the picture told, and a line for everything that
could not be taken over. Another program's picture comes out like, not the same: its noise is another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from PIL import Image

from sfumato.diffusion.choose import own_name, plainly
from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.levels.table import SPACINGS
from sfumato.diffusion.named import Named, Value, named
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.errors import InputError
from sfumato.pictures import Brought, decoded
from sfumato.provenance.parameters import read_parameters
from sfumato.provenance.recipe import KEY, PARAMETERS, Recipe
from sfumato.request import Request

COMMENT = 0x9286  # EXIF's UserComment, where JPEG and WebP carry the text
EXIF = 0x8769
MOST_NOTES = 40

Fields: TypeAlias = dict[str, object]
Told: TypeAlias = tuple[Fields, list[str]]
Reader: TypeAlias = Callable[[str], Fields]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a picture told of its making. ``fields`` may lack any; ``ours`` is whether it has our receipt."""

    fields: Mapping[str, object]
    notes: tuple[str, ...] = ()
    ours: bool = False


def restore(picture: Brought) -> Restored:
    """What a picture's file tells; InputError for a file that is no picture, or that tells nothing."""
    decoded(picture)  # with every check of a picture that people bring
    if isinstance(picture, Image.Image):
        return _told_by(picture)
    with Image.open(picture) as image:
        image.load()  # a PNG's texts may stand behind its pixels
        return _told_by(image)


def _told_by(image: Image.Image) -> Restored:
    receipt, text = image.info.get(KEY), image.info.get(PARAMETERS) or _comment(image)
    if isinstance(receipt, str):
        try:
            return restored_recipe(Recipe.from_json(receipt))
        except InputError as error:
            if not isinstance(text, str):
                raise
            found = restored(text)
            told = f"its receipt cannot be read, so its settings come from its text: {error}"
            return Restored(fields=found.fields, notes=(told, *found.notes))
    if isinstance(text, str) and text.strip():
        return restored(text)
    raise InputError(
        "the picture carries no settings: neither our receipt nor the text of A1111's web interface; "
        "programs that save a picture again, and most websites, take them out"
    )


def _comment(image: Image.Image) -> str | None:
    """The text as JPEG and WebP carry it: in EXIF's comment, eight letters that name its letters first."""
    try:
        comment: object = image.getexif().get_ifd(EXIF).get(COMMENT)
    except Exception:  # a camera's data may be damaged where its picture is not
        return None
    if not isinstance(comment, bytes):
        return None
    if comment.startswith(b"UNICODE\0"):
        text = comment[8:]
        return text.decode("utf-16-le" if text[1:2] == b"\0" else "utf-16-be", "replace")
    return comment[8:].decode("utf-8", "replace") if comment.startswith(b"ASCII\0\0\0") else None


def restored_recipe(recipe: Recipe) -> Restored:
    """All of the request of our own receipt."""
    fields = json.loads(recipe.request.to_json())
    return Restored(fields={name: value for name, value in fields.items() if value is not None}, ours=True)


def restored(text: str) -> Restored:
    """What A1111's text means here."""
    read = read_parameters(text)
    fields: Fields = {"prompt": read.prompt} if read.prompt else {}
    notes = [] if read.prompt else ["it tells no prompt"]
    if read.negative:
        fields["negative"] = read.negative
    for name, value in read.settings.items():
        found, told = _setting(name, value)
        fields |= found
        notes += told
    for reader in (_second_pass, _variation):
        found, told = reader(read.settings)
        fields |= found
        notes += told
    if not read.settings.get("Version", "").startswith("sfumato") and "seed" in fields:
        notes.append("another program draws other noise from this seed: expect a like picture, not the same")
    return Restored(fields=fields, notes=tuple(notes[:MOST_NOTES]))


def _setting(name: str, value: str) -> Told:
    """What one setting means here, or a line that says why it means nothing."""
    if not value or name in SILENT or name in TOGETHER or (name, value) in MEANINGLESS:
        return {}, []
    why = next((why for start, why in WITHOUT.items() if name.startswith(start)), None)
    reader = READERS.get(name)
    if why is not None or reader is None:
        return {}, [_left_out(name, value, why or "sfumato knows no such setting")]
    try:
        found = reader(value)
        for field, meant in found.items():  # whatever no request can have is refused by the request itself
            Request.from_json(json.dumps({"prompt": "-", "seed": 0, field: meant}))
    except InputError as error:
        return {}, [_left_out(name, value, str(error))]
    except (ValueError, OverflowError):
        return {}, [_left_out(name, value, "it is not written as it usually is")]
    return found, []


def _left_out(name: str, value: str, why: str) -> str:
    return f"{name} {value if len(value) <= 60 else value[:57] + '...'} was not taken over: {why}"


# what the settings mean ---------------------------------------------------------------------------


def _sampler(text: str) -> Fields:
    """Our own name, and the spacing beside it where the name named both."""
    asked = sampler_asked(text)
    own = next(name for name, listing in SAMPLERS.items() if listing is asked.listing)
    sampler: Any = asked.sampler
    options: dict[str, Value] = sampler.keywords if isinstance(sampler, partial) else {}
    fields: Fields = {"sampler": str(Named(own, (), tuple(options.items())))}
    return fields if asked.spacing is None else {**fields, "levels": asked.spacing}


def _levels(text: str) -> Fields:
    wanted = named(text)
    name = "custom" if plainly(wanted.name) == "custom" else own_name(SPACINGS, wanted.name, "level spacing")
    return {"levels": str(Named(name, wanted.values, wanted.options))}


def _size(text: str) -> Fields:
    return {"size": [*_sides(text)]}


def _sides(text: str) -> tuple[int, int]:
    sides = re.fullmatch(r"([0-9]{1,6})\s*x\s*([0-9]{1,6})", text)
    if sides is None:
        raise InputError("a size is written as 512x768")
    return int(sides[1]), int(sides[2])


def _guide(text: str) -> Fields:
    own_name(GUIDES, named(text).name, "guide")
    return {"guidance": text}


def _weighting(text: str) -> Fields:
    if text not in EMPHASES:
        raise InputError(f"sfumato has the emphases {', '.join(EMPHASES)}")
    return {"weighting": EMPHASES[text]}


EMPHASES = {"Original": "a1111", "No norm": "no_norm", "Ignore": "none"}

READERS: dict[str, Reader] = {
    "Steps": lambda text: {"steps": int(text)},
    "Sampler": _sampler,
    "Schedule type": _levels,
    "CFG scale": lambda text: {"guidance": float(text)},
    "Guidance": _guide,  # our own, where the guide is not a scale
    "Seed": lambda text: {"seed": int(text)},
    "Size": _size,
    "Model": lambda text: {"model": text},
    "Clip skip": lambda text: {"clip_skip": int(text)},
    "Emphasis": _weighting,
}
"""By their names in A1111's text. What they raise is told."""

SILENT = frozenset(
    (
        *("Model hash", "Hashes", "Lora hashes", "TI hashes", "TI", "VAE hash", "Version", "User"),
        *("Created Date", "Batch size", "Batch pos", "Civitai resources", "Civitai metadata"),
        "Discard penultimate sigma",
    )
)
"""What decides nothing of a picture, or says again what is said elsewhere."""

MEANINGLESS = frozenset((("Schedule type", "Automatic"), ("RNG", "CPU"), ("Tiling", "False")))

WITHOUT = {
    "Face restoration": "sfumato restores no faces",
    "ADetailer": "sfumato has no detailer",
    "Tiling": "sfumato draws no pictures that tile",
    "Refiner": "a server's refiner comes with its model",
    "VAE": "a server's autoencoder comes with its model",
    "Hypernet": "sfumato has no hypernetworks",
    "ControlNet": "the picture that it followed is not in this one: bring it, as a control",
    "Mask": "the mask is not in this picture: paint it anew",
    "Inpaint": "the mask is not in this picture: paint it anew",
    "Eta": "write it as the sampler's option, such as ddim(eta=0.5)",
    "ENSD": "it moves the other program's noise alone",
    "RNG": "it is about the other program's noise",
    "Hires": "a second pass goes on with the words and the sampler of the first",
    "Seed resize": "noise is not cut to another size here",
    "Distilled CFG Scale": "write it as the guide distilled(3.5), for a model that knows it",
    "NGMS": "write it as a guide's stop, such as cfg(6, stop=0.8)",
    "Template": "the prompt that was made of it is there",
    "Negative Template": "the negative prompt that was made of it is there",
    "Wildcard prompt": "the prompt that was made of it is there",
}
"""By how their names begin: why they are left out."""

# settings that mean something together ------------------------------------------------------------

HIRES = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler", "Denoising strength")
VARIATION = ("Variation seed", "Variation seed strength")
TOGETHER = frozenset((*HIRES, *VARIATION))
LATENT, LANCZOS = "latent", "lanczos"
ENLARGED_BY = {"Lanczos": LANCZOS, "Nearest": "nearest"}


def _second_pass(settings: Mapping[str, str]) -> Told:
    """A1111's "hires fix" as a pass; without one, a strength was about a picture to go on from."""
    strength = settings.get("Denoising strength")
    if "Hires upscale" not in settings and "Hires resize" not in settings:
        why = "the picture that it went on from is not in this one: bring it, and say how far to go"
        return {}, [] if strength is None else [_left_out("Denoising strength", strength, why)]
    try:
        options = [f"{_factor(settings):g}"]
        if strength is not None:
            options.append(f"strength={float(strength):g}")
        if int(settings.get("Hires steps") or 0):
            options.append(f"steps={int(settings['Hires steps'])}")
    except (InputError, ValueError, OverflowError):
        told = ", ".join(f"{name}: {settings[name]}" for name in HIRES if name in settings)
        return {}, [_left_out("the second pass", told, "ask for one such as hires(2, strength=0.5)")]
    upscaler = settings.get("Hires upscaler", LATENT)
    by = LATENT if upscaler.startswith("Latent") else ENLARGED_BY.get(upscaler)
    why = "lanczos enlarges here"
    notes = [] if by is not None else [_left_out("Hires upscaler", upscaler, why)]
    return {"passes": [f"hires({', '.join(options)}, by={by or LANCZOS})"]}, notes


def _factor(settings: Mapping[str, str]) -> float:
    if "Hires upscale" in settings:
        return float(settings["Hires upscale"])
    (width, height), (wide, high) = _sides(settings["Size"]), _sides(settings["Hires resize"])
    return max(wide / width, high / height)


def _variation(settings: Mapping[str, str]) -> Told:
    seed, share = (settings.get(name) for name in VARIATION)
    if seed is None or share is None:
        return {}, []
    try:
        fields: Fields = {"variations": [[int(seed), float(share)]]}
        Request.from_json(json.dumps({"prompt": "-", "seed": 0, **fields}))
    except (ValueError, OverflowError) as error:
        return {}, [_left_out("Variation seed", f"{seed} of strength {share}", str(error))]
    return fields, []

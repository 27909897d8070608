"""A request of txt2img or img2img made wishes of ours, with a line for every key of it that has no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sfumato.request import LARGEST_SEED, Request
from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import MOST_ROUNDS, Asked, ImageToImage, TextToImage
from sfumato.serve.routes.a1111.enlarging import hires
from sfumato.serve.routes.a1111.fields import FIELDS, IDLE_OPTIONS, OF_HIRES, OF_MASKS
from sfumato.serve.routes.a1111.painting import AROUND, LATENT, ORIGINAL
from sfumato.serve.routes.a1111.sampling import sampling
from sfumato.serve.routes.a1111.units import NAME, idle_notes, units_of
from sfumato.serve.translated import wish_of
from sfumato.serve.wish import Wish

STRENGTH = 0.75
"""Of img2img where nothing is said: A1111's own."""

UNASKED = (512, 512)
"""The size that A1111's clients send where nobody said one."""

CHECKPOINT, CLIP_SKIP, FORMAT, QUALITY = (
    "sd_model_checkpoint", "CLIP_stop_at_last_layers", "samples_format", "jpeg_quality",
)  # fmt: skip
SETTABLE = (CHECKPOINT, CLIP_SKIP, FORMAT, QUALITY)
"""Options that mean something here."""


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The models of the server; those ``small`` that cannot draw 512x512; what this client has set.

    ``worlds`` are those of picture worlds, whose words have no layers to skip.
    """

    models: Sequence[str]
    small: frozenset[str] = frozenset()
    worlds: frozenset[str] = frozenset()
    options: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True)
class Brought:
    """Digests of what came with the request: pictures, their mask, what controls and references are of."""

    pictures: tuple[str, ...] = ()
    mask: str | None = None
    steering: tuple[Mapping[str, object], ...] = ()  # ControlWish and ReferenceWish as JSON
    notes: tuple[str, ...] = ()


class Plan(NamedTuple):
    """Wishes, those of a round drawn together, the rounds one after the other; and what is to be told."""

    rounds: tuple[tuple[Wish, ...], ...]
    notes: tuple[str, ...]
    seed: int
    subseed: int
    model: str


def plan(asked: Asked, brought: Brought, shelf: Shelf, *, seed: int, subseed: int) -> Plan:
    """The wishes of a request; ``seed`` and ``subseed`` are for where it gives none. Raises Refused."""
    _check(asked)
    options = {**shelf.options, **asked.override_settings}
    model = model_asked(asked, shelf)
    size, sized = size_of(asked, model in shelf.small)
    walk = sampling(asked)
    skipped, unskipped = _clip_skip(options.get(CLIP_SKIP), model in shelf.worlds)
    values: dict[str, object] = {
        "prompt": asked.prompt.strip() or None,
        "negative": asked.negative_prompt,
        "styles": asked.styles,
        "steps": asked.steps,
        "sampler": walk.sampler,
        "levels": walk.levels,
        "guidance": asked.cfg_scale,
        "size": size,
        "clip_skip": skipped,
        "model": model,
        **_steering(brought),
    }
    more, told = _painted(asked, brought) if isinstance(asked, ImageToImage) else _enlarged(asked, size)
    notes = (*brought.notes, *sized, *walk.notes, *unskipped, *told, *without_effect(asked))
    first = seed if asked.seed < 0 else asked.seed
    second = subseed if asked.subseed < 0 else asked.subseed
    rounds = _rounds(asked, {**values, **more}, brought, first, second)
    return Plan(rounds, notes, first, second, model)


def model_asked(asked: Asked, shelf: Shelf) -> str:
    """The model that is to draw. Raises Refused (404)."""
    return model_of({**shelf.options, **asked.override_settings}.get(CHECKPOINT), shelf.models)


def model_of(told: object, models: Sequence[str]) -> str:
    """The model of a title such as "world [1a2b3c]"; the first for none. Raises Refused (404)."""
    if told is None or told == "":
        return models[0]
    name = str(told).partition(" [")[0]
    bare = {each.rpartition(".")[0] or each: each for each in models}
    found = name if name in models else bare.get(name)
    if found is None:
        raise Refused(404, f"no model {name[:200]!r} here: there is {', '.join(models)}", param=CHECKPOINT)
    return found


def size_of(asked: Asked, is_small: bool) -> tuple[tuple[int, int] | None, tuple[str, ...]]:
    """The (width, height) that is asked for, None the model's own, and a line where that is decided here."""
    width, height = asked.width or None, asked.height or None
    if width is None and height is None:
        return None, ()
    size = (width or UNASKED[0], height or UNASKED[1])
    if size == UNASKED and is_small:
        told = (
            "512x512, which clients send unasked, cannot be drawn by this model: it is drawn at its own size"
        )
        return None, (told,)
    return size, ()


def units(asked: Asked) -> Sequence[object]:
    """The rows of ControlNet's units, wherever they stand."""
    found: list[object] = [*asked.controlnet_units]
    for name, script in asked.alwayson_scripts.items():
        if name.lower() == NAME:
            found += script.args
    return found


def without_effect(asked: Asked) -> list[str]:
    """A line for every key that would have changed something elsewhere, and does not here."""
    others = asked.others
    silent = () if getattr(asked, "enable_hr", False) else OF_HIRES
    silent = silent if getattr(asked, "mask", None) else (*silent, *OF_MASKS)
    notes = [
        f"{name} has no effect: {FIELDS[name].says}"
        for name, value in others.items()
        if name in FIELDS and name not in silent and not _is_harmless(name, value)
    ]
    unknown = [name for name, value in others.items() if name not in FIELDS and value not in (None, "", [])]
    notes += [f"{name[:100]} has no effect: nothing of that name is known here" for name in unknown]
    for name in asked.override_settings:
        if name not in SETTABLE:
            why = IDLE_OPTIONS.get(name, "there is no such setting here")
            notes.append(f"override_settings.{name[:100]} has no effect: {why}")
    for name, script in asked.alwayson_scripts.items():
        if name.lower() != NAME and any(arg not in (None, False, "", []) for arg in script.args):
            notes.append(f"alwayson_scripts.{name[:100]} has no effect: that extension is not here")
    return [*notes, *idle_notes(units_of(units(asked)))]


def _is_harmless(name: str, value: object) -> bool:
    meant = FIELDS[name]
    return meant.how == "understood" or any(value == each for each in meant.harmless)


def _check(asked: Asked) -> None:
    if asked.script_name:
        raise Refused(
            422, f"Script {asked.script_name!r} not found: {FIELDS['script_name'].says}", param="script_name"
        )
    if not asked.prompt.strip():
        raise Refused(422, "the prompt is empty: say what the picture should show", param="prompt")
    if asked.pictures > MOST_ROUNDS:
        raise Refused(
            422, f"{asked.batch_size} x {asked.n_iter} pictures: at most {MOST_ROUNDS} in one request",
            param="n_iter",
        )  # fmt: skip


def _clip_skip(told: object, in_world: bool) -> tuple[int | None, tuple[str, ...]]:
    """Layers from the end, and a line where they mean nothing; 1, which all send, is the model's own."""
    if isinstance(told, bool) or not isinstance(told, int | float) or told <= 1:
        return None, ()
    if in_world:
        return None, (f"{CLIP_SKIP} {told:g} has no effect: this model's words are read to the end",)
    return int(told), ()


def _steering(brought: Brought) -> dict[str, object]:
    controls = [each for each in brought.steering if "kind" in each]
    references = [each for each in brought.steering if "kind" not in each]
    return {"controls": controls or None, "references": references or None}


def _painted(asked: ImageToImage, brought: Brought) -> tuple[dict[str, object], tuple[str, ...]]:
    """What img2img says of its picture and mask."""
    strength = STRENGTH if asked.denoising_strength is None else asked.denoising_strength
    told: list[str] = []
    if asked.resize_mode == LATENT:
        told.append("resize_mode 3 has no effect: the picture is stretched, not its latent")
    if brought.mask is None:
        return {"strength": strength}, tuple(told)
    if asked.inpainting_fill not in (AROUND, ORIGINAL):
        told.append(f"inpainting_fill {asked.inpainting_fill} begins from noise: drawn with strength 1")
        strength = 1.0
    around = asked.inpaint_full_res_padding if asked.inpaint_full_res else None
    return {"mask": brought.mask, "strength": strength, "around": around}, tuple(told)


def _enlarged(asked: Asked, size: tuple[int, int] | None) -> tuple[dict[str, object], tuple[str, ...]]:
    """What txt2img says of its second pass."""
    if not isinstance(asked, TextToImage) or not asked.enable_hr:
        return {}, ()
    text, told = hires(asked, size, asked.steps or Request.steps)
    return {"passes": [text]}, told


def _rounds(
    asked: Asked, values: Mapping[str, object], brought: Brought, seed: int, subseed: int
) -> tuple[tuple[Wish, ...], ...]:
    """Every round's wishes: one for all its pictures, where these differ by their seeds alone."""
    alone = asked.subseed_strength > 0 or len(brought.pictures) > 1
    size = max(asked.batch_size, len(brought.pictures))
    rounds: list[tuple[Wish, ...]] = []
    for number in range(asked.n_iter):
        first = number * size
        if not alone:
            picture = brought.pictures[0] if brought.pictures else None
            said = {**values, "picture": picture, "seed": _seed(seed, first), "count": size}
            rounds.append((wish_of(said),))
            continue
        rounds.append(tuple(
            wish_of({**values, **_one(asked, brought, seed, subseed, first + place)})
            for place in range(size)
        ))  # fmt: skip
    return tuple(rounds)


def _one(asked: Asked, brought: Brought, seed: int, subseed: int, index: int) -> dict[str, object]:
    """What one picture has of its own: A1111 counts up the subseeds where they count, else the seeds."""
    pictures = brought.pictures
    said: dict[str, object] = {"picture": pictures[index % len(pictures)] if pictures else None}
    if asked.subseed_strength > 0:
        variation = (_seed(subseed, index), asked.subseed_strength)
        return {**said, "seed": seed, "variations": [variation]}
    return {**said, "seed": _seed(seed, index)}


def _seed(first: int, index: int) -> int:
    return (first + index) % (LARGEST_SEED + 1)

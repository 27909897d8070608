"""ControlNet's units, as its extension and its clients send them, made controls and references of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sfumato.conditions import CONDITIONS
from sfumato.conditions.making import settled
from sfumato.errors import InputError
from sfumato.serve.refused import Refused
from sfumato.serve.translated import first_fault

NAME = "controlnet"
"""Of the extension among ``alwayson_scripts``, in any case."""

MOST_UNITS = 10

MADE: dict[str, str] = {
    "canny": "canny",
    "softedge": "softedge",
    "scribble": "scribble",
    "lineart": "lineart",
    "recolor": "luminance",
    "tile": "blur",
    "blur": "blur",
    "color": "palette",
    "t2ia_color": "palette",
    "t2ia_sketch": "scribble",
    "edges": "edges",
}
"""Conditioning pictures that are made here of any picture, by how A1111's modules for them begin."""

BY_NETWORK: dict[str, str] = {
    "depth": "a depth map",
    "normal": "a normal map",
    "openpose": "stick figures in OpenPose's colours",
    "dw_openpose": "stick figures in OpenPose's colours",
    "animal_openpose": "stick figures in OpenPose's colours",
    "densepose": "the conditioning picture itself",
    "seg": "a segmentation in ADE20K's colours",
    "mlsd": "straight lines on black",
    "t2ia": "the conditioning picture itself",
    "shuffle": "the conditioning picture itself",
    "inpaint": "an image and its mask to img2img",
    "revision": "a reference with module ip-adapter-auto",
    "facexlib": "a reference with module ip-adapter-auto",
    "instant_id": "a reference with module ip-adapter-auto",
}
"""What A1111's modules for these need is a network that estimates it, which is not here; what to bring."""

REFERENCES = ("reference", "ip-adapter", "clip_vision", "t2ia_style")
"""How modules begin that read a picture as a reference."""

IDLE = ("processor_res", "pixel_perfect", "low_vram", "resize_mode", "control_mode", "hr_option", "mask")


class Unit(BaseModel):
    """One control, or reference. Beyond these, keys are accepted and have no effect."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    enabled: Annotated[bool, BeforeValidator(lambda told: told is None or told)] = True
    image: Any = None
    input_image: Any = None
    module: str | None = None
    model: str | None = None
    weight: Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)] = 1.0
    guidance_start: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    guidance_end: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    threshold_a: float | None = None
    threshold_b: float | None = None

    @property
    def picture(self) -> str | None:
        """The picture in base64, by any of the names and in any of the forms that it comes."""
        found: Any = self.image or self.input_image
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get("image")
        return found if isinstance(found, str) and found else None


class Steered(NamedTuple):
    """What a unit means here: a control of ``kind``, or a reference where that is None."""

    picture: str  # in base64
    kind: str | None
    network: str | None
    weight: float
    start: float
    stop: float


def units_of(rows: Sequence[object]) -> list[Unit]:
    """The units that are enabled. Raises Refused for what is none."""
    found: list[Unit] = []
    for row in rows:
        if isinstance(row, bool) or row is None:  # extensions are switched by a first argument
            continue
        if not isinstance(row, Mapping):
            raise Refused(422, f"a controlnet unit is an object, not {str(row)[:60]!r}", param=NAME)
        said = {name: value for name, value in cast("Mapping[str, object]", row).items() if value is not None}
        try:
            found.append(Unit.model_validate(said))
        except ValidationError as error:
            raise Refused(422, f"a controlnet unit: {first_fault(error)[0]}", param=NAME) from error
    if len(found) > MOST_UNITS:
        raise Refused(422, f"{len(found)} controlnet units: at most {MOST_UNITS} are heeded", param=NAME)
    return [unit for unit in found if unit.enabled]


def steered(unit: Unit, fallback: str | None) -> Steered:
    """A control or a reference. ``fallback`` is img2img's picture, for units without one. Raises Refused."""
    picture = unit.picture or fallback
    if picture is None:
        raise Refused(422, "a controlnet unit has no image: give one, or disable it", param=NAME)
    reads = (unit.module or "").lower().startswith(REFERENCES)
    if not unit.guidance_start < unit.guidance_end:
        raise Refused(
            422, f"a unit from {unit.guidance_start:g} to {unit.guidance_end:g}: begin before it ends",
            param=NAME,
        )  # fmt: skip
    return Steered(
        picture=picture,
        kind=None if reads else kind_of(unit),
        network=network_of(unit.model),
        weight=unit.weight,
        start=unit.guidance_start,
        stop=unit.guidance_end,
    )


def kind_of(unit: Unit) -> str:
    """The kind of conditioning picture that a module makes. Raises Refused with what to bring instead."""
    module = (unit.module or "none").strip()
    low = module.lower()
    if low in ("none", "", "as-is"):
        return "as-is"
    for start, kind in MADE.items():
        if low.startswith(start):
            return _with_thresholds(kind, unit)
    for start, bring in BY_NETWORK.items():
        if low.startswith(start):
            told = f"module {module!r} needs a network that is not here: bring {bring}, with module none"
            raise Refused(422, told, param=NAME)
    try:
        found = settled(module)
    except InputError as error:
        raise Refused(422, f"module {module[:100]!r} is not here: {error}", param=NAME) from error
    if found.name not in (*MADE.values(), "as-is"):
        told = f"module {module!r} reads what it is called already: name it as-is(of={found.name})"
        raise Refused(422, told, param=NAME)
    return str(found)


def network_of(name: str | None) -> str | None:
    """The name of a network without the hash behind it; None where the choice is the server's."""
    bare = (name or "").partition(" [")[0].strip()
    return None if bare.lower() in ("", "none", "auto") else bare


def modules() -> list[str]:
    """The names that ``module`` takes here: what is made of any picture, what comes ready, and references."""
    made = dict.fromkeys(MADE.values())
    ready = [f"as-is(of={name})" for name in CONDITIONS if name != "as-is"]
    return ["none", *made, *ready, REFERENCES[0] + "_only"]


def idle_notes(units: Sequence[Unit]) -> list[str]:
    """A line for all that units say and that has no effect here."""
    said = [name for name in IDLE if any((unit.model_extra or {}).get(name) for unit in units)]
    harmless = {"resize_mode", "control_mode", "hr_option", "processor_res"}
    named = [name for name in said if name not in harmless or _is_odd(name, units)]
    if not named:
        return []
    told = "a picture is read at the size that is drawn, and prompt and control count alike"
    return [f"controlnet {', '.join(named)} has no effect: {told}"]


def _is_odd(name: str, units: Sequence[Unit]) -> bool:
    """Whether a unit says something else than what is so anyway."""
    usual: dict[str, tuple[object, ...]] = {
        "resize_mode": ("Resize and Fill", "Crop and Resize", 1, 2, "Scale to Fit (Inner Fit)"),
        "control_mode": ("Balanced", 0),
        "hr_option": ("Both",),
        "processor_res": (512, -1, 64),
    }
    return any((unit.model_extra or {}).get(name) not in (None, *usual[name]) for unit in units)


def _with_thresholds(kind: str, unit: Unit) -> str:
    """Canny's two thresholds, where they are two: clients send 64 and 64 for all modules alike."""
    low, high = unit.threshold_a, unit.threshold_b
    if kind != "canny" or low is None or high is None or not 0 <= low < high:
        return kind
    return f"canny(low={low:g}, high={high:g})"

"""What A1111's clients send, as it is read: known keys checked, null as absent, others kept to be named."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sfumato.request import LARGEST_SEED, MOST_STEPS
from sfumato.serve.wish import MOST_PICTURES, MOST_SIDE, MOST_TEXT

MOST_ROUNDS = 100
MOST_IMAGES = 16  # to begin from, or to enlarge


def _unsaid(value: object) -> object:
    """The empty text says no more than null."""
    return None if value == "" else value


def _filled(default: object) -> BeforeValidator:
    """Null as the default."""
    return BeforeValidator(lambda value: default if value is None else value)


Text: TypeAlias = Annotated[str, Field(max_length=MOST_TEXT), _filled("")]
Name: TypeAlias = Annotated[str, Field(max_length=300)] | None
Seed: TypeAlias = Annotated[int, Field(ge=-1, le=LARGEST_SEED), _filled(-1)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Side: TypeAlias = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Off: TypeAlias = Annotated[bool, _filled(default=False)]
On: TypeAlias = Annotated[bool, _filled(default=True)]
Image64: TypeAlias = str
"""A picture in base64, or as a data: URL. Bounded by the size of the whole body."""


class Script(BaseModel):
    """One of ``alwayson_scripts``: what its arguments mean is its own matter."""

    model_config = ConfigDict(extra="allow")

    args: Annotated[list[Any], _filled([])] = []


class Asked(BaseModel):
    """What txt2img and img2img have in common."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    prompt: Text = ""
    negative_prompt: Text = ""
    styles: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=20), _filled([])] = []
    seed: Seed = -1
    subseed: Seed = -1
    subseed_strength: Annotated[Share, _filled(0.0)] = 0.0
    sampler_name: Name = None
    sampler_index: Name | int = None
    scheduler: Name = None
    eta: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    s_churn: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    s_noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=MOST_PICTURES), _filled(1)] = 1
    n_iter: Annotated[int, Field(ge=1, le=MOST_ROUNDS), _filled(1)] = 1
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None
    cfg_scale: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    width: Side | None = None
    height: Side | None = None
    override_settings: Annotated[dict[str, Any], _filled({})] = {}
    override_settings_restore_afterwards: On = True
    send_images: On = True
    alwayson_scripts: Annotated[dict[str, Script], _filled({})] = {}
    controlnet_units: Annotated[list[Any], _filled([])] = []
    force_task_id: Name = None
    denoising_strength: Share | None = None
    script_name: Name = None

    @property
    def others(self) -> dict[str, object]:
        """The keys that are not read here, those that are null left out."""
        return {name: value for name, value in (self.model_extra or {}).items() if value is not None}

    @property
    def sampler(self) -> str | None:
        """``sampler_index`` is a name, too; a number is of lists that no longer are."""
        second = self.sampler_index if isinstance(self.sampler_index, str) else None
        return self.sampler_name or second or None

    @property
    def pictures(self) -> int:
        return self.batch_size * self.n_iter


class TextToImage(Asked):
    """``POST /sdapi/v1/txt2img``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "a red cat on a beach", "steps": 20, "seed": 7}]}
    )

    enable_hr: Off = False
    hr_scale: Annotated[float, Field(ge=1, le=8, allow_inf_nan=False), _filled(2.0)] = 2.0
    hr_resize_x: Annotated[int, Field(ge=0, le=MOST_SIDE), _filled(0)] = 0
    hr_resize_y: Annotated[int, Field(ge=0, le=MOST_SIDE), _filled(0)] = 0
    hr_upscaler: Name = None
    hr_second_pass_steps: Annotated[int, Field(ge=0, le=MOST_STEPS), _filled(0)] = 0


class ImageToImage(Asked):
    """``POST /sdapi/v1/img2img``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"prompt": "a red cat", "init_images": ["iVBORw0KGgo="], "denoising_strength": 0.6}]
        }
    )

    init_images: Annotated[list[Image64], Field(max_length=MOST_IMAGES), _filled([])] = []
    include_init_images: Off = False
    resize_mode: Annotated[int, Field(ge=0, le=3), _filled(0)] = 0
    mask: Annotated[Image64 | None, BeforeValidator(_unsaid)] = None
    mask_blur: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    mask_blur_x: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    mask_blur_y: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    inpainting_mask_invert: Off = False
    inpainting_fill: Annotated[int, Field(ge=0, le=3), _filled(0)] = 0
    inpaint_full_res: On = True
    inpaint_full_res_padding: Annotated[int, Field(ge=0, le=100_000), _filled(0)] = 0

"""A1111's "hires fix" as our pass ``hires``: the factor, the way of enlarging, strength and steps."""

from __future__ import annotations

from sfumato.serve.refused import Refused
from sfumato.serve.routes.a1111.asked import TextToImage

STRENGTH = 0.7
"""Of the second pass where nothing is said: A1111's own."""

UPSCALERS: dict[str, str] = {"None": "nearest", "Lanczos": "lanczos", "Nearest": "nearest"}
"""What enlarges pictures here, by A1111's names for it, and its name here."""

LATENT = "Latent"
LATENTS = (LATENT, "Latent (bicubic)")
"""Ways to enlarge latents that are listed; all that begin so are understood, and bicubic."""

ROUGHLY = 0.02  # by so much the two factors of a size may differ: sizes are whole pixels


def hires(asked: TextToImage, size: tuple[int, int] | None, steps: int) -> tuple[str, tuple[str, ...]]:
    """The pass over a picture of ``size`` (None: the model's own), and lines on what was decided.

    ``hr_second_pass_steps`` are done in full there, while our steps are those of a whole walk, of which
    strength does a share. Raises Refused.
    """
    strength = STRENGTH if asked.denoising_strength is None else asked.denoising_strength
    if strength == 0:
        raise Refused(
            422, "denoising_strength 0 draws nothing in the second pass: raise it, or leave enable_hr out",
            param="denoising_strength",
        )  # fmt: skip
    factor, notes = _factor(asked, size)
    by, told = _way(asked.hr_upscaler)
    done = asked.hr_second_pass_steps or steps
    whole = max(1, round(done / strength))
    parts = f"hires({factor:g}, strength={strength:g}, steps={whole}, by={by})"
    return parts, (*notes, *told)


def _factor(asked: TextToImage, size: tuple[int, int] | None) -> tuple[float, tuple[str, ...]]:
    wanted = (asked.hr_resize_x, asked.hr_resize_y)
    if not any(wanted):
        return asked.hr_scale, ()
    if size is None:
        raise Refused(
            422, "hr_resize_x and hr_resize_y need width and height: give these, or hr_scale",
            param="hr_resize_x",
        )  # fmt: skip
    factors = [want / side for want, side in zip(wanted, size, strict=True) if want]
    if max(factors) - min(factors) > ROUGHLY * max(factors):
        raise Refused(
            422, "hr_resize {}x{} has another shape than {}x{}: nothing is cropped here; give one of the "
            "two sides".format(*wanted, *size), param="hr_resize_x",
        )  # fmt: skip
    return round(max(factors), 6), ()


def _way(name: str | None) -> tuple[str, tuple[str, ...]]:
    if name is None or name == "":
        return "latent", ()
    if name in UPSCALERS:
        return UPSCALERS[name], ()
    if name.startswith(LATENT):
        exact = name in LATENTS[1:]
        return "latent", () if exact or name == LATENT else (
            f"hr_upscaler {name}: latents grow bicubic here",
        )
    there = ", ".join((*UPSCALERS, *LATENTS))
    raise Refused(422, f"hr_upscaler {name!r} is not here: there are {there}", param="hr_upscaler")

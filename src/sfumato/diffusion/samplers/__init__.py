"""Samplers: how to get from noise to a picture with few questions. One file per paper, one line here each.

Begin with ``euler.py``. To add one, write ``x.py`` and its line; the law tests pick it up from the table.
"""

from sfumato.diffusion.protocol import Sampler
from sfumato.diffusion.samplers.ddim import ddim
from sfumato.diffusion.samplers.ddpm import ddpm
from sfumato.diffusion.samplers.dpmpp_2m import dpmpp_2m
from sfumato.diffusion.samplers.euler import euler
from sfumato.diffusion.samplers.euler_ancestral import euler_ancestral

SAMPLERS: dict[str, Sampler] = {
    "ddpm": ddpm,
    "ddim": ddim,
    "euler": euler,
    "euler_ancestral": euler_ancestral,
    "dpmpp_2m": dpmpp_2m,
}

__all__ = ["SAMPLERS", "ddim", "ddpm", "dpmpp_2m", "euler", "euler_ancestral"]

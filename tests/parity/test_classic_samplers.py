"""The classic solvers against diffusers and k-diffusion, whole trajectories in float64.

The reference schedulers walk the variance-preserving line with tables of timesteps; ours walk at alpha = 1.
Their float32 tables are replaced by ours in float64 wherever they can be reached.
"""

import math
from itertools import pairwise

import diffusers
import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_lms_discrete

from sfumato.diffusion.levels import discrete_sigmas, karras, scaled_linear_betas, trailing
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers.deis import deis
from sfumato.diffusion.samplers.dpm_2 import dpm_2
from sfumato.diffusion.samplers.heun import heun
from sfumato.diffusion.samplers.ipndm import ipndm
from sfumato.diffusion.samplers.lms import lms
from sfumato.diffusion.samplers.plms import plms
from sfumato.diffusion.samplers.pndm import pndm

BETAS = scaled_linear_betas()
SIGMAS = discrete_sigmas(BETAS)
SETTINGS = {"trained_betas": BETAS, "prediction_type": "epsilon"}
STEPS = 10
STRIDE = len(SIGMAS) // STEPS

# The reference hands tensors to numpy in the way of numpy 1.
pytestmark = pytest.mark.filterwarnings(r"ignore:__array_\w*:DeprecationWarning")


def clean(x: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
    """The mean of data near -0.5 and 0.5 behind ``x``: a model with some bend in it."""
    spread = 0.05 + sigma**2
    return (0.05 * x + 0.5 * sigma**2 * torch.tanh(0.5 * x / spread)) / spread


def epsilon(x: torch.Tensor, sigma: float) -> torch.Tensor:
    return (x - clean(x, sigma)) / sigma


def answer(question: Eval) -> Denoised:
    return Denoised(clean(question.x, question.level.sigma))


def start() -> torch.Tensor:
    return torch.linspace(-2, 2, 32, dtype=torch.float64).reshape(1, 2, 4, 4)


def ours(sampler, levels: list[Level], noise=None, **options) -> torch.Tensor:
    return drive(sampler(levels[0].sigma * start(), levels, noise, **options), answer)


def float64(sigmas: list[float] | float) -> torch.Tensor:
    return torch.tensor(sigmas, dtype=torch.float64)


def at_alpha_one(reference, sigmas: list[float]) -> torch.Tensor:
    """The run of a reference that keeps alpha = 1; ``sigmas`` are those at which it is asked."""
    x = sigmas[0] * start()
    for time, sigma in zip(reference.timesteps, sigmas, strict=True):
        reference.scale_model_input(x, time)  # some insist on being asked
        x = reference.step(epsilon(x, sigma), time, x).prev_sample
    return x


def on_the_round_line(reference, sigmas: list[float], last: float) -> torch.Tensor:
    """The run of a reference that keeps unit variance, seen at alpha = 1."""
    x = sigmas[0] * start() / math.hypot(1.0, sigmas[0])
    for time, sigma in zip(reference.timesteps, sigmas, strict=True):
        output = epsilon(x * math.hypot(1.0, sigma), sigma)
        x = reference.step(output, time, x).prev_sample
    return x * math.hypot(1.0, last)


def test_heun():
    reference = diffusers.HeunDiscreteScheduler(**SETTINGS, timestep_spacing="trailing")
    reference.set_timesteps(STEPS)
    levels = trailing(STEPS, SIGMAS)
    first, *between, last = (level.sigma for level in levels)
    asked = [first, *np.repeat(between, 2).tolist()]
    reference.sigmas = float64([*asked, last])
    torch.testing.assert_close(ours(heun, levels), at_alpha_one(reference, asked), rtol=1e-9, atol=1e-9)


def test_dpm_2():
    reference = diffusers.KDPM2DiscreteScheduler(**SETTINGS, timestep_spacing="trailing")
    reference.set_timesteps(STEPS)
    levels = trailing(STEPS, SIGMAS)
    sigmas = [level.sigma for level in levels]
    middles = [math.sqrt(here * there) for here, there in pairwise(sigmas)]
    asked = [sigmas[0]]
    for middle, sigma in zip(middles[:-1], sigmas[1:-1], strict=True):
        asked += [middle, sigma]
    reference.sigmas = float64([sigmas[0], *np.repeat(sigmas[1:-1], 2).tolist(), 0.0])
    reference.sigmas_interpol = float64([sigmas[0], *np.repeat(middles, 2).tolist()])
    torch.testing.assert_close(ours(dpm_2, levels), at_alpha_one(reference, asked), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_lms(order, k_diffusion, monkeypatch):
    """The reference integrates its weights by scipy, to 1e-4: here by what stands in for scipy elsewhere."""
    monkeypatch.setattr(scheduling_lms_discrete, "integrate", k_diffusion.integrate, raising=False)
    levels = trailing(STEPS, SIGMAS)
    sigmas = [level.sigma for level in levels]
    reference = scheduling_lms_discrete.LMSDiscreteScheduler(**SETTINGS, timestep_spacing="trailing")
    reference.set_timesteps(STEPS)
    reference.sigmas = float64(sigmas)
    x = sigmas[0] * start()
    for time, sigma in zip(reference.timesteps, sigmas, strict=False):
        reference.scale_model_input(x, time)
        x = reference.step(epsilon(x, sigma), time, x, order=order).prev_sample
    torch.testing.assert_close(ours(lms, levels, order=order), x, rtol=1e-9, atol=1e-9)


def test_plms():
    """As Stable Diffusion has it: the second evaluation repeated, and down to the first trained level."""
    reference = diffusers.PNDMScheduler(
        **SETTINGS, skip_prk_steps=True, timestep_spacing="leading", steps_offset=1
    )
    reference.alphas_cumprod = float64([1 / (1 + sigma**2) for sigma in SIGMAS])
    reference.final_alpha_cumprod = reference.alphas_cumprod[0]
    reference.set_timesteps(STEPS)
    asked = [SIGMAS[int(time)] for time in reference.timesteps]
    levels = [Level(1.0, sigma) for sigma in [asked[0], *asked[2:], SIGMAS[0]]]
    wanted = on_the_round_line(reference, asked, SIGMAS[0])
    torch.testing.assert_close(ours(plms, levels), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("last", [0.02, 0.0])
def test_pndm(last):
    """Its half steps go to the trained level half a stride away: the table gets the middle of sigma there."""
    sigmas = [level.sigma for level in karras(STEPS, SIGMAS)[:-1]] + [last]
    table = dict(zip(range(len(SIGMAS) - STRIDE, -1, -STRIDE), sigmas[:-1], strict=True))
    for (time, here), there in zip(list(table.items())[:3], sigmas[1:], strict=False):
        table[time - STRIDE // 2] = (here + there) / 2
    reference = diffusers.PNDMScheduler(**SETTINGS, skip_prk_steps=False, timestep_spacing="leading")
    reference.alphas_cumprod = float64([math.nan]).repeat(len(SIGMAS))
    for time, sigma in table.items():
        reference.alphas_cumprod[time] = 1 / (1 + sigma**2)
    reference.final_alpha_cumprod = float64(1 / (1 + last**2))
    reference.set_timesteps(STEPS)
    asked = [table[int(time)] for time in reference.timesteps]
    wanted = on_the_round_line(reference, asked, last)
    got = ours(pndm, [Level(1.0, sigma) for sigma in sigmas])
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("last", [0.02, 0.0])
def test_ipndm(last):
    """It walks a quarter of a circle, its betas and alphas are sine and cosine; the model's output is v."""
    sigmas = [level.sigma for level in karras(STEPS, SIGMAS)[:-1]] + [last]
    reference = diffusers.IPNDMScheduler()
    reference.set_timesteps(STEPS)
    reference.betas = float64([sigma / math.hypot(1.0, sigma) for sigma in sigmas])
    reference.alphas = float64([1 / math.hypot(1.0, sigma) for sigma in sigmas])
    x = reference.betas[0] * start()
    for time, alpha, beta in zip(reference.timesteps, reference.alphas, reference.betas, strict=False):
        noise = epsilon(x / alpha, float(beta / alpha))
        v = (noise - beta * x) / alpha
        x = reference.step(v, time, x).prev_sample
    got = ours(ipndm, [Level(1.0, sigma) for sigma in sigmas])
    torch.testing.assert_close(got, x / reference.alphas[-1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", [10, 20])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_deis(order, steps):
    """Down to the first trained level, as the reference always goes; below 15 steps on lower orders."""
    reference = diffusers.DEISMultistepScheduler(**SETTINGS, solver_order=order, timestep_spacing="trailing")
    reference.set_timesteps(steps)
    sigmas = [*(level.sigma for level in trailing(steps, SIGMAS)[:-1]), SIGMAS[0]]
    reference.sigmas = float64(sigmas)
    wanted = on_the_round_line(reference, sigmas[:-1], sigmas[-1])
    got = ours(deis, [Level(1.0, sigma) for sigma in sigmas], order=order)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)


CHURN = {"s_churn": 4.0, "s_tmin": 0.1, "s_tmax": 8.0, "s_noise": 1.01}


@pytest.mark.parametrize(
    ("sampler", "options", "function", "settings"),
    [
        (heun, {}, "sample_heun", {}),
        (heun, {"churn": 4.0, "between": (0.1, 8.0), "noise_scale": 1.01}, "sample_heun", CHURN),
        (heun, {"churn": 40.0}, "sample_heun", {"s_churn": 40.0}),
        (dpm_2, {}, "sample_dpm_2", {}),
        (lms, {}, "sample_lms", {}),
        (lms, {"order": 2}, "sample_lms", {"order": 2}),
    ],
)
def test_k_diffusion(sampler, options, function, settings, k_diffusion, monkeypatch):
    levels = karras(STEPS, SIGMAS)
    drawn = torch.Generator().manual_seed(3)

    def noise(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=drawn, dtype=like.dtype)

    got = ours(sampler, levels, noise, **options)
    drawn.manual_seed(3)
    churning = settings.get("s_churn", 0) > 0
    low, high = settings.get("s_tmin", 0.0), settings.get("s_tmax", math.inf)
    wanted_at = iter([level.sigma for level in levels[:-1]])

    def randn_like(like: torch.Tensor) -> torch.Tensor:
        """The reference draws at every step and uses it at those that churn."""
        used = churning and low <= next(wanted_at) <= high
        return noise(like) if used else torch.zeros_like(like)

    monkeypatch.setattr(torch, "randn_like", randn_like)
    wanted = vars(k_diffusion)[function](
        lambda x, sigma: clean(x, sigma[:, None, None, None]),
        levels[0].sigma * start(),
        float64([level.sigma for level in levels]),
        disable=True,
        **settings,
    )
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)

"""Laws of the samplers that draw noise on the way, beyond those that every sampler keeps."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers.dpmpp_2m import dpmpp_2m
from sfumato.diffusion.samplers.dpmpp_2m_sde import dpmpp_2m_sde
from sfumato.diffusion.samplers.dpmpp_2s_ancestral import dpmpp_2s_ancestral
from sfumato.diffusion.samplers.dpmpp_3m_sde import dpmpp_3m_sde
from sfumato.diffusion.samplers.dpmpp_sde import dpmpp_sde
from sfumato.diffusion.samplers.er_sde import er_sde
from sfumato.diffusion.samplers.euler import euler
from sfumato.diffusion.samplers.euler_ancestral import euler_ancestral
from sfumato.diffusion.samplers.lcm import lcm
from sfumato.diffusion.samplers.multistep import multistep
from sfumato.diffusion.samplers.sa_solver import sa_solver
from sfumato.diffusion.samplers.tcd import tcd

MEAN, SPREAD = 0.7, 0.4

every_line = pytest.mark.parametrize("line", ["geometric", "straight"])


class OnePath:
    """Noise whose path and fresh draws are the same: samplers that ask for either can be compared."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(3)

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=self.generator, dtype=like.dtype)

    def between(self, like: torch.Tensor, here: Level, there: Level) -> torch.Tensor:
        return self(like)


class Untouchable:
    """Noise that nobody may ask for."""

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        raise AssertionError("asked for fresh noise")

    def between(self, like: torch.Tensor, here: Level, there: Level) -> torch.Tensor:
        raise AssertionError("asked for the path")


class Silence:
    """Noise that is zero."""

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(like)

    def between(self, like: torch.Tensor, here: Level, there: Level) -> torch.Tensor:
        return torch.zeros_like(like)


def two_heaps(question: Eval) -> Denoised:
    """The ideal denoiser of data in two heaps, near -0.6 and 0.6: it bends, and holds at alpha = 0."""
    x, (alpha, sigma) = question
    variance = (0.3 * alpha) ** 2 + sigma**2
    signal = alpha * 0.3**2 / variance
    return Denoised(signal * x + 0.6 * (1 - alpha * signal) * torch.tanh(0.6 * alpha * x / variance))


def run(sampler, levels: list[Level], noise, answer=two_heaps) -> torch.Tensor:
    x = levels[0].sigma * SeededNoise(5)(torch.empty(1, 1, 6, 6, dtype=torch.float64))
    return drive(sampler(x, levels, noise), answer)


VARIANTS = {  # each with the order of its mean and variance
    "dpmpp_sde, eta 0.5": (partial(dpmpp_sde, eta=0.5), 2),
    "dpmpp_2m_sde, eta 0.5": (partial(dpmpp_2m_sde, eta=0.5), 2),
    "dpmpp_2m_sde, heun": (partial(dpmpp_2m_sde, solver="heun"), 2),
    "dpmpp_2m_sde, heun, eta 0.3": (partial(dpmpp_2m_sde, solver="heun", eta=0.3), 2),
    "sa_solver, tau 0": (partial(sa_solver, tau=0.0), 2),
    "sa_solver, tau 1.4": (partial(sa_solver, tau=1.4), 2),
    "er_sde, 1": (partial(er_sde, order=1), 1),
    "er_sde, 1, sde": (partial(er_sde, order=1, scaling="sde"), 1),
    "er_sde, 2": (partial(er_sde, order=2), 2),
    "er_sde, sde": (partial(er_sde, scaling="sde"), 2),
    "er_sde, ode": (partial(er_sde, scaling="ode"), 2),
}


@every_line
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_option_keeps_mean_and_variance_to_its_order(gaussian, variant, line):
    sampler, order = VARIANTS[variant]
    coarse, fine = (gaussian.error(sampler, getattr(gaussian, line)(steps)) for steps in (40, 80))
    assert fine < 0.15
    assert order - 0.2 < math.log2(coarse / fine) < order + 0.9  # and not of the next


def test_noise_in_a_part_of_the_levels_keeps_mean_and_variance(gaussian):
    """Where noise sets in and ends, the two formulas see a kink: no order is claimed, but the law is kept."""
    sampler = partial(sa_solver, between=(0.3, 3.0))
    for line in (gaussian.geometric, gaussian.straight):
        assert gaussian.error(sampler, line(80)) < 0.03
        assert not torch.equal(run(sampler, line(16), SeededNoise(1)), run(sampler, line(16), SeededNoise(2)))


@pytest.mark.parametrize(
    ("published", "mended", "clock", "growth"),
    [
        (partial(dpmpp_3m_sde, eta=0.0), {"curvature": 2.0}, lambda sigma: -np.log(sigma), 1),
        (partial(dpmpp_3m_sde, eta=1.0), {"curvature": 2.0}, lambda sigma: -np.log(sigma), 2),
    ],
)
def test_a_parabola_is_exact_only_with_what_the_published_third_order_leaves_out(
    published, mended, clock, growth
):
    """A guess that is a parabola in the sampler's clock, over the first step that knows three of it."""
    levels = [Level(1.0, sigma) for sigma in (3.0, 2.0, 1.2, 0.7)]

    def last_step(sampler) -> tuple[float, float]:
        asked = []

        def answer(question: Eval) -> Denoised:
            asked.append(question.x.item())
            return Denoised(torch.full_like(question.x, clock(question.level.sigma) ** 2))

        end = drive(sampler(torch.zeros(1, dtype=torch.float64), levels, Silence()), answer)
        return asked[-1], end.item()

    nodes, weights = np.polynomial.legendre.leggauss(30)
    here, there = 1.2, 0.7
    sigma = (here + there) / 2 + (here - there) / 2 * nodes
    pull = (here - there) / 2 * weights @ (clock(sigma) ** 2 * growth * sigma ** -(growth + 1))

    def right(start: float) -> float:
        return (there / here) ** growth * start + there**growth * pull

    start, end = last_step(partial(published, **mended))
    assert end == pytest.approx(right(start), rel=1e-9)
    start, end = last_step(published)
    assert abs(end - right(start)) > 1e-4


def test_the_variance_of_dpmpp_sde_needs_one_path(gaussian, monkeypatch):
    """Were the noise of the half step not part of the whole step's, the order would be one."""
    levels = [gaussian.geometric(steps) for steps in (30, 60)]
    coarse, fine = (gaussian.error(dpmpp_sde, walk) for walk in levels)
    monkeypatch.setattr(gaussian.Coefficients, "between", lambda self, like, here, there: self(like))
    coarse_apart, fine_apart = (gaussian.error(dpmpp_sde, walk) for walk in levels)
    assert math.log2(coarse / fine) > 1.8
    assert math.log2(coarse_apart / fine_apart) < 1.2


STRONG = {
    "dpmpp_sde": dpmpp_sde,
    "dpmpp_2m_sde": dpmpp_2m_sde,
    "dpmpp_2m_sde, heun": partial(dpmpp_2m_sde, solver="heun"),
    "dpmpp_3m_sde": dpmpp_3m_sde,
    "sa_solver": sa_solver,
    "er_sde": er_sde,
    "er_sde, sde": partial(er_sde, scaling="sde"),
}


@every_line
@pytest.mark.parametrize("name", STRONG)
def test_more_steps_along_one_path_converge_to_one_picture(gaussian, name, line):
    """From one start, on one seed's path: half the distance, at least, at four times the steps."""
    levels = getattr(gaussian, line)
    finest = run(STRONG[name], levels(128), SeededNoise(5))
    away = [
        (run(STRONG[name], levels(steps), SeededNoise(5)) - finest).square().mean().sqrt().item()
        for steps in (8, 32)
    ]
    assert away[1] < 0.15
    assert away[1] < away[0] / 2


@every_line
def test_without_a_path_more_steps_go_elsewhere(gaussian, line):
    levels = getattr(gaussian, line)
    pictures = [run(euler_ancestral, levels(steps), SeededNoise(5)) for steps in (32, 128)]
    assert (pictures[0] - pictures[1]).square().mean().sqrt() > 0.3


def finished(levels: list[Level]) -> list[Level]:
    return [*levels, Level(1.0, 0.0)]


TWINS = {
    "dpmpp_sde": (partial(dpmpp_sde, eta=0.0), partial(dpmpp_2s_ancestral, eta=0.0)),
    "dpmpp_2m_sde": (partial(dpmpp_2m_sde, eta=0.0), dpmpp_2m),
    "dpmpp_3m_sde": (
        partial(dpmpp_3m_sde, eta=0.0),
        lambda x, levels, noise: multistep(x, levels, order=3, midpoint=False, curvature=1.0, growth=1),
    ),
    "er_sde": (partial(er_sde, order=1, scaling="ode"), euler),
    "tcd": (partial(tcd, eta=0.0), euler),
}


@every_line
@pytest.mark.parametrize("name", TWINS)
def test_without_noise_a_sampler_is_its_deterministic_twin(gaussian, name, line):
    sampler, twin = TWINS[name]
    levels = finished(getattr(gaussian, line)(20))
    noise = Untouchable()
    torch.testing.assert_close(run(sampler, levels, noise), run(twin, levels, noise), rtol=1e-9, atol=1e-9)


@every_line
@pytest.mark.parametrize("sampler", [partial(sa_solver, tau=0.0), partial(er_sde, scaling="ode")])
def test_what_is_not_random_does_not_touch_the_noise(gaussian, sampler, line):
    assert run(sampler, finished(getattr(gaussian, line)(6)), Untouchable()).isfinite().all()


@every_line
@pytest.mark.parametrize("sampler", [partial(er_sde, order=1, scaling="sde"), partial(sa_solver, tau=1.0)])
def test_at_full_noise_the_first_step_is_the_ancestral_one(gaussian, sampler, line):
    levels = getattr(gaussian, line)(1)
    torch.testing.assert_close(run(sampler, levels, OnePath()), run(euler_ancestral, levels, OnePath()))


@every_line
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_lcm_is_exact_for_a_model_that_answers_with_the_end_of_its_ode(gaussian, steps, line):
    levels = finished(getattr(gaussian, line)(steps))
    found = _affine_moments(lcm, levels, lambda level: Level(1.0, 0.0))
    assert found == pytest.approx((MEAN, SPREAD**2), rel=1e-12)


@every_line
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_tcd_is_exact_for_a_model_that_answers_along_its_ode(gaussian, eta, steps, line):
    """Such a model knows to which lower level it is asked to go: here, by the level it is asked at."""
    levels = finished(getattr(gaussian, line)(steps))
    lower = {here: _lower(there, 1 - eta) for here, there in pairwise(levels)}
    found = _affine_moments(partial(tcd, eta=eta), levels, lower.__getitem__)
    assert found == pytest.approx((MEAN, SPREAD**2), rel=1e-9)


def _lower(level: Level, share: float) -> Level:
    time = share * level.sigma / (level.alpha + level.sigma)
    return Level(1 - time, time)


def _affine_moments(sampler, levels: list[Level], goal) -> tuple[float, float]:
    """Mean and variance, where the model's answer leads a steady step exactly along the ODE to its goal.

    The Gaussian's ODE keeps the distance from the mean in units of the spread at each level. As in
    `moments`, the channels are coefficients: of 1, of the start's noise, and of every later draw.
    """
    one, start, *later = torch.eye(2 + len(levels), dtype=torch.float64)[..., None, None].split(1)
    draws = iter(later)

    def spread(alpha: float, sigma: float) -> float:
        return math.hypot(alpha * SPREAD, sigma)

    def answer(question: Eval) -> Denoised:
        x, (alpha, sigma) = question
        alpha_there, sigma_there = goal(question.level)
        away = spread(alpha_there, sigma_there) / spread(alpha, sigma)
        led = alpha_there * MEAN * one + away * (x - alpha * MEAN * one)
        keep = sigma_there / sigma
        return Denoised((led - keep * x) / (alpha_there - keep * alpha))

    x = levels[0].alpha * MEAN * one + spread(*levels[0]) * start
    x = drive(sampler(x, levels, lambda like: next(draws)), answer).flatten()
    return x[0].item(), x[1:].square().sum().item()


@every_line
def test_tcd_joins_euler_and_lcm(gaussian, line):
    levels = getattr(gaussian, line)(5)
    torch.testing.assert_close(
        run(partial(tcd, eta=1.0), levels, OnePath()), run(lcm, levels, OnePath()), rtol=1e-12, atol=1e-12
    )
    half = run(partial(tcd, eta=0.5), levels, OnePath())
    assert not torch.allclose(half, run(lcm, levels, OnePath()))
    assert not torch.allclose(half, run(euler, levels, OnePath()))


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (partial(dpmpp_sde, eta=1.5), "eta 1.5 .* give 0"),
        (partial(dpmpp_2m_sde, eta=-0.1), "eta -0.1"),
        (partial(dpmpp_3m_sde, eta=2.0), "eta 2.0"),
        (partial(tcd, eta=math.nan), "eta nan"),
        (partial(dpmpp_2m_sde, solver="eu"), "solver 'eu' .* midpoint and heun"),
        (partial(er_sde, order=4), "order 4: give 1 to 3"),
        (partial(er_sde, scaling="sde_6"), "scaling of er_sde 'sde_6'.* sde_5"),
        (partial(sa_solver, tau=-1.0), "tau -1.0"),
        (partial(sa_solver, between=(3.0, 0.3)), "the lower end first"),
        (partial(sa_solver, between=(100.0, 200.0)), "no step begins .* between 100.0 and 200.0: widen it"),
        (partial(sa_solver, tau=0.0, between=(0.3, 3.0)), "no effect with tau 0: leave it out"),
        (partial(er_sde, scaling="ode", noise_scale=1.1), "noise_scale 1.1 has no effect with scaling ode"),
        (partial(dpmpp_sde, eta=0.0, noise_scale=0.5), "noise_scale 0.5 has no effect with eta 0"),
        (partial(dpmpp_3m_sde, curvature=5.0), "curvature 5.0: give 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(gaussian, sampler, said):
    with pytest.raises(ValueError, match=said):
        run(sampler, gaussian.geometric(3), SeededNoise(0))

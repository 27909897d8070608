"""The options of the DPM-Solver family and UniPC: their orders, their refusals, the arithmetic beneath."""

import math
from functools import partial

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.exponential import Line, average, line_through, moment
from sfumato.errors import InputError

MEAN = 0.7


def geometric(steps: int, top: float = 10.0) -> list[Level]:
    return [Level(1.0, top * (0.05 / top) ** (index / steps)) for index in range(steps + 1)]


def straight(steps: int) -> list[Level]:
    """A flow's line from pure noise."""
    sigmas = (1 - 0.95 * index / steps for index in range(steps + 1))
    return [Level(1 - sigma, sigma) for sigma in sigmas]


both_lines = pytest.mark.parametrize("line", [geometric, straight], ids=["alpha = 1", "alpha = 1 - sigma"])


def ideal(question: Eval, spread: float) -> Denoised:
    x, (alpha, sigma) = question
    gain = alpha * spread**2 / ((alpha * spread) ** 2 + sigma**2)
    return Denoised(MEAN + gain * (x - alpha * MEAN))


def truth(level: Level, spread: float) -> float:
    """The ODE's solution from one start: it stays as many standard deviations off the mean."""
    return level.alpha * MEAN + 1.3 * math.hypot(level.alpha * spread, level.sigma)


def error(sampler, levels: list[Level]) -> float:
    """For the worst of narrow and wide data: for one alone the first terms of an error may cancel."""
    worst = 0.0
    for spread in (0.2, 0.4, 1.5):
        x = torch.tensor([[[[truth(levels[0], spread)]]]], dtype=torch.float64)
        x = drive(sampler(x, levels, SeededNoise(0)), partial(ideal, spread=spread))
        worst = max(worst, abs(x.item() - truth(levels[-1], spread)))
    return worst


def order_of(sampler, line) -> float:
    return math.log2(error(sampler, line(192)) / error(sampler, line(384)))


@both_lines
@pytest.mark.parametrize(
    ("name", "options", "order"),
    [
        ("dpm_solver", {"solver": "heun"}, 2),
        ("dpm_solver", {"order": 3}, 3),
        ("dpm_solver", {"order": 3, "solver": "heun"}, 3),
        ("dpm_solver", {"history": True}, 2),
        ("dpmpp_2m", {"solver": "heun"}, 2),
        ("dpmpp_2s", {"solver": "heun"}, 2),
        ("dpmpp_3s", {"solver": "heun"}, 3),
        ("dpm_2_ancestral", {"eta": 0.0}, 2),
        ("dpmpp_2s_ancestral", {"eta": 0.0}, 2),
        ("unipc", {"order": 1}, 2),  # the corrector adds one
        ("unipc", {"variant": "bh1"}, 2),
    ],
)
def test_options_keep_their_order(name, options, order, line):
    assert order_of(partial(SAMPLERS[name].sampler, **options), line) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 3, 10])
@pytest.mark.parametrize("name", ["dpm_2_ancestral", "dpmpp_2s_ancestral"])
@both_lines
def test_ancestral_steps_keep_the_noise_of_a_level(line, name, steps, eta):
    """For data that are one point any step is exact: what is not data has a variance of sigma squared."""
    levels = line(steps)
    drawn = iter(torch.eye(steps + 2, dtype=torch.float64)[1:, None, None, :])

    def answer(question: Eval) -> Denoised:
        return Denoised(torch.zeros_like(question.x))

    x = levels[0].sigma * next(drawn)
    x = drive(SAMPLERS[name].sampler(x, levels, lambda like: next(drawn), eta=eta), answer)
    assert x.square().sum().item() == pytest.approx(levels[-1].sigma ** 2, rel=1e-10)
    assert (x[..., 2:].abs().sum().item() > 0) == (eta > 0)


@pytest.mark.parametrize(("curvature", "exact"), [(1.0, False), (2.0, True)])
def test_dpmpp_3m_is_exact_for_parabolas_where_their_bend_is_counted_whole(curvature, exact):
    """A guess that is a parabola in time, whatever it is shown, and steps that have three to look back on."""
    levels, asked = geometric(20), []

    def clean(time: float) -> float:
        return 1 + time - 0.5 * time**2

    def primitive(time: float) -> float:  # of clean(t) * exp(t)
        return (1 + time - 0.5 * time**2 - (1 - time) - 1) * math.exp(time)

    def answer(question: Eval) -> Denoised:
        asked.append(question.x.item() / question.level.sigma)
        return Denoised(torch.full_like(question.x, clean(-math.log(question.level.sigma))))

    x = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    drive(SAMPLERS["dpmpp_3m"].sampler(x, levels, SeededNoise(0), curvature=curvature), answer)
    times = [-math.log(level.sigma) for level in levels]
    for here, there in zip(range(2, 19), range(3, 20), strict=True):
        grown = primitive(times[there]) - primitive(times[here])
        assert (asked[there] - asked[here] == pytest.approx(grown, rel=1e-9)) == exact


@pytest.mark.parametrize("name", ["dpm_2_ancestral", "dpmpp_2s_ancestral"])
@pytest.mark.parametrize("eta", [-0.1, 1.5])
def test_an_eta_that_is_no_share_is_refused(name, eta):
    with pytest.raises(ValueError, match=f"eta {eta}"):
        next(SAMPLERS[name].sampler(torch.zeros(1), geometric(3), SeededNoise(0), eta=eta))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("dpm_solver", {"order": 4}, "order 4: give 2 to 3"),
        ("dpm_solver", {"solver": "huen"}, "solver 'huen' of .*: there are midpoint and heun"),
        ("dpmpp_2m", {"solver": "huen"}, "solver 'huen' of .*: there are midpoint and heun"),
        ("dpmpp_3s", {"solver": "huen"}, "solver 'huen' of .*: there are midpoint and heun"),
        ("unipc", {"order": 4}, "order 4: give 1 to 3"),
        ("unipc", {"variant": "bh3"}, "variant of unipc 'bh3'"),
        ("dpm_adaptive", {"order": 1}, "order 1: give 2 to 3"),
        ("dpm_adaptive", {"atol": 0.0}, "atol of more than 0"),
    ],
)
def test_options_that_make_no_solver_are_refused(name, options, words):
    with pytest.raises(ValueError, match=words):
        next(SAMPLERS[name].sampler(torch.zeros(1), geometric(3), SeededNoise(0), **options))


def test_an_adaptive_sampler_stops_when_the_model_breaks():
    def broken(question: Eval) -> Denoised:
        return Denoised(question.x * math.nan)

    with pytest.raises(InputError, match="do not keep to rtol"):
        drive(SAMPLERS["dpm_adaptive"].sampler(torch.ones(1), geometric(3), SeededNoise(0)), broken)


def test_an_adaptive_sampler_does_not_ask_twice_at_the_same_place():
    asked = []

    def answer(question: Eval) -> Denoised:
        asked.append((question.level, question.x.flatten()[0].item()))
        return Denoised(torch.tanh(question.x / question.level.sigma**2))  # data are -1 and 1

    x = torch.linspace(-20, 20, 8, dtype=torch.float64)
    drive(SAMPLERS["dpm_adaptive"].sampler(x, geometric(3), SeededNoise(0)), answer)
    assert len(asked) % 3 > 0  # some step was made again, for two questions more
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("walk", [geometric(5), flow_uniform(5)])
def test_the_clock_is_minus_log_sigma_and_goes_on_from_pure_noise(walk):
    line = line_through(walk)
    for level in walk[:-1]:
        assert line.time(level) == pytest.approx(-math.log(level.sigma), abs=1e-12)
        assert line.level(line.time(level)) == pytest.approx(level)
    assert line.time(Level(1.0, 0.0)) == math.inf


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_signal_over_noise_grows_by_the_clock_like_an_exponential(slope):
    line = Line(slope)
    ratios = [line.level(time).alpha / line.level(time).sigma for time in (0.5, 1.0, 1.5)]
    assert (ratios[2] - ratios[1]) / (ratios[1] - ratios[0]) == pytest.approx(math.exp(0.5))


@pytest.mark.parametrize("growth", [-6.0, -1.001, -0.999, -1e-9, 1e-9, 0.5, 0.999, 1.001, 8.0])
@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_moments_are_the_integrals_that_they_stand_for(power, growth):
    nodes = [(index + 0.5) / 20000 for index in range(20000)]
    weights = [math.exp(growth * s) for s in nodes]
    wanted = sum(w * s**power for w, s in zip(weights, nodes, strict=True)) / sum(weights)
    assert moment(power, growth) == pytest.approx(wanted, rel=1e-7)


def test_the_average_of_a_parabola_is_that_of_its_powers():
    at = [0.0, -0.7, 1.0]
    values = [torch.tensor([2 + 3 * s - 5 * s * s], dtype=torch.float64) for s in at]
    assert average(values, at, [1.0, 0.6, 0.45]).item() == pytest.approx(2 + 3 * 0.6 - 5 * 0.45)

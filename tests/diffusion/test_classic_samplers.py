"""What the classic solvers promise beyond the laws that every sampler keeps (test_samplers.py)."""

import math
from itertools import pairwise

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers.adams import adams_evenly
from sfumato.diffusion.samplers.deis import deis
from sfumato.diffusion.samplers.heun import heun
from sfumato.diffusion.samplers.ipndm import ipndm
from sfumato.diffusion.samplers.lms import lms
from sfumato.diffusion.samplers.plms import plms
from sfumato.diffusion.samplers.pndm import pndm
from sfumato.diffusion.samplers.res_multistep import res_multistep

UNEVEN = [1.0, 0.93, 0.7, 0.64, 0.5, 0.21, 0.17, 0.0]
VE = [Level(1.0, sigma) for sigma in UNEVEN]
FLOW = [Level(1 - sigma, sigma) for sigma in UNEVEN]

both_lines = pytest.mark.parametrize("levels", [VE, FLOW], ids=["alpha = 1", "flow"])


def point(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    "weights",
    [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]],
)
def test_even_weights_are_those_of_bashforth_and_adams(weights):
    found = adams_evenly(list(torch.eye(len(weights), dtype=torch.float64)))
    torch.testing.assert_close(found, point(*weights), rtol=1e-13, atol=1e-13)


@both_lines
def test_a_step_of_lms_that_looks_back_on_four_values_is_exact_for_a_cubic(levels):
    """Whatever the lengths of its steps, and the step to sigma 0 too."""

    def integral(sigma: float) -> float:
        return 0.7 * sigma - 2 * sigma**2 + 3 * sigma**3 - 1.1 * sigma**4

    def answer(question: Eval) -> Denoised:
        met.append(question.x.item())
        sigma = question.level.sigma
        return Denoised(question.x - sigma * (0.7 - 4 * sigma + 9 * sigma**2 - 4.4 * sigma**3))

    met: list[float] = []
    met.append(drive(lms(point(0.3), levels, None), answer).item())
    ways = [there - here for here, there in pairwise(met)]
    exact = [integral(there.sigma) - integral(here.sigma) for here, there in pairwise(levels)]
    assert ways[3:] == pytest.approx(exact[3:], abs=1e-12)
    assert ways[:3] != pytest.approx(exact[:3], abs=1e-3)


def test_pndm_is_of_fourth_order_where_a_flow_steps_evenly():
    def error(steps: int) -> float:
        """Of the picture for data ~ N(0, 0.5^2), which the ODE scales along with their spread."""

        def answer(question: Eval) -> Denoised:
            x, level = question
            return Denoised(level.alpha * 0.25 / (level.alpha**2 * 0.25 + level.sigma**2) * x)

        return abs(drive(pndm(point(1.0), flow_uniform(steps), None), answer).item() - 0.5)

    assert math.log2(error(40) / error(80)) > 3.7


@both_lines
def test_res_multistep_has_the_coefficients_of_its_paper(levels):
    guesses = {level: math.cos(3 * level.sigma) for level in levels}
    before, here, there = levels[1:4]
    h = math.log(here.sigma / there.sigma)
    c_2 = -math.log(before.sigma / here.sigma) / h
    phi_1 = (1 - math.exp(-h)) / h
    phi_2 = (1 - phi_1) / h
    b_1, b_2 = phi_1 - phi_2 / c_2, phi_2 / c_2
    met: list[float] = []

    def answer(question: Eval) -> Denoised:
        met.append(question.x.item())
        return Denoised(point(guesses[question.level]))

    met.append(drive(res_multistep(point(0.3), levels[1:4], None), answer).item())
    target = (b_1 * guesses[here] + b_2 * guesses[before]) / phi_1
    keep = there.sigma / here.sigma
    assert met[2] == pytest.approx(keep * met[1] + (there.alpha - keep * here.alpha) * target, rel=1e-12)


class Basis:
    """Noise that is a channel of its own, and counts how often it is drawn."""

    drawn = 0

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        self.drawn += 1
        return point(0.0, 0.0, 1.0)


@pytest.mark.parametrize(("churn", "growth"), [(1.4, 0.2), (100.0, math.sqrt(2) - 1)])
@pytest.mark.parametrize("start", [0, 2])
@both_lines
def test_churn_adds_as_much_noise_as_the_level_asked_about_has(levels, start, churn, growth):
    """The channels are the clean latent, its noise, and the noise that is added."""
    here, share = levels[start], (7 - start) / 7  # of the steps
    x = point(here.alpha, here.sigma, 0.0)
    x, raised = next(heun(x, levels[start:], Basis(), churn=churn * share))
    assert x[0].item() == pytest.approx(raised.alpha)
    assert math.hypot(*x[1:].tolist()) == pytest.approx(raised.sigma)
    assert raised.sigma * here.alpha == pytest.approx((1 + growth) * here.sigma * raised.alpha)
    assert x[1].item() * (1 + growth) == pytest.approx(raised.sigma)
    assert raised.alpha == pytest.approx(1.0 if levels is VE else 1 - raised.sigma)


def test_churn_keeps_to_its_range_of_sigma():
    noise = Basis()
    drive(
        heun(point(1.0, 1.0, 0.0), VE, noise, churn=1.0, between=(0.2, 0.7)),
        lambda question: Denoised(0 * question.x),
    )
    assert noise.drawn == len([sigma for sigma in UNEVEN if 0.2 <= sigma <= 0.7]) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"churn": -1.0}, "churn -1.0"),
        ({"churn": math.inf}, "churn inf"),
        ({"churn": 1.0, "between": (2.0, 1.0)}, "between 2.0 and 1.0: .* the lower first"),
        ({"churn": 1.0, "between": (2.0, 3.0)}, "no step begins at a sigma between 2.0 and 3.0: widen it"),
        ({"between": (0.0, 1.0)}, "no effect with churn 0: leave it out"),
        ({"churn": 1.0, "noise_scale": -0.1}, "noise_scale -0.1"),
        ({"noise_scale": 1.1}, "no effect with churn 0"),
    ],
)
def test_churn_of_an_impossible_kind_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        next(heun(point(1.0), VE, Basis(), **options))


@pytest.mark.parametrize(("sampler", "most"), [(lms, 4), (ipndm, 4), (deis, 3)])
def test_an_order_beyond_the_method_is_refused(sampler, most):
    for order in (0, most + 1):
        with pytest.raises(ValueError, match=f"of order {order}"):
            next(sampler(point(1.0), VE, None, order=order))
    next(sampler(point(1.0), VE, None, order=most))


def test_plms_asks_about_its_second_level_again_and_forgets_where_euler_led():
    asked: list[Eval] = []

    def answer(question: Eval) -> Denoised:
        asked.append(question)
        return Denoised(torch.tanh(question.x))

    drive(plms(point(2.0), VE, None), answer)
    assert [question.level for question in asked] == [VE[0], VE[1], *VE[1:-1]]
    assert asked[1].x != asked[2].x

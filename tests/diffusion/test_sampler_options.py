"""Laws of what may stand in a sampler's brackets, held by every option of every sampler in the table."""

import inspect
import math
from itertools import combinations

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.named import KINDS
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.errors import InputError

ABSURD = {
    "float": [math.nan, math.inf, -math.inf, -0.1, -1e300, 1e30, 1e300, 10**400],
    "int": [-1, 0, 7, 10**30],
    "str": ["", "nonsense", "midpoint "],
    "tuple[float, float]": [(math.nan, 1.0), (0.0, math.nan), (-1.0, 1.0), (2.0, 1.0), (1e200, 1e300)],
    "bool": [],
}
OTHER = {  # than what holds without them; those that a sampler refuses are left out
    "float": [0.0, 1e-300, 1e-3, 0.5, 1.5, 4.0, 10.0, 1000.0],
    "int": [1, 2, 3, 4],
    "str": ["midpoint", "heun", "small", "large", "bh1", "bh2", "ode", "sde", "sde_5"],
    "tuple[float, float]": [(0.0, 0.9), (0.3, 0.9), (0.3, 1e300)],
    "bool": [True, False],
}
NEEDED = {("heun", "between"): {"churn": 2.0}, ("heun", "noise_scale"): {"churn": 2.0}}
WALKS = {
    "alpha = 1": [*(Level(1.0, 10.0 * 0.6**step) for step in range(11)), Level(1.0, 0.0)],
    "flow": flow_uniform(11),
}


def options(name: str) -> dict[str, inspect.Parameter]:
    return {
        option: parameter
        for option, parameter in inspect.signature(SAMPLERS[name].sampler).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and str(parameter.annotation) in KINDS
    }


EVERY = [(name, option) for name in SAMPLERS for option in options(name)]

every_option = pytest.mark.parametrize(("name", "option"), EVERY)
every_walk = pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)


def two_heaps(question: Eval) -> Denoised:
    x, (alpha, sigma) = question
    variance = (0.3 * alpha) ** 2 + sigma**2
    signal = alpha * 0.3**2 / variance
    return Denoised(signal * x + 0.6 * (1 - alpha * signal) * torch.tanh(0.6 * alpha * x / variance))


def picture(name: str, walk: list[Level], chosen: dict) -> torch.Tensor | None:
    """None where the options are refused, which must happen before anything is asked."""
    x = walk[0].sigma * SeededNoise(5)(torch.empty(1, 1, 6, 6))
    asked = []

    def answer(question: Eval) -> Denoised:
        asked.append(question)
        return two_heaps(question)

    try:
        return drive(SAMPLERS[name].sampler(x, walk, SeededNoise(5), **chosen), answer)
    except InputError:
        if name == "dpm_adaptive" and asked:  # no step is short enough for so small an error
            return None
        assert not asked
        return None


def others(name: str, option: str) -> list:
    parameter = options(name)[option]
    return [value for value in OTHER[str(parameter.annotation)] if value != parameter.default]


@every_option
def test_an_absurd_value_is_refused_by_its_name_before_anything_is_asked(name, option):
    for value in ABSURD[str(options(name)[option].annotation)]:
        chosen = {**NEEDED.get((name, option), {}), option: value}
        for walk in WALKS.values():
            x = walk[0].sigma * torch.ones(1, 1, 2, 2)
            with pytest.raises(InputError) as refusal:
                next(SAMPLERS[name].sampler(x, walk, SeededNoise(1), **chosen))
            told = str(refusal.value)
            assert all(str(part) in told for part in (value if isinstance(value, tuple) else (value,)))
            assert ": " in told  # and the way out behind it


@every_walk
@every_option
def test_what_is_accepted_draws_a_finite_picture_and_another_one(name, option, walk):
    needed = NEEDED.get((name, option), {})
    usual = picture(name, walk, needed)
    accepted = 0
    for value in others(name, option):
        drawn = picture(name, walk, {**needed, option: value})
        if drawn is None:
            continue
        accepted += 1
        assert drawn.isfinite().all(), value
        if value != 1e-300:
            assert not torch.equal(drawn, usual), value
    assert accepted


@pytest.mark.parametrize("name", [name for name in SAMPLERS if len(options(name)) > 1])
def test_of_two_options_that_are_accepted_together_none_is_without_effect(name):
    walk, together = WALKS["alpha = 1"], 0
    for one, other in combinations(options(name), 2):
        for first in others(name, one):
            for second in others(name, other):
                if 1e-300 in (first, second):
                    continue
                both = picture(name, walk, {one: first, other: second})
                if both is None:
                    continue
                together += 1
                assert both.isfinite().all()
                for chosen in ({one: first}, {other: second}):
                    if name == "dpm_adaptive" and other == "atol":  # the greater of two tolerances counts
                        continue
                    alone = picture(name, walk, chosen)
                    assert alone is None or not torch.equal(both, alone), (one, first, other, second)
    assert together

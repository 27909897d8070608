"""Laws that every sampler in the table keeps; a new one is picked up from there.

Data that are a Gaussian have an ideal denoiser in closed form, and it is affine. So a whole run, noise and
all, is an affine map, which `moments` reads off exactly: no statistics, no tolerance for luck.
"""

import gc
import math
import weakref
from bisect import bisect
from itertools import pairwise

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, Eval, Level, drive
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.ddim import ddim
from sfumato.diffusion.samplers.ddpm import ddpm
from sfumato.diffusion.samplers.euler import euler
from sfumato.diffusion.samplers.euler_ancestral import euler_ancestral

MEAN, SPREAD = 0.7, 0.4


def geometric(steps: int, top: float = 10.0, bottom: float = 0.05) -> list[Level]:
    return [Level(1.0, top * (bottom / top) ** (index / steps)) for index in range(steps + 1)]


def straight(steps: int, bottom: float = 0.05) -> list[Level]:
    """A flow's line from pure noise, where the signal-to-noise ratio is zero, down to ``bottom``."""
    sigmas = (1 - (1 - bottom) * index / steps for index in range(steps + 1))
    return [Level(1 - sigma, sigma) for sigma in sigmas]


def round_line(steps: int) -> list[Level]:
    """The variance-preserving line of the first papers: no model here walks it, samplers need not know."""
    angles = (math.pi / 2 * (0.98 - 0.95 * index / steps) for index in range(steps + 1))
    return [Level(math.cos(angle), math.sin(angle)) for angle in angles]


LINES = {"alpha = 1": geometric, "alpha = 1 - sigma": straight, "round": round_line}

every_sampler = pytest.mark.parametrize("name", SAMPLERS)
every_line = pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())


def gain(level: Level, spread: float) -> float:
    return level.alpha * spread**2 / ((level.alpha * spread) ** 2 + level.sigma**2)


def answer_for(mean: float, spread: float):
    """The ideal denoiser of data ~ N(mean, spread^2)."""

    def answer(question: Eval) -> Denoised:
        x, level = question
        return Denoised(mean + gain(level, spread) * (x - level.alpha * mean))

    return answer


def truth(level: Level, mean: float, spread: float) -> tuple[float, float]:
    return level.alpha * mean, (level.alpha * spread) ** 2 + level.sigma**2


def moments(sampler, levels: list[Level], mean: float, spread: float) -> tuple[float, float]:
    """The exact mean and variance at the last level, over all starts and all noise.

    The channels of x are coefficients: of 1, of the start's noise, and of every later draw of noise.
    """
    channels = torch.eye(2 + 12 * len(levels), dtype=torch.float64)[..., None, None]
    one, start, *later = channels.split(1)
    noise = Coefficients(later)

    def answer(question: Eval) -> Denoised:
        x, level = question
        g = gain(level, spread)
        return Denoised(g * x + mean * (1 - g * level.alpha) * one)

    first_mean, first_variance = truth(levels[0], mean, spread)
    x = first_mean * one + math.sqrt(first_variance) * start
    x = drive(sampler(x, levels, noise), answer).flatten()
    return x[0].item(), x[1:].square().sum().item()


class Coefficients:
    """Noise whose every draw is a channel of its own, on the Brownian path too."""

    def __init__(self, channels: list[torch.Tensor]) -> None:
        self.fresh = iter(channels)
        self.times: list[float] = []  # at which the path is known, and
        self.ways: list[torch.Tensor] = []  # how far it goes from each to the next

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        return next(self.fresh)

    def between(self, like: torch.Tensor, here: Level, there: Level) -> torch.Tensor:
        start, end = ((level.alpha / level.sigma) ** 2 for level in (here, there))
        assert start < end
        self._know(start)
        self._know(end)
        first, last = self.times.index(start), self.times.index(end)
        return sum(self.ways[first:last]) / math.sqrt(end - start)

    def _know(self, time: float) -> None:
        """Cut the path at a time: on from its ends freely, between two times given both."""
        if time in self.times:
            return
        place = bisect(self.times, time)
        self.times.insert(place, time)
        if place == len(self.times) - 1:
            if place:
                self.ways.append(math.sqrt(time - self.times[-2]) * next(self.fresh))
        elif place == 0:
            self.ways.insert(0, math.sqrt(self.times[1] - time) * next(self.fresh))
        else:
            left, right = time - self.times[place - 1], self.times[place + 1] - time
            whole = self.ways[place - 1]
            part = left / (left + right) * whole + math.sqrt(left * right / (left + right)) * next(self.fresh)
            self.ways[place - 1 : place] = [part, whole - part]


def error(sampler, levels: list[Level]) -> float:
    """Of mean and variance, for the worst of three data: narrow, middling and wide.

    For one kind of data alone the first terms of an error may cancel at some number of steps, which feigns an
    order that the sampler does not have, or hides the one that it has.
    """
    worst = 0.0
    for spread in (SPREAD / 2, SPREAD, 1.5):
        found, wanted = moments(sampler, levels, MEAN, spread), truth(levels[-1], MEAN, spread)
        worst = max(worst, *(abs(f - w) for f, w in zip(found, wanted, strict=True)))
    return worst


def start_of(levels: list[Level], seed: int = 0, size: int = 4) -> torch.Tensor:
    return levels[0].sigma * SeededNoise(seed)(torch.empty(1, 2, size, size, dtype=torch.float64))


BETTER = {
    ("plms", straight),  # its weights are for equal steps, which these are: the third order of its first step
    ("pndm", straight),  # the same, and its first steps are of fourth order as well
    ("unipc", geometric),  # third, the corrector's; at alpha = 1 its first step, Euler's, errs least of all
}
"""Where a sampler is better than the table says, which must hold on every line."""


@every_line
@pytest.mark.parametrize(
    "name", [name for name in SAMPLERS if SAMPLERS[name].order and not SAMPLERS[name].adaptive]
)
def test_error_shrinks_at_the_advertised_order(name, line):
    """Over steps that fall into blocks of two and of three: what is left over is of lower order."""
    listing = SAMPLERS[name]
    coarse, fine = error(listing.sampler, line(96)), error(listing.sampler, line(192))
    assert fine < 0.1
    measured = math.log2(coarse / fine)
    assert measured > listing.order - 0.3  # far from the order below, if not quite there yet
    if (name, line) in BETTER:
        assert measured > listing.order + 0.7  # else it is no exception
    else:
        assert measured < listing.order + 0.7  # and none the table could claim


@every_line
@pytest.mark.parametrize("name", [name for name in SAMPLERS if SAMPLERS[name].adaptive])
def test_an_adaptive_sampler_pays_for_its_accuracy_at_the_advertised_order(name, line):
    """Its steps are as many as its tolerance asks: twice as many, and the error is 2**order times less."""
    listing = SAMPLERS[name]

    def run(tolerance: float) -> tuple[float, int]:
        asked = 0

        def counted(x, levels, noise):
            nonlocal asked
            steps, reply = listing.sampler(x, levels, noise, rtol=tolerance, atol=tolerance / 10), None
            while True:
                try:
                    question = steps.send(reply)
                except StopIteration as done:
                    return done.value
                asked += 1
                reply = yield question

        return error(counted, line(8)), asked

    (coarse, few), (fine, many) = run(5e-4), run(5e-8)  # far apart: between them it jumps
    assert fine < 1e-4
    measured = math.log(coarse / fine) / math.log(many / few)
    assert listing.order - 0.15 < measured < listing.order + 0.8
    ends = [
        drive(listing.sampler(start_of(line(3)), line(steps), SeededNoise(1)), answer_for(MEAN, SPREAD))
        for steps in (3, 30)
    ]
    torch.testing.assert_close(*ends, rtol=1e-12, atol=1e-12)


@every_line
@pytest.mark.parametrize("name", [name for name in SAMPLERS if SAMPLERS[name].order == 0])
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_a_sampler_of_no_order_is_exact_where_every_answer_is_the_end_of_the_ode(name, steps, line):
    """Which is so, whatever the level, for data that are one point; more steps bring it nothing."""
    levels = line(steps)
    found = moments(SAMPLERS[name].sampler, levels, MEAN, 0.0)
    assert found == pytest.approx(truth(levels[-1], MEAN, 0.0), rel=1e-10)
    coarse, fine = error(SAMPLERS[name].sampler, line(24)), error(SAMPLERS[name].sampler, line(96))
    assert fine > coarse / 2


@every_sampler
def test_a_walk_to_sigma_zero_leaves_no_noise(name):
    """Where the data are one point, that is where it ends, whether or not its last step looks back."""
    for levels in ([*geometric(6), Level(1.0, 0.0)], flow_uniform(6)):
        x = drive(SAMPLERS[name].sampler(start_of(levels), levels, SeededNoise(1)), answer_for(MEAN, 0.0))
        torch.testing.assert_close(x, torch.full_like(x, MEAN), rtol=1e-12, atol=1e-12)


@every_sampler
def test_a_walk_straight_to_sigma_zero_ends_on_the_last_clean_guess(name):
    for levels in ([Level(1.0, 10.0), Level(1.0, 0.0)], flow_uniform(1)):
        guesses = []

        def answer(question, guesses=guesses):
            guesses.append(answer_for(MEAN, SPREAD)(question))
            return guesses[-1]

        x = drive(SAMPLERS[name].sampler(start_of(levels), levels, SeededNoise(1)), answer)
        torch.testing.assert_close(x, guesses[-1].clean, rtol=1e-12, atol=1e-12)


@every_sampler
@pytest.mark.parametrize("line", ["alpha = 1", "flow"])
def test_the_table_says_in_how_few_steps_nothing_but_eulers_are_left(name, line):
    """For data in two heaps, where every step but Euler's leads elsewhere."""
    listing = SAMPLERS[name]

    def is_euler(steps: int) -> bool:
        walk = [*geometric(20)[:steps], Level(1.0, 0.0)] if line == "alpha = 1" else flow_uniform(steps)
        ends = [
            drive(sampler(start_of(walk), walk, SeededNoise(1)), two_heaps)
            for sampler in (listing.sampler, euler)
        ]
        return torch.allclose(*ends, rtol=1e-9, atol=1e-9)

    assert all(is_euler(steps) for steps in range(1, listing.euler_below))
    if listing.euler_below > 1:
        assert not is_euler(listing.euler_below)
    else:  # it is Euler's, or made for one step
        assert name in ("euler", "ddim") or listing.order == 0
    assert listing.fewest == (2 if listing.own_levels else 1)
    assert listing.fewest <= max(2, listing.euler_below)


def two_heaps(question: Eval) -> Denoised:
    """The ideal denoiser of data near -0.6 and 0.6."""
    x, (alpha, sigma) = question
    variance = (0.3 * alpha) ** 2 + sigma**2
    signal = alpha * 0.3**2 / variance
    return Denoised(signal * x + 0.6 * (1 - alpha * signal) * torch.tanh(0.6 * alpha * x / variance))


@every_sampler
def test_a_walk_costs_the_evaluations_that_the_table_says(name):
    asked, levels = [], flow_uniform(7, shift=2.0)

    def answer(question):
        asked.append(question.level)
        return answer_for(MEAN, SPREAD)(question)

    drive(SAMPLERS[name].sampler(start_of(levels), levels, SeededNoise(1)), answer)
    listing = SAMPLERS[name]
    if listing.adaptive:  # steps of its own, and one to sigma 0
        assert (len(asked) - 1) % listing.evaluations == 0
    else:
        spared = 7 * listing.evaluations + listing.warm_up - len(asked)
        assert 0 <= spared < 7  # the first and last steps may be cheaper
    if listing.own_levels:
        assert asked[-1] == levels[-2]
        assert asked != levels[:-1]
    elif listing.evaluations == 1:
        assert spared == 0
        assert asked[-4:] == levels[-5:-1]
        assert listing.warm_up or asked == levels[:-1]
    assert asked[0] == levels[0]
    assert all(level.sigma > 0 and level.alpha == pytest.approx(1 - level.sigma) for level in asked)


@every_sampler
def test_a_sampler_keeps_shape_and_type_and_writes_into_nothing_it_was_given(name):
    levels = flow_uniform(5)
    x = start_of(levels).float()
    seen = [(x, x.clone())]

    def answer(question):
        reply = answer_for(MEAN, SPREAD)(question)
        seen.extend((tensor, tensor.clone()) for tensor in (question.x, reply.clean))
        return reply

    got = drive(SAMPLERS[name].sampler(x, levels, SeededNoise(1)), answer)
    assert (got.shape, got.dtype) == (x.shape, x.dtype)
    assert all(torch.equal(now, before) for now, before in seen)


@every_sampler
def test_a_walk_of_one_level_stays_where_it_is(name):
    x = start_of([Level(1.0, 3.0)])
    assert torch.equal(
        drive(SAMPLERS[name].sampler(x, [Level(1.0, 3.0)], SeededNoise(1)), answer_for(0, 1)), x
    )


@every_sampler
def test_the_same_seed_draws_the_same_picture_and_only_the_start_and_noise_decide(name):
    levels = flow_uniform(5)

    def picture(seed: int) -> torch.Tensor:
        torch.manual_seed(gc.get_count()[0])  # whatever the global generator holds
        return drive(
            SAMPLERS[name].sampler(start_of(levels, seed), levels, SeededNoise(seed)),
            answer_for(MEAN, SPREAD),
        )

    assert torch.equal(picture(3), picture(3))
    assert not torch.allclose(picture(3), picture(4))


@every_sampler
def test_closing_a_half_run_sampler_frees_its_tensors(name):
    levels = geometric(6)
    steps = SAMPLERS[name].sampler(start_of(levels), levels, SeededNoise(1))
    held, question = [], next(steps)
    for _ in range(3):
        reply = answer_for(MEAN, SPREAD)(question)
        held += [weakref.ref(question.x), weakref.ref(reply.clean)]
        question = steps.send(reply)
    held.append(weakref.ref(question.x))
    del question, reply
    assert held[-1]() is not None  # the paused sampler holds at least where it stands
    steps.close()
    gc.collect()
    assert [ref() for ref in held] == [None] * len(held)


@every_sampler
def test_the_table_says_whether_noise_is_drawn_on_the_way(name):
    drawn = []

    class Counted(SeededNoise):
        def __call__(self, like):
            drawn.append(like)
            return super().__call__(like)

        def between(self, like, here, there):
            drawn.append(like)
            return super().between(like, here, there)

    levels = geometric(6)
    drive(SAMPLERS[name].sampler(start_of(levels), levels, Counted(1)), answer_for(MEAN, SPREAD))
    assert bool(drawn) == SAMPLERS[name].random


@every_line
@pytest.mark.parametrize("steps", [1, 3, 10])
@pytest.mark.parametrize("sampler", [ddpm, euler_ancestral])
def test_the_posterior_variance_is_exact_for_data_that_are_one_point(sampler, steps, line):
    levels = line(steps)
    assert moments(sampler, levels, MEAN, 0.0) == pytest.approx(truth(levels[-1], MEAN, 0.0), rel=1e-10)


@every_line
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_the_large_variance_of_ddpm_is_exact_for_standard_normal_data(steps, line):
    levels = line(steps)

    def large(x, levels, noise):
        return ddpm(x, levels, noise, variance="large")

    assert moments(large, levels, 0.0, 1.0) == pytest.approx(truth(levels[-1], 0.0, 1.0), rel=1e-10)
    assert moments(ddpm, levels, 0.0, 1.0)[1] < truth(levels[-1], 0.0, 1.0)[1] - 1e-6


@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_adds_no_noise_to_a_finished_latent(variance):
    last = [Level(1.0, 0.3), Level(1.0, 0.0)]
    finished = drive(ddpm(torch.ones(1), last, torch.ones_like, variance=variance), answer_for(MEAN, 0.0))
    assert finished.item() == pytest.approx(MEAN)


def test_an_unknown_variance_of_ddpm_is_refused():
    with pytest.raises(ValueError, match="variance of ddpm 'larg': did you mean large"):
        next(ddpm(torch.zeros(1, 1, 1, 1), geometric(2), SeededNoise(0), variance="larg"))


def test_ddpm_adds_exactly_the_betas_of_the_paper():
    """On the round line one link of the chain has beta = 1 - a / a', and eq. 7's variance beneath it."""
    for here, there in pairwise(round_line(5)):
        beta = 1 - (here.alpha / there.alpha) ** 2
        small = (1 - there.alpha**2) / (1 - here.alpha**2) * beta
        for variance, wanted in (("small", small), ("large", beta)):
            drawn = ddpm(torch.zeros(1), [here, there], torch.ones_like, variance=variance)
            found = drive(drawn, lambda question: Denoised(torch.zeros(1))).item()
            assert found == pytest.approx(math.sqrt(wanted), rel=1e-6)


@every_line
def test_ddim_joins_euler_at_eta_zero_and_ddpm_at_eta_one(line):
    levels = line(8)
    x = start_of(levels)

    def run(sampler, **options):
        return drive(sampler(x, levels, SeededNoise(5), **options), answer_for(MEAN, SPREAD))

    torch.testing.assert_close(run(ddim), run(euler), rtol=0, atol=0)
    torch.testing.assert_close(run(ddim, eta=1.0), run(ddpm), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(run(ddim, eta=0.5), run(ddim))

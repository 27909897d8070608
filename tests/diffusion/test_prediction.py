"""The four meanings of an output, at every level they are used at."""

import math

import pytest
import torch

from sfumato.diffusion.prediction import EPSILON, FLOW, PREDICTIONS, V, noised

CLEAN, NOISE = torch.randn(
    2, 5, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
).unbind()

LEVELS = [(1.0, 0.03), (1.0, 14.6), (0.6, 0.8), (0.999, 0.001), (0.25, 0.75)]
every_prediction = pytest.mark.parametrize("prediction", PREDICTIONS.values(), ids=PREDICTIONS.keys())


@pytest.mark.parametrize(("alpha", "sigma"), LEVELS)
@every_prediction
def test_the_target_leads_back_to_the_clean_latent(prediction, alpha, sigma):
    x = noised(CLEAN, NOISE, alpha, sigma)
    back = prediction.clean(prediction.target(CLEAN, NOISE, alpha, sigma), x, alpha, sigma)
    torch.testing.assert_close(back, CLEAN, rtol=1e-10, atol=1e-10)


@every_prediction
def test_a_batch_of_mixed_levels_is_each_row_at_its_own(prediction):
    alphas, sigmas = (torch.tensor(row, dtype=torch.float64) for row in zip(*LEVELS, strict=True))
    alpha, sigma = alphas[:, None, None, None], sigmas[:, None, None, None]
    x = noised(CLEAN, NOISE, alpha, sigma)
    target = prediction.target(CLEAN, NOISE, alpha, sigma)
    clean = prediction.clean(NOISE, x, alpha, sigma)
    seen = prediction.network_input(x, sigma)
    for row, (a, s) in enumerate(LEVELS):
        torch.testing.assert_close(x[row], noised(CLEAN[row], NOISE[row], a, s))
        torch.testing.assert_close(target[row], prediction.target(CLEAN[row], NOISE[row], a, s))
        torch.testing.assert_close(clean[row], prediction.clean(NOISE[row], x[row], a, s))
        torch.testing.assert_close(seen[row], prediction.network_input(x[row], s))


@pytest.mark.parametrize("name", ["clean", "flow", "v"])
def test_pure_noise_still_has_a_clean_latent(name):
    prediction = PREDICTIONS[name]
    back = prediction.clean(prediction.target(CLEAN, NOISE, 0.0, 1.0), NOISE, 0.0, 1.0)
    torch.testing.assert_close(back, CLEAN)


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
@pytest.mark.parametrize("name", ["epsilon", "v", "clean"])
def test_alpha_one_is_the_variance_preserving_model_in_other_units(name, sigma):
    """The network sees the unit-variance latent, and the output means the same on both lines."""
    prediction = PREDICTIONS[name]
    length = math.hypot(1.0, sigma)
    x = noised(CLEAN, NOISE, 1.0, sigma)
    inside = noised(CLEAN, NOISE, 1.0 / length, sigma / length)
    torch.testing.assert_close(prediction.network_input(x, sigma), inside)
    torch.testing.assert_close(
        prediction.clean(NOISE, x, 1.0, sigma),
        prediction.clean(NOISE, inside, 1.0 / length, sigma / length),
    )


def test_the_targets_are_those_of_the_papers():
    angle = 0.4
    alpha, sigma = math.cos(angle), math.sin(angle)
    assert torch.equal(EPSILON.target(CLEAN, NOISE, alpha, sigma), NOISE)
    assert torch.equal(FLOW.target(CLEAN, NOISE, alpha, sigma), NOISE - CLEAN)
    torch.testing.assert_close(V.target(CLEAN, NOISE, alpha, sigma), alpha * NOISE - sigma * CLEAN)


def test_a_flow_network_sees_the_latent_as_it_is():
    assert torch.equal(FLOW.network_input(CLEAN, 0.7), CLEAN)

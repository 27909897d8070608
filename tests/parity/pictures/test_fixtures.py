"""The files of the fixture ``pipelines`` are what they say: diffusers reads them, and draws the same."""

from collections.abc import Iterator

import diffusers
import numpy as np
import pytest
import torch

# The reference hands tensors to numpy in the way of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = diffusers.logging.get_verbosity()
    diffusers.logging.set_verbosity_error()
    yield
    diffusers.logging.set_verbosity(before)


def drawn(pipe, prompt: str) -> np.ndarray:
    pipe.set_progress_bar_config(disable=True)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    size = {"height": 64, "width": 64, "output_type": "np"}
    return pipe(prompt, negative_prompt="fog", num_inference_steps=3, latents=latents, **size).images[0]


@pytest.mark.parametrize("name", ["sd1", "sd2-v", "sdxl"])
def test_diffusers_reads_the_original_names_and_draws_the_same(pipelines, name):
    """The conversion was written by us; diffusers' own, which goes the other way, agrees with it."""
    made = pipelines.reference(name)
    expected = drawn(made, "two green fish")
    file = type(made).from_single_file(
        str(pipelines.file(name)), config=str(pipelines.folder(name)), local_files_only=True
    )
    np.testing.assert_allclose(drawn(file, "two green fish"), expected, atol=1e-4)
    assert np.abs(drawn(made, "a red sea") - expected).mean() > 5 / 255, "words without effect hide faults"
    assert np.mean((expected <= 0) | (expected >= 1)) < 0.1, "a black and white picture hides what is between"

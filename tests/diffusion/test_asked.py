"""A sampler by any of its names, with options, perhaps with a spacing behind it."""

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.noise import SeededNoise
from sfumato.diffusion.protocol import Denoised, drive
from sfumato.diffusion.samplers import SAMPLERS
from sfumato.diffusion.samplers.asked import sampler_asked
from sfumato.errors import InputError


@pytest.mark.parametrize(
    ("text", "own", "spacing"),
    [
        ("dpmpp_2m", "dpmpp_2m", None),
        ("DPM++ 2M", "dpmpp_2m", None),
        ("DPM++ 2M Karras", "dpmpp_2m", "karras"),
        ("dpm++ 2m sgm uniform", "dpmpp_2m", "sgm_uniform"),
        ("Euler a", "euler_ancestral", None),
        ("Euler a Karras", "euler_ancestral", "karras"),
        ("ddim(eta=0.5)", "ddim", None),
    ],
)
def test_names_of_other_tools_are_understood(text, own, spacing):
    asked = sampler_asked(text)
    assert asked.listing is SAMPLERS[own]
    assert asked.spacing == spacing


def test_options_reach_the_sampler():
    def picture(text):
        x, levels = torch.ones(1, 1, 2, 2), flow_uniform(4)
        sampler = sampler_asked(text).sampler
        return drive(sampler(x, levels, SeededNoise(1)), lambda question: Denoised(question.x / 2))

    assert torch.equal(picture("ddim"), picture("ddim(eta=0)"))
    assert not torch.allclose(picture("ddim"), picture("ddim(eta=1)"))


def test_a_word_among_the_options_needs_no_quotes():
    assert sampler_asked("dpmpp_2m(solver=heun)").sampler.keywords == {"solver": "heun"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dpmpp_2x", "did you mean .*dpmpp_2m"),
        ("DPM++ 2M Carras", "unknown sampler 'DPM.. 2M Carras'"),
        ("ddim(churn=1)", "sampler ddim has no option 'churn': it has eta"),
        ("DDIM(eta='a')", "eta of sampler ddim is a number"),
    ],
)
def test_what_there_is_not_is_told_with_the_way_out(text, says):
    with pytest.raises(InputError, match=says):
        sampler_asked(text)


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("sampler", ["ddim", "euler_ancestral"])
def test_a_share_outside_0_to_1_is_refused(sampler, eta):
    with pytest.raises(InputError, match="eta"):
        next(SAMPLERS[sampler].sampler(torch.ones(1), flow_uniform(3), SeededNoise(1), eta=eta))

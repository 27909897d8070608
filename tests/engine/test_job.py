import pytest
import torch

from sfumato.diffusion.samplers import SAMPLERS
from sfumato.engine import Engine, drawing
from sfumato.engine.question import Encode
from sfumato.errors import InputError
from sfumato.families.model import Wording
from sfumato.request import Request


def drawn(model, **wishes):
    ((ended,),) = [round_ for round_ in Engine(model).run([drawing(Request(**wishes), model)]) if round_]
    if isinstance(ended.outcome, Exception):
        raise ended.outcome
    return ended.outcome


def test_a_request_that_cannot_be_drawn_fails_before_it_asks_anything(glass):
    for wrong in ({"size": (5, 5)}, {"sampler": "eular"}):
        with pytest.raises(InputError):
            next(drawing(Request(prompt="a", seed=0, **wrong), glass))
    assert glass.texts == []


@pytest.mark.parametrize(
    "sampler",
    ["ddim(eta=2)", "lms(order=9)", "heun(churn=1, between=[2, 3])", "dpmpp_sde(eta=0, noise_scale=2)"],
)
def test_values_that_a_sampler_refuses_cost_no_encoding(glass, sampler):
    with pytest.raises(InputError):
        drawn(glass, prompt="a cat", seed=0, steps=4, sampler=sampler)
    assert glass.texts == []
    drawn(glass, prompt="a cat", seed=0, steps=4, sampler="heun(churn=1, between=[0.2, 0.8])")
    assert glass.texts == ["a cat", ""]


def test_the_first_question_is_what_the_words_mean(glass):
    job = drawing(Request(prompt="a cat", negative="fog", seed=0), glass)
    wanted, unwanted = Wording(text="a cat", size=(8, 8)), Wording(text="fog", size=(8, 8), unwanted=True)
    assert next(job) == [Encode(wanted), Encode(unwanted)]
    job.close()


@pytest.mark.parametrize("guidance", [0, 1, 1.0])
def test_without_guidance_no_unconditional_row_is_computed_and_no_negative_read(glass, guidance):
    drawn(glass, prompt="cat", negative="foggy", seed=0, steps=4, guidance=guidance)
    assert glass.texts == ["cat"]
    assert {call.conditioning.context.max().item() for forward in glass.forwards for call in forward} == {3.0}


def test_a_negative_prompt_without_guidance_is_noted(glass):
    assert any("no effect at guidance 1:" in note for note in drawn(
        glass, prompt="cat", negative="fog", seed=0, steps=1, guidance=1).notes)  # fmt: skip
    assert drawn(glass, prompt="cat", seed=0, steps=3, guidance=1).notes == ("read cat",)


def test_notes_on_the_negative_prompt_say_that_they_are(glass):
    assert drawn(glass, prompt="cat", negative="fog", seed=0, steps=3).notes == (
        "read cat", "negative prompt: read fog",
    )  # fmt: skip


def test_a_negative_prompt_that_attracts_is_noted(glass):
    wish = {"prompt": "cat", "seed": 0, "steps": 1, "guidance": 0.5}
    assert any(
        "guidance 0.5" in note and "towards" in note for note in drawn(glass, negative="fog", **wish).notes
    )
    for quiet in (wish, {**wish, "guidance": 2, "negative": "fog"}):
        assert not any("towards" in note for note in drawn(glass, **quiet).notes)


def test_another_size_than_the_learned_one_is_noted(glass):
    (*_, note) = drawn(glass, prompt="cat", seed=0, steps=1, size=(8, 16)).notes
    assert "learned pictures of 8x8" in note


def test_guidance_moves_the_picture_away_from_the_negative(glass):
    plain, guided, away = (
        drawn(glass, prompt="a long prompt", seed=0, steps=3, **wishes).picture
        for wishes in ({"guidance": 1}, {"guidance": 3}, {"guidance": 3, "negative": "longer by far, this"})
    )
    assert (guided > plain).all()  # the empty prompt lies below the prompt, so guidance goes up
    assert (away < plain).all()  # the long negative lies above it


def test_the_watcher_sees_every_step_once_and_in_order(glass):
    seen = []
    list(Engine(glass).run([drawing(Request(prompt="a", seed=1, steps=5), glass, seen.append)]))
    assert [(step.index, step.total) for step in seen] == [(k, 5) for k in range(1, 6)]
    assert all(step.clean.shape == (1, 2, 8, 8) for step in seen)


def test_a_picture_that_left_all_bounds_is_an_error_and_not_a_black_square(glass):
    """Its last step may be the one: nothing but the walk itself then looks at it."""
    glass.denoise = lambda calls: [
        torch.full_like(call.x, 3e38 if call.conditioning.context.any() else -3e38) for call in calls
    ]
    for steps in (1, 2, 5):
        with pytest.raises(InputError, match="out of all bounds"):
            drawn(glass, prompt="a", seed=0, steps=steps, sampler="euler", guidance=5.0)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if SAMPLERS[name].fewest > 1])
def test_fewer_steps_than_a_sampler_needs_are_refused_with_those_it_needs(glass, sampler):
    with pytest.raises(InputError, match=f"{sampler} cannot draw in so few steps as 1: ask for at least 2"):
        drawn(glass, prompt="cat", seed=0, steps=1, sampler=sampler)
    assert glass.texts == []
    drawn(glass, prompt="cat", seed=0, steps=2, sampler=sampler)


def test_a_walk_in_which_nothing_of_the_sampler_is_left_is_noted(glass):
    def notes(sampler, steps):
        return drawn(glass, prompt="cat", seed=0, steps=steps, sampler=sampler).notes

    for sampler, few, enough in (("dpmpp_2m", 2, 3), ("heun", 1, 2)):
        told = f"{sampler} in so few steps as {few} is Euler's method: it differs from {enough} on"
        assert told in notes(sampler, few)
        assert not any("Euler's method" in note for note in notes(sampler, enough))
    assert not any("Euler's method" in note for sampler in ("euler", "lcm") for note in notes(sampler, 1))


def test_a_sampler_that_chooses_its_own_levels_says_what_it_does_not_heed(glass):
    def notes(sampler):
        return drawn(glass, prompt="cat", seed=0, steps=4, sampler=sampler).notes

    assert any("steps of its own" in note for note in notes("dpm_adaptive"))
    assert any("levels of its own" in note for note in notes("dpm_fast"))
    assert not any("of its own" in note for note in notes("dpmpp_2m"))

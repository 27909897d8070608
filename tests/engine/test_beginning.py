"""A walk that does not begin where its model does is told, with what it begins from."""

import re

import pytest

from sfumato.diffusion.levels import discrete_sigmas, scaled_linear_betas, trained_levels
from sfumato.engine import Engine, drawing
from sfumato.engine.beginning import beginning_note
from sfumato.request import Request

STABLE = discrete_sigmas(scaled_linear_betas())


def drawn(model, **wishes):
    request = Request(prompt="a red cat", seed=1, sampler="euler", guidance=1, **wishes)
    ((ended,),) = [round_ for round_ in Engine(model).run([drawing(request, model)]) if round_]
    if isinstance(ended.outcome, Exception):
        raise ended.outcome
    return ended.outcome


def test_a_picture_tells_that_its_walk_began_with_noise_and_nothing_else(tiny_world):
    notes = drawn(tiny_world, steps=1, levels="custom(0.3, 0)").notes
    assert any("begins from pure noise scaled to 0.3, and the model's own at 1" in note for note in notes)
    for whole in (None, "custom(1, 0)", "karras"):
        assert not any("begins from" in note for note in drawn(tiny_world, steps=1, levels=whole).notes)


@pytest.mark.parametrize(
    ("spacing", "says"),
    [
        ("custom(14.615, 2, 0)", None),  # the paper's rounded 14.6146
        ("karras(rho=3)", None),
        ("simple", None),
        ("leading", "scaled to .*expects to see the picture already"),
        ("custom(5, 1, 0)", "scaled to 5, .* own at 14.61: .*expects to see"),
        ("custom(80, 1, 0)", "scaled to 80, .* never saw so much noise"),
    ],
)
def test_levels_are_compared_with_the_models_own(spacing, says):
    notes = beginning_note(trained_levels(spacing, 2, STABLE), trained_levels("normal", 2, STABLE))
    assert bool(notes) == (says is not None)
    assert all(re.search(says, note) for note in notes)


def test_what_the_model_does_by_itself_is_not_held_against_it():
    own = trained_levels("leading", 4, STABLE)
    assert beginning_note(own, own) == []

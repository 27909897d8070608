"""A prompt that changes on the way asks the guide of the stage that it is in."""

import pytest
import torch

from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.prediction import FLOW
from sfumato.diffusion.protocol import Conditioning, Denoised, Eval, Level, drive
from sfumato.engine.staged import MOST_CHUNKS, staged, stages_asked
from sfumato.engine.wish import wishes
from sfumato.errors import InputError
from sfumato.families.model import Encoded
from sfumato.request import Request
from sfumato.text.clip import LENGTH

LEVELS = [Level(1.0, sigma) for sigma in (10.0, 5.0, 2.0, 1.0, 0.0)]


def named(value):
    def guide(question):
        yield []
        return Denoised(torch.full((1,), float(value)))

    return guide


def answer(guide, sigma):
    return drive(guide(Eval(torch.zeros(1), Level(1.0, sigma))), lambda _: []).clean.item()


def test_each_step_asks_the_guide_of_its_stage():
    guide = staged([(0, named(0)), (2, named(2)), (3, named(3))], LEVELS)
    assert [answer(guide, level.sigma) for level in LEVELS[:-1]] == [0, 0, 2, 3]


def test_a_question_between_two_levels_belongs_to_the_step_under_way():
    guide = staged([(0, named(0)), (2, named(2))], LEVELS)
    assert [answer(guide, sigma) for sigma in (12.0, 7.0, 3.0, 1.5)] == [0, 0, 0, 2]


def test_one_stage_is_its_guide_itself():
    only = named(1)
    assert staged([(0, only)], LEVELS) is only


@pytest.mark.parametrize("firsts", [[], [1, 2], [0, 3, 2], [0, 2, 2]])
def test_stages_must_rise_from_the_first_step(firsts):
    with pytest.raises(ValueError, match="rise from 0"):
        staged([(first, named(first)) for first in firsts], LEVELS)


def test_what_is_kept_of_all_that_a_prompt_says_is_bounded():
    """Three wheels of 7, 11 and 13 words say 1001 things, and each is kept until the picture is done."""
    turns = "".join(f"[{'|'.join(map(str, range(prime)))}]" for prime in (7, 11, 13))

    def read(steps):
        stages = wishes(Request(prompt=turns, seed=0, steps=steps), (8, 8)).stages
        count = 0

        def answer(asked):
            nonlocal count
            count += len(asked)
            return [Encoded(Conditioning(torch.zeros(1, LENGTH, 1))) for _ in asked]

        drive(stages_asked(stages, FLOW, flow_uniform(steps)), answer)
        return count

    assert read(MOST_CHUNKS - 1) == MOST_CHUNKS
    with pytest.raises(InputError, match=f"more than {MOST_CHUNKS} chunks of text in its steps"):
        read(1001)

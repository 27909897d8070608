"""Guides: which rows they ask, and how they mix the answers."""

import pytest
import torch

from sfumato.diffusion.guidance import GUIDES, cfg, plain
from sfumato.diffusion.protocol import NO_EXTRAS, Conditioning, Eval, Level

CAT, NOTHING = (Conditioning(torch.full((1, 3, 2), float(n))) for n in (1, 2))
QUESTION = Eval(torch.ones(1, 4, 2, 2), Level(0.25, 0.75))


def answered(guide, *answers: float):
    asking = guide(QUESTION)
    calls = next(asking)
    with pytest.raises(StopIteration) as done:
        asking.send([torch.full_like(QUESTION.x, answer) for answer in answers])
    return calls, done.value.value


def test_plain_asks_one_row_and_passes_its_answer_on():
    calls, got = answered(plain(CAT), 5.0)
    assert [call.conditioning for call in calls] == [CAT]
    assert torch.equal(got.clean, torch.full_like(QUESTION.x, 5.0))
    assert got.unconditional is None


@pytest.mark.parametrize(("scale", "wanted"), [(0.0, 2.0), (1.0, 5.0), (4.0, 14.0)])
def test_cfg_goes_from_the_negative_towards_the_words_and_beyond(scale, wanted):
    calls, got = answered(cfg(CAT, NOTHING, scale), 5.0, 2.0)
    assert [call.conditioning for call in calls] == [CAT, NOTHING]
    assert torch.equal(got.clean, torch.full_like(QUESTION.x, wanted))
    assert torch.equal(got.unconditional, torch.full_like(QUESTION.x, 2.0))


@pytest.mark.parametrize(("name", "made_from"), [("none", (CAT,)), ("cfg", (CAT, NOTHING, 3.0))])
def test_every_row_stands_where_the_sampler_asked(name, made_from):
    for call in next(GUIDES[name](*made_from)(QUESTION)):
        assert call.x is QUESTION.x
        assert call.level == QUESTION.level
        assert call.extras is NO_EXTRAS


def test_the_table_is_covered_here():
    assert set(GUIDES) == {"none", "cfg"}

"""Guides by their names, as a request asks for them, down to the rows of the network."""

import pytest
import torch

from sfumato.diffusion.guidance import GUIDES
from sfumato.engine import Engine, drawing
from sfumato.engine.guides import wanted_guide
from sfumato.errors import InputError
from sfumato.request import Request

ASKED = {
    "none": "none",
    "cfg": "cfg(4, start=0.1, stop=0.9)",
    "interval": "interval(apg(4), start=0.2, stop=0.8)",
    "rescale": "rescale(cfg(8), phi=0.5)",
    "dynamic_thresholding": "dynamic_thresholding(cfg(8), mimic=3)",
    "cfg_pp": "cfg_pp(0.6)",
    "apg": "apg(6, eta=0.5)",
    "cfg_zero": "cfg_zero(4)",
    "perp_neg": "perp_neg(4, ['a dog', 1.5])",
    "compose": "compose(4, ['a blue car', 3])",
    "autoguidance": "autoguidance(3, layers=[2])",
    "pag": "pag(cfg(4), 3, layers=[2])",
    "seg": "seg(cfg(4), 3, layers=[2])",
    "slg": "slg(cfg(4), 2.5, layers=[2])",
    "nag": "nag(5)",
}
TOLD_TO_THE_NETWORK = {"distilled": "distilled(3.5)", "true_cfg": "true_cfg(2, guidance=3.5)"}


def drawn(model, **wishes):
    request = Request(**{"prompt": "a red cat", "seed": 1, "steps": 3, "sampler": "euler", **wishes})
    ((ended,),) = [round_ for round_ in Engine(model).run([drawing(request, model)]) if round_]
    if isinstance(ended.outcome, Exception):
        raise ended.outcome
    return ended.outcome


NEEDS_A_PICTURE = {"pix2pix": "pix2pix(7, picture=1.5)"}


def test_every_guide_on_the_shelf_is_asked_for_here():
    assert {*ASKED, *TOLD_TO_THE_NETWORK, *NEEDS_A_PICTURE} == GUIDES.keys()


@pytest.mark.parametrize("guidance", NEEDS_A_PICTURE.values(), ids=NEEDS_A_PICTURE.keys())
def test_a_guide_that_edits_a_picture_says_that_there_is_none(tiny_world, guidance):
    with pytest.raises(InputError, match="was given none"):
        drawn(tiny_world, guidance=guidance)


@pytest.mark.parametrize("guidance", ASKED.values(), ids=ASKED.keys())
def test_a_guide_draws_by_its_name(tiny_world, guidance):
    picture = drawn(tiny_world, guidance=guidance).picture
    assert torch.equal(picture, drawn(tiny_world, guidance=guidance).picture)
    assert torch.equal(picture, drawn(tiny_world, guidance=1).picture) == (guidance == "none")


@pytest.mark.parametrize("guidance", TOLD_TO_THE_NETWORK.values(), ids=TOLD_TO_THE_NETWORK.keys())
def test_a_scale_that_the_network_does_not_read_is_one_error(tiny_world, guidance):
    with pytest.raises(InputError, match="not distilled"):
        drawn(tiny_world, guidance=guidance)


def test_a_number_is_the_scale_of_cfg(glass):
    assert wanted_guide(Request(prompt="a", seed=0, guidance=6.5)) == wanted_guide(
        Request(prompt="a", seed=0, guidance="cfg(6.5)")
    )
    one, other = (drawn(glass, guidance=guidance).picture for guidance in (6.5, "CFG(6.5)"))
    assert torch.equal(one, other)


def test_guides_are_read_only_the_words_that_they_use(glass):
    drawn(glass, prompt="cat", guidance="compose(4, ['a blue car', 3])")
    assert glass.texts == ["cat", "", "a blue car"]


def test_a_guide_asks_no_more_rows_than_the_table_says(glass):
    drawn(glass, guidance="cfg(4, start=0.5)")
    assert [len({call.conditioning for call in forward}) for forward in glass.forwards] == [1, 1, 2]


def test_a_scale_may_follow_a_curve_or_a_list(glass):
    texts = ("cfg(4)", "cfg([4, 4, 4])", "cfg(linear(4, 4))", "cfg(linear(1, 8))")
    flat, same, curved, rising = (drawn(glass, guidance=text).picture for text in texts)
    assert torch.equal(flat, same)
    assert torch.equal(flat, curved)
    assert not torch.allclose(flat, rising)


def test_a_negative_prompt_that_the_guide_does_not_read_is_noted(tiny_world):
    assert any("no effect" in note for note in drawn(tiny_world, guidance="none", negative="dog").notes)
    assert not any("no effect" in note for note in drawn(tiny_world, guidance="apg(4)", negative="dog").notes)


@pytest.mark.parametrize(
    ("guidance", "says"),
    [
        ("cgf(4)", "unknown guide 'cgf': did you mean .*cfg"),
        ("cfg", "guide cfg needs its scale"),
        ("cfg(4, 5)", "means nothing"),
        ("cfg(4, begin=0.1)", "no option 'begin': it has start, stop"),
        ("cfg(4, start='now')", "start of guide cfg is a number"),
        ("cfg(4, start=0.9, stop=0.1)", "start before stop"),
        ("cfg([4, 4])", "2 scales for a walk of 3 steps"),
        ("rescale", "rescale wraps another"),
        ("pag(cfg(4), 3)", "pag needs layers"),
        ("pag(cfg(4), 3, layers=[99])", "99"),
        ("compose(4, ['a', 'b'])", "means nothing"),
        ("perp_neg(4)", "without a negative"),
        ("cfg_pp(7)", "share of the way"),
        ("cfg(-5)", "-5 of guide"),
        ("cfg(linear(1))", "two ends"),
        ("nag(linear(1, 2))", "takes no curve"),
        ("pag(cfg(4), 3, layers=2)", "list of whole numbers"),
        ("pag(cfg(4), 3, layers=[])", "list of whole numbers"),
        ("pag(nag(4), 3, layers=[2])", "nag does not tell"),
        ("pag(compose(2, ['a', 3]), 3, layers=[2])", "compose does not tell"),
        ("autoguidance(2)", "no weaker network"),
    ],
)
def test_what_cannot_be_made_is_one_error(tiny_world, guidance, says):
    with pytest.raises(InputError, match=says):
        drawn(tiny_world, guidance=guidance)


def test_a_sampler_that_would_not_heed_the_guide_is_refused(tiny_world):
    drawn(tiny_world, guidance="cfg_pp(0.6)", sampler="ddim")
    with pytest.raises(InputError, match=r"take one of .*ddim"):
        drawn(tiny_world, guidance="cfg_pp(0.6)", sampler="ddpm")

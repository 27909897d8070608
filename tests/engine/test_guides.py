"""Guides by their names, as a request asks for them, down to the rows of the network."""

import re

import pytest
import torch

from sfumato.diffusion.guidance import GUIDES
from sfumato.diffusion.levels import flow_uniform
from sfumato.diffusion.protocol import Denoised, Eval, drive
from sfumato.engine import Engine, drawing
from sfumato.engine.guide_tree import wanted_guide
from sfumato.engine.guides import guide_asked
from sfumato.engine.wish import wishes
from sfumato.errors import InputError
from sfumato.families.model import Wording
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
        ("cfg_pp(7)", "outside 0 to 2"),
        ("cfg(-5)", "-5 of guide"),
        ("cfg(linear(1))", "two ends"),
        ("nag(linear(1, 2))", "takes no curve"),
        ("pag(cfg(4), 3, layers=2)", "list of whole numbers"),
        ("pag(cfg(4), 3, layers=[])", "list of whole numbers"),
        ("pag(nag(4), 3, layers=[2])", "nag does not tell"),
        ("pag(compose(2, ['a', 3]), 3, layers=[2])", "compose does not tell"),
        ("autoguidance(2)", "no weaker network"),
        ("cfg_pp(linear(0, 99))", "99 .*outside 0 to 2"),
        ("cfg_pp([0.5, 0.6, 9])", "9 .*outside 0 to 2"),
        ("cfg(linear(-1, 4))", "-1 .*outside 0 to 1000"),
        ("cfg(1, start=3)", "start before stop"),
        ("cfg(1, begin=3)", "no option 'begin'"),
        ("dynamic_thresholding(cfg(8), mimic=3, bound=2)", "bound 2 has no effect beside mimic 3"),
        ("dynamic_thresholding(cfg(8), bound=2)", "has no effect beside mimic 7"),
        ("seg(cfg(4), 3, layers=[2], blur=0.1)", "reaches no other place"),
    ],
)
def test_what_cannot_be_made_is_one_error(tiny_world, guidance, says):
    with pytest.raises(InputError, match=says):
        drawn(tiny_world, guidance=guidance)


def test_a_sampler_that_would_not_heed_the_guide_is_refused(tiny_world):
    drawn(tiny_world, guidance="cfg_pp(0.6)", sampler="ddim")
    with pytest.raises(InputError, match=r"take one of .*ddim"):
        drawn(tiny_world, guidance="cfg_pp(0.6)", sampler="ddpm")


@pytest.mark.parametrize(
    "guidance", ["cgf(4)", "cfg(-5)", "apg(4, eta=9)", "nag(2, tau=0)", "cfg(1, stop=4)"]
)
def test_what_cannot_be_made_is_said_before_any_network_runs(glass, guidance):
    with pytest.raises(InputError):
        next(drawing(Request(prompt="a", seed=0, guidance=guidance), glass))
    assert glass.texts == []


@pytest.mark.parametrize("number", [0, 1, 1.0, 2, 0.5])
@pytest.mark.parametrize("text", ["cfg({})", "CFG({:.1f})", "cfg({}, start=0.0, stop=1.0)"])
def test_a_scale_as_text_means_what_the_number_means(tiny_world, glass, number, text):
    said = text.format(number)
    for negative in ("", "a dog"):
        by_text, by_number = (drawn(glass, guidance=wish, negative=negative) for wish in (said, number))
        assert torch.equal(by_text.picture, by_number.picture)
        assert len(by_text.notes) - ("start" in text and number in (0, 1)) == len(by_number.notes)
    rows = [len(forward) for forward in glass.forwards]
    assert rows == rows[: len(rows) // 4] * 4


def test_scale_1_inside_another_guide_means_no_guidance_too(glass):
    plainly, wrapped = (drawn(glass, guidance=text) for text in ("none", "rescale(cfg(1), phi=0.3)"))
    assert torch.equal(plainly.picture, wrapped.picture)
    assert {len({call.conditioning for call in forward}) for forward in glass.forwards} == {1}


def test_options_can_be_absent_in_text(glass):
    limited, free = (drawn(glass, guidance=f"apg(30, threshold={it})").picture for it in (0.01, "none"))
    assert not torch.allclose(limited, free)
    pixels = "dynamic_thresholding(cfg(40), mimic=none{})"
    wide, narrow = (drawn(glass, guidance=pixels.format(it)).picture for it in ("", ", bound=0.2"))
    assert not torch.allclose(wide, narrow)


@pytest.mark.parametrize(
    ("guidance", "says"),
    [
        (
            "cfg(4, start=0.4, stop=0.5)",
            "acts from 0.4 to 0.5 of the walk, and none of the levels stands there",
        ),
        ("cfg(4, start=0.7)", "cfg acts from 0.7 to 1 of the walk, and none"),
        ("interval(apg(4), start=0.1, stop=0.2)", "interval acts from 0.1 to 0.2 .* none"),
        ("slg(cfg(4), 2.5, layers=[2])", "slg acts from 0.01 to 0.2 of the walk, and none"),
        ("cfg(4, stop=0.99)", "all levels stand there"),
        ("cfg(1, start=0.2)", "start of .* has no effect"),
        ("rescale(none)", "rescale has no effect on none"),
        ("rescale(cfg(1))", "rescale has no effect on none"),
        ("rescale(nag(4))", "rescale has no effect on nag"),
        ("rescale(interval(nag(4), start=0.2))", "rescale has no effect on nag"),
        ("dynamic_thresholding(none)", "dynamic_thresholding has no effect on none"),
        ("dynamic_thresholding(autoguidance(2, layers=[1]))", "no effect on autoguidance"),
        ("interval(none, start=0.2)", "interval has no effect on none"),
        ("pag(cfg(4), 0, layers=[2])", "pag at scale 0 has no effect"),
    ],
)
def test_what_has_no_effect_is_noted(glass, guidance, says):
    notes = drawn(glass, guidance=guidance).notes
    assert any(re.search(says, note) for note in notes), notes


@pytest.mark.parametrize(
    "guidance",
    [*({**ASKED, "slg": "slg(cfg(4), 2, layers=[2], stop=0.5)"}).values(),
     "cfg(4, start=0.3)", "rescale(pag(none, 3, layers=[1]))", "interval(nag(4), start=0.2)",
     "dynamic_thresholding(none, mimic=none)", "rescale(compose(4, ['a blue car', 3]))",
     "slg(cfg(4), 2, layers=[1], stop=0.5)"],
)  # fmt: skip
def test_what_has_an_effect_is_not_noted(glass, guidance):
    notes = drawn(glass, guidance=guidance).notes
    assert not any("no effect" in note or "of the walk" in note for note in notes), notes


@pytest.mark.parametrize("guidance", ["apg(1)", "cfg(linear(1, 1))", "cfg([1, 1, 1])", "cfg(1.0)"])
def test_a_negative_prompt_at_scale_1_is_noted_however_it_is_said(glass, guidance):
    assert any("negative prompt has no effect" in note for note in
               drawn(glass, guidance=guidance, negative="dog").notes)  # fmt: skip
    rising = drawn(glass, guidance="cfg(linear(1, 2))", negative="dog").notes
    assert not any("no effect" in note for note in rising)


def test_the_negative_prompt_counts_where_a_scale_of_1_does_not_silence_it(glass):
    for guidance in ("cfg_pp(1)", "perp_neg(1)"):
        one, other = (
            drawn(glass, guidance=guidance, negative=text) for text in ("a dog", "a great blue car")
        )
        assert not any("no effect" in note for note in one.notes)
        assert guidance == "cfg_pp(1)" or not torch.equal(one.picture, other.picture)


@pytest.mark.parametrize("guidance", ["interval({}, start=0.3)", "interval(rescale({}), start=0.3)"])
def test_a_network_that_reads_a_scale_is_told_it_outside_of_the_interval_too(glass, guidance):
    drawn(glass, guidance=guidance.format("true_cfg(2, guidance=3.5)"))
    assert {call.conditioning.guidance for forward in glass.forwards for call in forward} == {3.5}


def test_the_table_says_what_each_guide_mixes_and_tells(tiny_world):
    """By looking at its answers: ``mixes`` and ``contrasts`` decide what is noted as without effect."""
    texts = [Wording(text=text) for text in ("", "a", "b")]
    words = dict(zip(["", "a red cat", "a dog"], tiny_world.encode(texts), strict=True))

    def answer(guidance) -> Denoised:
        ((_, wish),) = wishes(Request(prompt="a red cat", seed=0, guidance=guidance), (16, 16)).stages
        asking = guide_asked(wish, tiny_world.prediction, flow_uniform(3))
        asked = drive(asking, lambda texts: [words.get(each.wording.text, words["a dog"]) for each in texts])
        question = Eval(torch.randn(1, 2, 4, 4), flow_uniform(3)[1])
        return drive(asked.guide(question), lambda calls: [torch.randn(1, 2, 4, 4) for _ in calls])

    for name, guidance in {**ASKED, **TOLD_TO_THE_NETWORK}.items():
        if GUIDES[name].wraps:
            continue
        found = answer(guidance)
        assert (found.clean is not found.conditional) == GUIDES[name].mixes, name
        assert (found.unconditional is not None) == GUIDES[name].contrasts, name
    for name in ("pag", "seg"):
        found = answer(f"{name}(none, 3, layers=[1])")
        assert not torch.equal(found.clean, found.conditional)
        assert GUIDES[name].mixes

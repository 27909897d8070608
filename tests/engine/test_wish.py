"""What a prompt's grammar wishes for is what is drawn, step by step and text by text."""

import time

import pytest
import torch

from sfumato.adapters.deltas import Delta, LowRank
from sfumato.adapters.lora import Adapter
from sfumato.diffusion.named import Named
from sfumato.engine import Engine, drawing
from sfumato.engine.wish import wishes
from sfumato.errors import InputError
from sfumato.families.model import EDITS, FILLS
from sfumato.request import Request


def wished(prompt, **more):
    return wishes(Request(**{"prompt": prompt, "seed": 1, "steps": 4, **more}), (8, 8))


def drawn(model, prompt, pictures=None, **more):
    request = Request(**{"prompt": prompt, "seed": 1, "steps": 4, "sampler": "euler", **more})
    job = drawing(request, model, pictures=pictures or {})
    ((ended,),) = [round_ for round_ in Engine(model).run([job]) if round_]
    if isinstance(ended.outcome, Exception):
        raise ended.outcome
    return ended.outcome


def test_a_plain_prompt_is_one_stage_as_it_was_typed():
    ((first, wish),) = wished("a (red:1.2) cat", negative="fog").stages
    assert (first, wish.prompt, wish.negative, wish.guidance) == (0, "a (red:1.2) cat", "fog", 4.0)


def test_edits_of_prompt_and_negative_make_stages_together():
    stages = wished("a [cat:dog:0.5]", negative="[fog:rain:1]").stages
    assert [(first, wish.prompt, wish.negative) for first, wish in stages] == [
        (0, "a cat", "fog"),
        (1, "a cat", "rain"),
        (2, "a dog", "rain"),
    ]


def test_and_multiplies_the_scale_by_each_weight():
    ((_, wish),) = wished("a cat AND a dog :0.5", guidance=6).stages
    assert wish.guidance == Named("compose", (6.0, ("a dog", 3.0)))
    assert wish.prompt == "a cat"


def test_and_beside_another_guide_is_refused():
    with pytest.raises(InputError, match="AND guides by itself"):
        wished("a cat AND a dog", guidance="apg(7)")


def test_adapters_of_request_and_prompt_are_worn_and_their_signs_are_no_words():
    found = wished("a cat <lora:ink:0.5>", adapters=(("fog", 1.0, 1.0),))
    assert found.adapters == (("fog", 1.0, 1.0), ("ink", 0.5, 0.5))
    assert found.stages[0][1].prompt == "a cat"


def test_what_has_no_effect_in_a_negative_prompt_is_noted():
    notes = " ".join(wished("a", negative="fog AND rain <lora:ink:1>").notes)
    assert "in the negative prompt it is a word" in notes
    assert "not worn (ink)" in notes


def test_a_part_that_no_step_draws_is_noted():
    assert any("'dog' is never drawn" in note for note in wished("a [cat:dog:9]").notes)


def lengths(model):
    """What the rows of every forward were told: the glass model tells a text by its length."""
    return [sorted({int(call.conditioning.context[0, 0, 0]) for call in calls}) for calls in model.forwards]


def test_each_step_is_told_the_text_of_its_stage(glass):
    drawn(glass, "[cat:horse:0.5]", negative="fo", guidance=3)
    assert lengths(glass) == [[2, 3], [2, 3], [2, 5], [2, 5]]


def test_texts_that_take_turns_are_read_once_each(glass):
    drawn(glass, "[cat|horse]", steps=6)
    assert sorted(glass.texts) == ["", "cat", "horse"]
    assert lengths(glass) == [[0, 3], [0, 5]] * 3


def test_and_is_the_sum_of_the_ways_from_the_negative_prompt(glass):
    """By hand: one text twice by AND is that text at twice the scale."""
    twice = drawn(glass, "cat AND cat", guidance=2, negative="foggy")
    once = drawn(glass, "cat", guidance=4, negative="foggy")
    assert torch.allclose(twice.picture, once.picture, atol=1e-6)
    assert not torch.allclose(twice.picture, drawn(glass, "cat AND cat", guidance=2).picture, atol=1e-3)


def test_an_empty_stage_is_drawn_as_no_words(glass):
    drawn(glass, "[cat:0.5]", guidance=1)
    assert lengths(glass) == [[0], [0], [3], [3]]


def test_an_adapter_that_does_not_hang_is_refused_before_anything_is_read(glass):
    with pytest.raises(InputError, match="no adapter 'ink'"):
        drawn(glass, "a cat <lora:ink:1>")
    assert glass.texts == []


PICTURE, MASK = torch.zeros(1, 3, 8, 16), torch.ones(1, 1, 8, 16)


def test_what_is_seen_beside_the_latent_is_in_every_row(glass):
    glass.channels_beside = FILLS
    drawn(glass, "cat", {"p": PICTURE, "m": MASK}, picture="p", mask="m")
    assert [(picture is PICTURE, mask is MASK) for picture, mask in glass.looks] == [(True, True)]
    rows = [call.conditioning.beside for calls in glass.forwards for call in calls]
    assert all(beside is not None and beside.shape[1] == FILLS for beside in rows)
    assert {call.x.shape[2:] for calls in glass.forwards for call in calls} == {(8, 16)}


def test_a_model_that_fills_holes_fills_all_where_there_is_no_picture_and_says_so(glass):
    glass.channels_beside = FILLS
    notes = drawn(glass, "cat").notes
    ((picture, mask),) = glass.looks
    assert picture.unique().tolist() == [0.5]
    assert mask.unique().tolist() == [1.0]
    assert any("painted all of it" in note for note in notes)


@pytest.mark.parametrize(
    ("beside", "given", "told"),
    [
        (FILLS, {"picture": "p"}, "give a mask"),
        (EDITS, {"picture": "p", "mask": "m"}, "the mask would have no effect"),
        (EDITS, {}, "give it one to edit"),
        (FILLS, {"picture": "q", "mask": "m"}, "is not here"),
        (FILLS, {"picture": "p", "mask": "m", "size": (8, 8)}, "16x8 was not brought to the asked 8x8"),
    ],
)
def test_a_picture_that_would_have_no_effect_or_is_missing_is_refused(glass, beside, given, told):
    glass.channels_beside = beside
    with pytest.raises(InputError, match=told):
        drawn(glass, "cat", {"p": PICTURE, "m": MASK}, **given)
    assert glass.texts == []


@pytest.mark.parametrize(
    ("beside", "given", "told"),
    [
        (FILLS, {"picture": "p", "mask": "small"}, "the mask has 8x8 pixels, its picture 16x8: make"),
        (FILLS, {"picture": "m", "mask": "m"}, "the picture m that the request goes on from is a mask"),
        (FILLS, {"picture": "p", "mask": "p"}, "the mask p that the request goes on from is a picture"),
        (EDITS, {"picture": "m"}, "the picture m that the request goes on from is a mask"),
        (FILLS, {"picture": "p", "mask": "q"}, "the mask q that the request goes on from is not here"),
    ],
)  # fmt: skip
def test_a_mask_and_its_picture_that_do_not_go_together_are_refused(glass, beside, given, told):
    glass.channels_beside = beside
    with pytest.raises(InputError, match=told):
        drawn(glass, "cat", {"p": PICTURE, "m": MASK, "small": torch.ones(1, 1, 8, 8)}, **given)
    assert glass.looks == []


def roles(model, prompt, **more):
    """Every text that is read, and whether as one that is not wanted."""
    read = []

    class Reading:
        def __getattr__(self, name):
            return getattr(model, name)

        def encode(self, wordings):
            read.extend((wording.text, wording.unwanted) for wording in wordings)
            return model.encode(wordings)

    drawn(Reading(), prompt, **more)
    return read


@pytest.mark.parametrize(
    ("prompt", "more", "read"),
    [
        ("[cat:0.5]", {"guidance": 1}, [("", False), ("cat", False)]),
        ("[cat:0.5]", {}, [("", False), ("", True), ("cat", False)]),
        ("fog", {"negative": "fog"}, [("fog", False), ("fog", True)]),
        ("cat AND fog", {"negative": "fog"}, [("cat", False), ("fog", True), ("fog", False)]),
        (
            "cat",
            {"negative": "fog", "guidance": "perp_neg(4, ['rain', 1])"},
            [("cat", False), ("", True), ("fog", True), ("rain", True)],
        ),
    ],
)
def test_a_text_is_unwanted_by_its_role_and_not_by_its_letters(glass, prompt, more, read):
    assert sorted(roles(glass, prompt, **more)) == sorted(read)


def test_a_first_text_may_guide_away_like_any_other(glass):
    first, last = (drawn(glass, text, guidance=2) for text in ("foggy :-1 AND cat", "cat AND foggy :-1"))
    assert torch.allclose(first.picture, last.picture, atol=1e-6)
    assert not torch.allclose(first.picture, drawn(glass, "cat AND foggy", guidance=2).picture, atol=1e-3)


def test_a_weight_that_is_too_great_with_the_scale_is_named_as_it_was_written(glass):
    for prompt in ("cat :-300 AND fog", "fog AND cat :-300"):
        with pytest.raises(InputError, match="weight -300 of 'cat' times guidance 4 is outside -1000"):
            drawn(glass, prompt, guidance=4)
    assert glass.texts == []


@pytest.mark.parametrize(
    ("prompt", "is_noted"),
    [
        ("a cat", True),
        ("a cat AND ink drawing", False),
        ("a cat AND [fog:ink drawing:2]", False),
        ("a cat AND the ink AND drawing", True),  # no text says it
        ("[the ink:drawing:2]", True),
    ],
)
def test_an_adapter_wakes_to_any_text_of_any_stage(glass, prompt, is_noted):
    hung(glass, "ink", triggers=("ink drawing",))
    notes = drawn(glass, f"{prompt} <lora:ink:1>").notes
    assert any("does not say: ink drawing" in note for note in notes) == is_noted


def hung(model, name, *, triggers=(), deltas=None):
    model.closet.adapters[name] = Adapter(
        kinds=("LoRA",), writers=("kohya",), unmatched=(), metadata={}, triggers=triggers,
        deltas=deltas or {"unet": {"layer": change(1.0)}},
    )  # fmt: skip


def change(scale):
    return Delta(change=LowRank(down=torch.ones(1, 2), up=torch.ones(2, 1), scale=scale))


@pytest.mark.parametrize(
    ("prompt", "is_noted"),
    [
        ("cat <lora:ink:0>", True),
        ("cat <lora:ink:1:0>", True),  # of the words, of which it changes nothing
        ("cat <lora:ink:1> <lora:ink:-1>", True),
        ("cat <lora:nought:1>", True),
        ("cat <lora:ink:0:1>", False),
        ("cat <lora:ink:0> <lora:ink:0.5>", False),
    ],
)
def test_an_adapter_that_changes_nothing_is_noted(glass, prompt, is_noted):
    hung(glass, "ink", deltas={"unet": {"layer": change(1.0)}, "text_encoder": {"layer": change(0.0)}})
    hung(glass, "nought", deltas={"unet": {"layer": change(0.0)}})
    notes = [note for note in drawn(glass, prompt).notes if "has no effect at weight" in note]
    assert len(notes) == is_noted


def test_what_many_steps_wish_for_in_turn_is_kept_once():
    began = time.process_time()
    stages = wished("[a|b]", steps=10_000).stages
    assert len(stages) == 10_000
    assert len({id(wish) for _, wish in stages}) == 2
    assert time.process_time() - began < 1.0


def test_the_negative_prompt_of_and_is_heeded_at_scale_1_and_not_said_to_be_idle(glass):
    foggy, plain = (drawn(glass, "cat AND horse", guidance=1, negative=negative) for negative in ("fog", ""))
    assert not torch.allclose(foggy.picture, plain.picture, atol=1e-4)
    assert not any("no effect" in note for note in foggy.notes)


def test_a_model_that_edits_is_told_of_its_guide_where_another_was_asked_for(glass):
    glass.channels_beside = EDITS
    plain, guided, elsewhere = (
        drawn(glass, "cat", {"p": PICTURE}, picture="p", guidance=guidance).notes
        for guidance in (4.0, "rescale(pix2pix(4, picture=1.5))", "InstructPix2Pix(4)")
    )
    assert any("pix2pix(7.5, picture=1.5) does" in note for note in plain)
    assert not any("pix2pix" in note for note in (*guided, *elsewhere))


def test_the_guide_of_models_that_edit_is_refused_where_holes_are_filled(glass):
    glass.channels_beside = FILLS
    with pytest.raises(InputError, match="fills holes, and guide pix2pix"):
        drawn(glass, "cat", {"p": PICTURE, "m": MASK}, picture="p", mask="m", guidance="InstructPix2Pix(4)")
    assert glass.looks == glass.texts == []

"""Edits, alternations, AND and adapters: what each step draws, at any depth, and what is told of the rest."""

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.text.grammar import MOST_EDITS, MOST_TEXTS, Branch, Mention, Stage, parse
from sfumato.text.limits import LONGEST

STEPS = 10
words = st.text("ab ,.()", max_size=4).filter(lambda text: text.count("(") == text.count(")") == 0)


def every_step(prompt, steps=STEPS):
    """The text of each step of a prompt without AND."""
    stages = parse(prompt).stages(steps)
    ends = [stage.first_step for stage in stages[1:]] + [steps]
    return [
        stage.branches[0].text
        for stage, end in zip(stages, ends, strict=True)
        for _ in range(stage.first_step, end)
    ]


def _edit(before, after, until):
    step = int(until) if "." not in until else int(float(until) * STEPS)
    texts = [(before if k < step else after)[1][k] for k in range(STEPS)]
    return f"[{before[0]}:{after[0]}:{until}]", texts


def _turns(options):
    texts = [options[k % len(options)][1][k] for k in range(STEPS)]
    return f"[{'|'.join(text for text, _ in options)}]", texts


def _joined(parts):
    return "".join(text for text, _ in parts), ["".join(texts[k] for _, texts in parts) for k in range(STEPS)]


prompts = st.recursive(
    words.map(lambda word: (word, [word] * STEPS)),
    lambda inner: (
        st.builds(_edit, inner, inner, st.sampled_from(["0", "3", "10", "99", "0.25", ".5", "1.0"]))
        | st.lists(inner, min_size=2, max_size=3).map(_turns)
        | st.lists(inner, max_size=3).map(_joined)
    ),
    max_leaves=10,
)


@given(prompts)
def test_each_step_draws_what_the_edits_around_it_say(case):
    prompt, wanted = case
    assert every_step(prompt) == wanted


@given(st.text("[]():|\\0.5a ") | st.text())
def test_any_text_is_understood_and_its_stages_go_forward_and_differ(text):
    stages = parse(text).stages(STEPS)
    assert stages[0].first_step == 0
    for here, there in pairwise(stages):
        assert here.first_step < there.first_step < STEPS
        assert here.branches != there.branches


@given(st.text().filter(lambda text: not {"[", "<"} & set(text) and "AND" not in text))
def test_a_prompt_without_signs_of_the_grammar_is_one_stage_of_its_own_text(text):
    assert parse(text).stages(STEPS) == (Stage(0, (Branch(text),)),)
    assert parse(text).notes == ()


def test_a_share_is_of_the_steps_and_a_whole_number_counts_them():
    for prompt, first in (
        ("[cat:dog:0.4]", 8),
        ("[cat:dog:12]", 12),
        ("[cat:dog: .4 ]", 8),
        ("[cat:dog:1]", 1),
    ):
        assert parse(prompt).stages(20) == (Stage(0, (Branch("cat"),)), Stage(first, (Branch("dog"),)))


def test_one_part_comes_later_and_an_empty_second_goes_away():
    assert every_step("a [red :2]cat", 4) == ["a cat", "a cat", "a red cat", "a red cat"]
    assert every_step("a [red ::2]cat", 4) == ["a red cat", "a red cat", "a cat", "a cat"]


def test_alternation_takes_turns_and_one_may_be_empty():
    assert every_step("[a|b|]", 4) == ["a", "b", "", "a"]


def test_weights_are_left_for_what_reads_weights():
    text = r"(a:1.2) [b] ((c)) (d:e:0.5) \[x:y:3\] [x\:y:0.5] [p:q] BREAK"
    assert every_step(text, 2) == [
        r"(a:1.2) [b] ((c)) (d:e:0.5) \[x:y:3\]  [p:q] BREAK",
        r"(a:1.2) [b] ((c)) (d:e:0.5) \[x:y:3\] x\:y [p:q] BREAK",
    ]


def test_a_weight_inside_an_edit_stays_with_its_words():
    assert every_step("[(red:1.3) cat:[blue] dog:1]", 2) == ["(red:1.3) cat", "[blue] dog"]


def test_and_joins_branches_with_weights_and_only_and_gives_them():
    assert parse("a cat AND a dog :1.2 AND fog:-.5").stages(1)[0].branches == (
        Branch("a cat "), Branch(" a dog ", 1.2), Branch(" fog", -0.5),
    )  # fmt: skip
    assert parse("ratio 16:9").stages(1)[0].branches == (Branch("ratio 16:9"),)
    assert parse("SAND AND b\\:2").stages(1)[0].branches == (Branch("SAND "), Branch(" b\\:2"))


def test_branches_are_edited_each_on_their_own():
    stages = parse("[a:b:1] AND [c:d:2]").stages(3)
    told = [(stage.first_step, [branch.text.strip() for branch in stage.branches]) for stage in stages]
    assert told == [(0, ["a", "c"]), (1, ["b", "c"]), (2, ["b", "d"])]


def test_and_within_brackets_is_told():
    assert any("AND ends all brackets" in note for note in parse("(a AND b:1.2)").notes)
    assert parse("(a) AND [b]").notes == ()


def test_adapters_are_taken_out_with_their_weights():
    found = parse("a cat<lora:ink:0.8>, <lyco:old one:.5:-1> <LORA: x > <lora:y:te=0.2:unet=3>")
    assert found.stages(1)[0].branches[0].text == "a cat,   "
    assert found.adapters == (
        Mention("ink", picture=0.8, words=0.8), Mention("old one", picture=-1.0, words=0.5), Mention("x"),
        Mention("y", picture=3.0, words=0.2),
    )  # fmt: skip


@pytest.mark.parametrize(
    "mention",
    ["<lora:a:strong>", "<lora:>", "<lora:a:1:2:3>", "<lora:a:nan>", "<lora:a:size=2>", "<lora:a:1e3>"],
)
def test_an_adapter_that_cannot_be_understood_is_refused(mention):
    with pytest.raises(InputError, match="lora:"):
        parse(f"a cat {mention}")


def test_weights_that_no_network_survives_are_refused():
    for prompt in ("a AND b :99999", f"<lora:a:{'9' * 400}>"):
        with pytest.raises(InputError, match="weight"):
            parse(prompt)


def test_what_is_left_out_or_read_otherwise_is_told():
    assert "hypernetworks" in parse("a <hypernet:x:1>").notes[0]
    assert "'[a:b:c:0.5]' is read as words" in parse("[a:b:c:0.5]").notes[0]


def test_parts_that_no_step_draws_are_told():
    found = parse("[cat:dog:30] [x:y:0] [p:1.0] [q::5] [::99]")
    assert sorted(found.never_drawn(50)) == [
        "'p' is never drawn: its part is 0 of 50 steps",
        "'x' is never drawn: its part is 0 of 50 steps",
    ]
    assert any("'dog'" in note for note in found.never_drawn(20))


@pytest.mark.parametrize(
    "text",
    ["[" * 5000 + "a" + "]" * 5000, "[" * 400 + "a" + ":b:0.5]" * 400, "[" * 400 + "a" + "|b]" * 400,
     "([" * 25_000 + "a:b:1])" * 6000, "[a:b" * 25_000, "[a:b:0.5" * 12_000, ":" * LONGEST, "|" * LONGEST,
     "[" + ":" * 50_000 + "]", "AND " * 25_000, " :1" * 33_000 + "AND", "AND:" + "1" * 99_000 + "x",
     "<lora:" * 16_000, "(" * LONGEST, ")]" * 50_000, "\\" * LONGEST, "[a|b]" * MOST_EDITS],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_a_hostile_prompt_costs_seconds_at_most(text):
    began = time.process_time()
    try:
        found = parse(text)
    except InputError as error:
        assert re.search("500 edits|AND joins", str(error))  # noqa: PT017
    else:
        found.stages(100)
        found.never_drawn(100)
    assert time.process_time() - began < 2.0


def test_a_prompt_that_is_another_at_every_step_is_bounded():
    turns = "".join(f"[{'|'.join(map(str, range(prime)))}]" for prime in (7, 11, 13))
    assert len(parse(turns).stages(1000)) == 1000
    with pytest.raises(InputError, match="different things in 1000 steps"):
        parse(turns + "x" * 90_000).stages(1000)


def test_too_many_texts_of_and_are_refused():
    assert len(parse("a AND " * (MOST_TEXTS - 1) + "a").branches) == MOST_TEXTS
    with pytest.raises(InputError, match="AND joins 16,001 texts; at most 32"):
        parse("a AND " * 16_000 + "a")


def test_too_many_edits_are_refused():
    with pytest.raises(InputError, match="500 edits"):
        parse("[a|b]" * (MOST_EDITS + 1))
    with pytest.raises(InputError, match="characters"):
        parse("[" * (10 << 20))

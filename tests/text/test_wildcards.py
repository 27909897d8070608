"""What is left to the seed: the same choice everywhere, fair ones, and no file that leads astray."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.text.limits import LONGEST
from sfumato.text.wildcards import chosen


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "colours").mkdir()
    for name, text in {
        "animal": "# animals\n\ncat\r\n  {big|small} dog \n__bird__\n",
        "bird": "\ufeffowl\n",
        "colours/warm": "red\norange\n",
        "colours/cold": "blue\n",
        "loop": "a __round__\n",
        "round": "__loop__\n",
        "empty": "# nothing\n",
        "bomb": " ".join(["__fuse__"] * 50),
        "fuse": " ".join(["__powder__"] * 50),
        "powder": "x" * 100,
    }.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def seen(prompt, folder=None, seeds=range(300)):
    return Counter(chosen(prompt, seed, folder) for seed in seeds)


def test_the_choices_of_a_seed_never_change():
    """These stand in recipes of pictures: if they change, pictures can no longer be drawn again."""
    prompt = "a {red|green|blue} {3::cat|dog}, {2$$fog|rain|snow|sun}"
    assert [chosen(prompt, seed) for seed in (0, 1, 7, 2**63)] == [
        "a blue cat, sun, rain",
        "a blue cat, fog, snow",
        "a green cat, rain, sun",
        "a blue cat, sun, rain",
    ]


def test_every_option_comes_and_evenly():
    counts = seen("{a|b|c}")
    assert set(counts) == {"a", "b", "c"}
    assert min(counts.values()) > 70


def test_an_option_of_weight_three_comes_three_times_as_often():
    counts = seen("{3::a|b|0::c}")
    assert set(counts) == {"a", "b"}
    assert 2 < counts["a"] / counts["b"] < 4.5


def test_several_are_taken_without_taking_one_twice():
    assert set(seen("{2$$a|b|c}")) == {"a, b", "b, a", "a, c", "c, a", "b, c", "c, b"}
    assert set(seen("{0-1$$a}|{1-2$$ and $$a|b}")) >= {"{0-1$$a}|a and b", "{0-1$$a}|b"}


def test_choices_of_one_prompt_are_made_apart():
    assert len(seen("{a|b}{a|b}{a|b}")) == 8


def test_variants_nest_and_brackets_keep_their_bars():
    assert set(seen("{a{1|2}|[x|y]}")) == {"a1", "a2", "[x|y]"}


def test_braces_without_a_choice_and_escaped_ones_are_text():
    for text in (
        "{a}",
        "a } {",
        r"\{a|b\}",
        r"\__a__",
        "my__own__v2",
        "<lora:ink__a__b:1>",
        "a_b _c_",
        "a | b",
        "{a",
        "{[a|b}",
    ):
        assert chosen(text, 1) == text


@given(st.text().filter(lambda text: not {"{", "_"} & set(text)))
def test_a_prompt_that_leaves_nothing_open_stays_as_it_is(text):
    assert chosen(text, 3) == text


def test_a_wildcard_is_a_line_of_its_file_and_lines_may_choose_on(folder):
    assert set(seen("__animal__", folder)) == {"cat", "big dog", "small dog", "owl"}
    assert set(seen("__colours/warm__ {__bird__|__bird__}", folder)) == {"red owl", "orange owl"}
    assert set(seen("two __bird__s, __bird____bird__", folder)) == {"two owls, owlowl"}
    assert set(seen("__colours/*__", folder)) == {"red", "orange", "blue"}


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("__loop__", "loop -> round -> loop"),
        ("__unicorn__", "no unicorn.txt .* animal, bird, bomb, colours/cold"),
        ("__nothing/*__", "no nothing"),
        ("__../secret__", "leads out"),
        ("__/etc/passwd__", "leads out"),
        ("__empty__", "no line"),
        ("__bomb__", "grow beyond 100,000"),
        ("{3$$a|b}", "3 to 3 of 2"),
        ("{2-1$$a|b}", "2 to 1"),
        ("{0::a|0::b}", "weight 0"),
        ("{60$$" + "a|" * 80 + "}", "and 50"),
    ],
)
def test_what_cannot_be_chosen_is_refused(folder, prompt, told):
    with pytest.raises(InputError, match=told):
        chosen(prompt, 1, folder)


def test_a_wildcard_without_a_folder_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"no folder of wildcards.*\\__init__"):
        chosen("def __init__", 1)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "picture.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        chosen("__picture__", 1, tmp_path)
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(InputError, match="16 MB"):
        chosen("__huge__", 1, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["{" * LONGEST, "{a|" * 33_000, "{" * 5000 + "a" + "|b}" * 5000, "|" * LONGEST, "_" * 99_999 + " ",
     "<a" * 49_000, "<a:" * 33_000, "{|" + "|" * 99_000 + "}", "{50$$" + "|" * 99_000 + "}", "{a|b}" * 9999,
     "[{" * 25_000 + "|}]" * 15_000, "__" + "a_" * 49_000, "{1$$" * 25_000,
     "\\" * LONGEST],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_a_hostile_prompt_costs_seconds_at_most(text, folder):
    began = time.process_time()
    try:
        chosen(text, 5, folder)
    except InputError as error:
        assert "choices" in str(error) or "has no _" in str(error)  # noqa: PT017
    assert time.process_time() - began < 2.0


def test_what_lines_hold_and_nobody_chose_is_bounded_too(tmp_path):
    (tmp_path / "waste.txt").write_text("{1::x|0::" + "y" * 60_000 + "}")
    assert chosen("__waste__ " * 3, 1, tmp_path) == "x x x "
    with pytest.raises(InputError, match="grow beyond"):
        chosen("__waste__" * 100, 1, tmp_path)

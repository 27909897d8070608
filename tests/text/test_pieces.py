"""Weights: what each bracket multiplies, what escapes and breaks do, and that no bracket costs much."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.text.limits import LONGEST
from sfumato.text.pieces import BREAK, Piece, pieces

words = st.text("abc ,.-", min_size=1, max_size=5)
weights = st.sampled_from(["0", "0.5", "1.25", "+2", "-.5", "1."])
nested = st.recursive(
    words.map(lambda word: (word, [(letter, 1.0) for letter in word])),
    lambda inner: st.tuples(st.sampled_from("([:+"), st.lists(inner, max_size=3), weights).map(
        lambda x: _around(*x)
    ),
    max_leaves=12,
)


def _around(kind, inner, number):
    """A text in brackets, and its letters with their weights."""
    text = "".join(part for part, _ in inner)
    letters = [each for _, part in inner for each in part]
    wrapped, factor = {
        "(": (f"({text})", 1.1),
        "[": (f"[{text}]", 1 / 1.1),
        ":": (f"({text} : {number} )", float(number)),
        "+": (text, 1.0),
    }[kind]
    return wrapped, [
        (letter, weight * factor) for letter, weight in [*letters, *([(" ", 1.0)] if kind == ":" else [])]
    ]


def letters_of(text):
    found = pieces(text)
    assert BREAK not in found
    return [(letter, piece.weight) for piece in found for letter in piece.text]


@given(nested)
def test_every_letter_weighs_the_product_of_its_brackets(case):
    text, wanted = case
    found = letters_of(text)
    assert [letter for letter, _ in found] == [letter for letter, _ in wanted]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in wanted], abs=1e-8)


@given(st.text("([)]\\:1.a BREAK{|}<>_"))
def test_any_text_is_read_and_no_two_neighbours_weigh_the_same(text):
    found = pieces(text)
    assert all(piece == BREAK or piece.text for piece in found)
    for here, there in pairwise(found):
        assert BREAK in (here, there) or here.weight != there.weight


@given(st.text().filter(lambda text: "BREAK" not in text))  # a word, which no sign escapes
def test_an_escaped_text_is_read_as_it_stands(text):
    escaped = "".join(f"\\{letter}" if letter in "()[]{}<>|:_\\" else letter for letter in text)
    assert pieces(escaped) == ((Piece(text),) if text else ())


def test_the_example_of_the_web_ui_weighs_the_same_here():
    assert pieces("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).") == (
        Piece("a "), Piece("house", 1.573), Piece(" ", 1.1), Piece("on"), Piece(" a ", 1.1),
        Piece("hill", 0.55), Piece(", sun, ", 1.1), Piece("sky", 1.4641), Piece(".", 1.1),
    )  # fmt: skip


def test_brackets_that_are_never_closed_hold_to_the_end():
    assert pieces("a ((b [c") == (Piece("a "), Piece("b ", 1.21), Piece("c", 1.1))


def test_a_bracket_that_closes_nothing_is_text():
    assert pieces("a) b] :1.2) c:)") == (Piece("a) b] :1.2) c:)"),)


def test_what_is_left_open_inside_a_bracket_ends_with_it():
    assert pieces("(a [b) c]") == (Piece("a ", 1.1), Piece("b c]"))
    assert pieces("[a (b] c)") == (Piece("a ", 0.909090909), Piece("b c)"))


def test_a_number_that_is_none_is_text():
    assert pieces("(a:1.2.3)") == (Piece("a:1.2.3", 1.1),)
    assert pieces("(a:)") == (Piece("a:", 1.1),)


def test_breaks_take_the_blanks_beside_them_and_stay_apart():
    assert pieces("a  BREAK b BREAK BREAK c") == (Piece("a"), BREAK, Piece("b"), BREAK, BREAK, Piece("c"))
    assert pieces("(a BREAK b:1.5)") == (Piece("a", 1.5), BREAK, Piece("b", 1.5))
    assert pieces("BREAKFAST aBREAK break") == (Piece("BREAKFAST aBREAK break"),)


def test_an_empty_text_has_no_pieces():
    assert pieces("") == pieces("()") == pieces("([])") == ()


def test_a_weight_that_no_network_survives_is_refused():
    for text in ("(" * 100 + "cat", "(" * 9999 + "cat", "(cat:99999999)", "((cat:999):-999)"):
        with pytest.raises(InputError, match="weight"):
            pieces(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 5000 + "a" * 10 + ":0)" * 5000, "[" * LONGEST, "[a" * (LONGEST // 2), "()" * (LONGEST // 2),
     ")" * LONGEST, ":" * LONGEST, ": " * (LONGEST // 2), ":" + " " * (LONGEST - 1), " " * LONGEST,
     "1" * LONGEST, ":" + "1" * (LONGEST - 1), "\\" * LONGEST, "BREAK " * (LONGEST // 6),
     "(a:.5)[b]" * (LONGEST // 9), "[(" * (LONGEST // 4) + "])" * (LONGEST // 4)],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_a_hostile_text_is_read_in_a_second(text):
    began = time.process_time()
    pieces(text)
    assert time.process_time() - began < 1.0


def test_ten_megabytes_are_refused_at_once():
    with pytest.raises(InputError, match="10,485,760 characters"):
        pieces("(" * (10 << 20))

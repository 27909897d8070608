"""A text that is read at once keeps its weights, and knows what it cannot keep."""

import pytest

from sfumato.text.whole import whole
from sfumato.train.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["a red cat to the left of a blue car", "two green castles at night"], 400)


def read(text):
    return whole(text, TOKENIZER, length=77)


@pytest.mark.parametrize("text", ["a (red:1.5) cat", "a (red:1.5)cat", "(a) [red] cat", "a re(d:2) cat"])
def test_weights_change_no_token(text):
    found = read(text)
    assert found.chunk.tokens == read(found.text).chunk.tokens
    assert set(read(found.text).chunk.weights) == {1.0}


def test_a_token_weighs_what_its_letters_do():
    chunk = read("a (red cat:1.5) car").chunk
    plain = [read(word).chunk.end - 1 for word in ("a", " red cat", " car")]  # tokens of each stretch
    assert chunk.weights[1 : chunk.end] == (*[1.0] * plain[0], *[1.5] * plain[1], *[1.0] * plain[2])
    assert set(chunk.weights[chunk.end :]) == {1.0}


def test_an_escaped_bracket_is_text():
    assert read(r"a \(red\) cat").text == "a (red) cat"


def test_a_break_is_a_blank_that_is_told():
    found = read("a cat BREAK a car")
    assert found.breaks
    assert found.chunk.tokens == read("a cat a car").chunk.tokens
    assert not read("a cat").breaks


def test_what_lies_beyond_the_window_is_handed_back():
    found = read("a red cat " * 40 + "(zebra:1.4)")
    assert found.cut.endswith("zebra")
    assert len(found.chunk.tokens) == len(found.chunk.weights) == 77

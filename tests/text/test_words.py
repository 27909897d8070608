"""A word that the model never saw is named as the user typed it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.text.words import unknown_words

KNOWN = frozenset(
    ["a", "red", "cat", "cats", "to", "the", "left", "of", "blue", "car", "pixel", "art", "t-shirt"]
)


@pytest.mark.parametrize(
    ("prompt", "missing"),
    [
        ("A RED cat, to the left of a blue car!", ()),
        ("a Zebra left of the cat's car", ("Zebra",)),
        ("the cats' car, the cat’s car", ()),
        ("pixel-art of a T-shirt", ()),
        ("a pixel-perfect cat", ("pixel-perfect",)),
        ("zebra, a ZEBRA, yak", ("zebra", "yak")),
        ("3 cats", ("3",)),
        ("cat🚗car", ("🚗",)),
        ("ｃａｔ", ()),
        ("un chat à l'école", ("un", "chat", "à", "l'école")),
        ("हिन्दी cat", ("हिन्दी",)),
        ("-- ... 'cat' (car) _", ()),
        ("", ()),
    ],
)
def test_unknown_words_are_told_once_in_order(prompt, missing):
    assert unknown_words(prompt, KNOWN) == missing


@given(st.text())
def test_any_text_has_only_words_that_are_not_known(prompt):
    missing = unknown_words(prompt, KNOWN)
    assert len(set(missing)) == len(missing)
    assert not {word.lower() for word in missing} & KNOWN
    assert unknown_words(prompt, frozenset(word.lower() for word in missing) | KNOWN) == ()

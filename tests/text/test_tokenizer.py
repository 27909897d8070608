"""Whatever is typed becomes at most 77 ids, nothing in it becomes special, and what is cut is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import CheckpointError
from sfumato.text.tokenizer import END, LENGTH, START, Tokenizer
from sfumato.train.tokenizer import train_tokenizer

CAPTIONS = [
    "a red cat to the left of a blue car, pink background",
    "two yellow fish under a cloud, watercolor",
    "pixel art of a castle at night",
] * 20
TOKENIZER = train_tokenizer(CAPTIONS, 400)
hostile = st.text() | st.lists(
    st.sampled_from([START, END, START.upper(), "cat", "🐱", " ", "\0", "İ", "é", "ﬁsh"]), max_size=120
).map("".join)


@given(hostile)
def test_any_prompt_is_start_words_end_within_the_window(prompt):
    ids, cut, ends = TOKENIZER(prompt)
    assert len(ends) == len(ids) - 2
    assert list(ends) == sorted(ends)
    assert all(0 < end <= len(prompt) for end in ends)
    assert ids[0] == TOKENIZER.start
    assert ids[-1] == TOKENIZER.end
    assert len(ids) <= LENGTH
    assert max(ids) < TOKENIZER.vocabulary_size
    assert not {TOKENIZER.start, TOKENIZER.end} & set(ids[1:-1])
    assert prompt.rstrip().endswith(cut)


@given(hostile)
def test_a_tokenizer_comes_back_from_json_the_same(prompt):
    assert Tokenizer.from_json(TOKENIZER.to_json())(prompt) == TOKENIZER(prompt)


def test_case_and_spacing_do_not_matter():
    assert TOKENIZER("  A Red\n\tCAT ").ids == TOKENIZER("a red cat").ids


def test_every_token_knows_where_its_letters_end():
    text = "a red cat"
    tokens = TOKENIZER(text)
    assert tokens.ends[-1] == len(text)
    assert TOKENIZER(text[: tokens.ends[0]]).ids[1] == tokens.ids[1]


def test_words_of_the_captions_are_few_tokens_and_strange_ones_lose_nothing():
    assert len(TOKENIZER("a red cat to the left of a blue car").ids) <= 12
    assert len(TOKENIZER("🐱").ids) == 2 + 5  # a space and four bytes
    assert TOKENIZER("猫") != TOKENIZER("犬")


def test_an_empty_prompt_is_start_and_end_alone():
    assert TOKENIZER("") == ((0, 1), "", ())


def test_a_short_prompt_is_not_cut():
    assert TOKENIZER("a castle at night").cut == ""


def test_the_cut_is_the_users_own_words_and_the_rest_is_what_was_kept():
    words = [f"Red{i} CAT" for i in range(60)]
    prompt = " ".join(words)
    ids, cut, _ = TOKENIZER(prompt)
    kept = prompt.removesuffix(cut)
    assert cut
    assert len(ids) > LENGTH - 5
    assert TOKENIZER(kept)[:2] == (ids, "")


def test_a_word_across_the_edge_is_cut_whole():
    filling = "a " * 74
    ids, cut, _ = TOKENIZER(filling + "Zyxwvut cat")
    assert cut == "Zyxwvut cat"
    assert ids == TOKENIZER(filling).ids


def test_one_word_longer_than_the_window_is_cut_inside():
    ids, cut, _ = TOKENIZER("z" * 200)
    assert len(ids) == LENGTH
    assert 0 < len(cut) < 200


def test_training_twice_gives_the_same_tokenizer():
    assert train_tokenizer(CAPTIONS, 400).to_json() == TOKENIZER.to_json()


def test_a_vocabulary_without_room_for_all_bytes_is_refused():
    with pytest.raises(ValueError, match="257"):
        train_tokenizer(CAPTIONS, 257)


def test_what_is_not_one_of_our_tokenizers_is_refused():
    swapped = json.loads(TOKENIZER.to_json())
    swapped["model"]["vocab"][START], swapped["model"]["vocab"][END] = 1, 0
    swapped["added_tokens"] = []
    for text in ("", "{}", "[]", json.dumps(swapped)):
        with pytest.raises(CheckpointError, match="tokenizer"):
            Tokenizer.from_json(text)

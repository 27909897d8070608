"""Long prompts: no token is lost, phrases end at commas, embeddings are found by name and never torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.text.chunks import MOST, Chunk, Vector, read
from sfumato.text.clip import ClipTokenizer
from sfumato.text.merges import Vocabulary, packaged
from sfumato.text.pieces import BREAK, Piece, pieces

COMMA, END = 267, 49407
texts = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["cat", ",", "red", "zyx", "blob"])).map(" ".join),
        st.sampled_from([1.0, 1.2]),
    ),
    max_size=80,
)


def written(chunk):
    """What stands between the start and the end of a chunk."""
    return chunk.tokens[1 : chunk.end]


@pytest.fixture
def chunks_of(clip_words):
    def chunks_of(text, **embeddings):
        return read(pieces(text), clip_words, pad=END, embeddings=embeddings).chunks

    return chunks_of


@given(parts=texts)
def test_every_token_is_in_one_chunk_with_its_weight(clip_words, parts):
    found = read([Piece(text, weight) for text, weight in parts], clip_words, pad=0, embeddings={})
    wanted = [(token, weight) for text, weight in parts for token in clip_words(text)]
    pairs = [pair for c in found.chunks for pair in zip(written(c), c.weights[1:], strict=False)]
    assert pairs == wanted
    for chunk in found.chunks:
        assert len(chunk.tokens) == len(chunk.weights) == 77
        assert (chunk.tokens[0], chunk.tokens[chunk.end]) == (49406, END)
        assert set(chunk.tokens[chunk.end + 1 :]) <= {0}
        assert set(chunk.weights[chunk.end :]) == {1.0}


@given(parts=texts)
def test_a_chunk_that_another_follows_is_full_or_ends_at_its_last_comma(clip_words, parts):
    found = read([Piece(text, weight) for text, weight in parts], clip_words, pad=0, embeddings={})
    for here, there in zip(found.chunks, found.chunks[1:], strict=False):
        tokens, following = written(here), written(there)
        full = len(tokens) == 75
        near = COMMA in tokens[-20:]
        assert full or tokens[-1] == COMMA
        if full and near and tokens[-1] != COMMA:
            assert following[0] == COMMA


def test_a_phrase_goes_to_the_next_chunk_if_its_comma_is_within_twenty(chunks_of):
    for tail, moved in ((19, True), (20, False)):
        text = "a " * (74 - tail) + ", " + "b " * (tail + 1)
        first, second = chunks_of(text)
        assert len(written(first)) == (75 - tail if moved else 75)
        assert len(written(second)) == (tail + 1 if moved else 1)


def test_a_comma_that_finds_its_chunk_full_begins_the_next(chunks_of):
    first, second = chunks_of("a " * 60 + ", " + "b " * 14 + ", c")
    assert len(written(first)) == 75
    assert written(second)[0] == COMMA


def test_seventy_five_tokens_are_one_chunk_and_an_empty_text_is_one_too(chunks_of):
    assert [chunk.end for chunk in chunks_of("a " * 75)] == [76]
    assert [chunk.tokens for chunk in chunks_of("")] == [(49406, *[END] * 76)]
    assert [chunk.end for chunk in chunks_of("a " * 76)] == [76, 2]


def test_a_break_begins_the_next_chunk_but_none_behind_the_last_word(chunks_of):
    assert [chunk.end for chunk in chunks_of("a BREAK b b BREAK")] == [2, 3]
    assert [chunk.end for chunk in chunks_of("BREAK BREAK a")] == [1, 1, 2]


def test_an_embedding_is_found_as_a_word_in_any_case_and_becomes_its_vectors(clip_words, chunks_of):
    (a,) = clip_words("a")
    rows = (Vector("Easy", 0), Vector("Easy", 1))
    (chunk,) = chunks_of("a (easy:1.5), embedding:EASY a", Easy=2)
    assert written(chunk) == (a, *rows, COMMA, *rows, a)
    assert chunk.weights[1 : chunk.end] == (1.0, 1.5, 1.5, 1.0, 1.0, 1.0, 1.0)
    for text in ("uneasy", "easygoing", "easy-going", "un-easy"):
        (chunk,) = chunks_of(text, Easy=2)
        assert written(chunk) == clip_words(text)


def test_the_longest_name_wins_and_signs_belong_to_it(chunks_of):
    names = {"bad": 1, "bad-hands": 1, "<cat>": 1}
    (chunk,) = chunks_of("bad bad-hands<cat>", **names)
    assert [token.name for token in written(chunk)] == ["bad", "bad-hands", "<cat>"]


def test_an_embedding_is_never_torn_and_moves_whole(chunks_of):
    first, second = chunks_of("a " * 70 + "vectors", vectors=10)
    assert first.end == 71
    assert written(second) == tuple(Vector("vectors", row) for row in range(10))
    first, second = chunks_of("a " * 65 + ", " + "b " * 5 + "vectors", vectors=10)  # no phrase with it
    assert (first.end, second.end) == (72, 11)
    ends = [chunk.end for chunk in chunks_of("a " * 65 + ", " + "b " * 9 + " vectors", vectors=70)]
    assert ends == [67, 10, 71]


def test_an_embedding_that_no_chunk_holds_is_refused(clip_words):
    with pytest.raises(InputError, match="'huge' has 76 vectors"):
        read([], clip_words, pad=0, embeddings={"huge": 76})


def test_an_embedding_that_is_not_there_is_told_once(clip_words):
    found = read(pieces("embedding:cats, (embedding:cats:1.2)"), clip_words, pad=0, embeddings={"cat": 1})
    assert found.notes == ("no embedding is called 'cats'; it was read as words",)


def test_a_word_that_the_folder_adds_is_one_token():
    whole = packaged()
    tokenizer = ClipTokenizer(Vocabulary(ids=whole.ids, merges=whole.merges), added={"<toy>": 49408})
    found = read([Piece("a <TOY>")], tokenizer, pad=0, embeddings={})
    assert written(found.chunks[0]) == (320, 49408)


def test_a_text_of_too_many_chunks_is_refused(clip_words):
    read([BREAK] * MOST, clip_words, pad=0, embeddings={})
    with pytest.raises(InputError, match="64 chunks"):
        read([BREAK] * (MOST + 1), clip_words, pad=0, embeddings={})


def test_taking_places_out_of_a_chunk_is_never_having_written_them():
    frame = {"start": 8, "end": 9, "pad": 0, "length": 9}
    whole = Chunk.of([1, 2, 3, 4], [1.0, 0.5, 0.5, 2.0], **frame)
    assert whole.without(2, 4) == Chunk.of([1, 4], [1.0, 2.0], **frame)
    assert whole.without(1, whole.end) == Chunk.of([], [], **frame)

"""The verb that helps with words."""

import json

import numpy as np
import published
import pytest
from pipelines import vocabulary

from sfumato.text.clip import ClipTokenizer
from sfumato.words.chat import URL


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch):
    monkeypatch.delenv(URL, raising=False)


def test_a_sentence_is_completed(sfumato):
    code, out, said = sfumato("words", "complete", "a red ca")
    assert (code, said) == (0, "")
    assert out.splitlines()[0].split() == ["thing", "a", "red", "cat"]
    told = json.loads(sfumato("words", "complete", "two f", "--json", "--most", "1")[1])
    assert told == [{"words": "frogs", "kind": "thing", "text": "two frogs"}]
    assert sfumato("words", "complete", "zzz")[1] == "nothing that it knows comes next\n"


def test_unknown_words_are_flagged_with_what_they_mean(sfumato):
    _, out, _ = sfumato("words", "check", "a feline on a mat")
    assert out.splitlines() == [
        "feline: the model does not know it; it means cat",
        "mat: the model does not know it; nothing it knows is near",
    ]
    assert sfumato("words", "check", "a cat")[1] == "the model knows every word\n"


def test_neighbours_are_told_with_their_cosines_and_an_unknown_word_is_taken_for_a_known_one(sfumato):
    told = json.loads(sfumato("words", "near", "cat", "--most", "3", "--json")[1])
    assert {each["word"] for each in told[:2]} == {"kitten", "kitty"}
    assert told[0]["cosine"] > 0.9 > told[2]["cosine"]
    _, out, _ = sfumato("words", "near", "feline", "--most", "1")
    first, second = out.splitlines()
    assert first == "the model does not know feline: taken for cat"
    assert second.split()[1] in ("kitten", "kitty")
    assert sfumato("words", "near", "zzzz")[0] == 2


def test_offers_may_be_ordered_by_the_text_tower(sfumato):
    told = json.loads(sfumato("words", "check", "a pet", "--rank", "--json")[1])
    assert set(told[0]["instead"]) == {"cat", "dog", "rabbit"}


def test_a_wish_is_printed_as_a_sentence_and_why_goes_beside_it(sfumato):
    code, out, said = sfumato("words", "expand", "a feline in winter", "--seed", "3")
    assert code == 0
    assert out.startswith("a cat in the snow, ")
    assert out.count("\n") == 1
    assert "“feline” is drawn as cat" in said
    assert sfumato("words", "expand", "a dream", "--seed", "1")[1] != out


def test_mistakes_are_one_line(sfumato):
    for arguments in (
        ("words", "guess", "a"),
        ("words", "expand", " "),
        ("words", "complete", "a", "--most", "0"),
        ("words", "expand", "a dream", "--chat", "nonsense"),
        ("words", "expand", "a dream", "--chat", "http://127.0.0.1:9/v1", "--rules"),
        ("words", "expand", "a dream", "--chat", "http://127.0.0.1:9/v1"),
    ):
        code, out, said = sfumato(*arguments)
        assert (code, out, said.count("\n")) == (2, "", 1), said


def test_a_model_of_clip_has_neighbours_among_its_tokens(sfumato, tmp_path):
    """In a file of zeros, "cat", "dog" and "owl" are given embeddings: the dog's is like the cat's."""
    try:
        vocabulary.merges()
    except vocabulary.NoVocabularyError as error:
        pytest.skip(str(error))
    path = published.write_hollow(tmp_path / "sd1.safetensors", published.single_file("sd1"))
    table = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
    for word, begin in {"cat": (1, 0), "dog": (1, 0.1), "owl": (0.1, 1)}.items():
        (token,) = ClipTokenizer.packaged()(word)
        write_row(path, table, token, begin)
    _, out, _ = sfumato("words", "near", "cat", "--model", path, "--most", "2")
    assert [line.split() for line in out.splitlines()] == [["0.995", "dog"], ["0.099", "owl"]]
    assert sfumato("words", "check", "a feline", "--model", path)[0] == 2
    assert "a dog, soft studio light" in sfumato("words", "complete", "a dog, soft st", "--model", path)[1]
    assert sfumato("words", "expand", "a dream", "--model", path)[1].startswith("a dream, ")


def write_row(path, name, row, begin):
    """Put the first numbers of a row into a file of half precision."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        field = json.loads(file.read(size))[name]
        file.seek(8 + size + field["data_offsets"][0] + row * field["shape"][1] * 2)
        file.write(np.array(begin, dtype=np.float16).tobytes())

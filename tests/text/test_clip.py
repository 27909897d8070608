"""CLIP's tokens: nothing in a text is special, folders and the packaged list agree, damage is refused."""

import gzip
import json
import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import CheckpointError, InputError, MissingExtra
from sfumato.text import merges
from sfumato.text.clip import ClipTokenizer
from sfumato.text.limits import LONGEST
from sfumato.text.merges import END, START, byte_letters, from_folder, from_listing, packaged

hostile = st.text() | st.lists(
    st.sampled_from([START, END, END.upper(), "cat", "'S", " ", "\0", "İ", "é", "ﬁsh", "७", "e\u0301"]),
    max_size=40,
).map("".join)


def is_ink(letter):
    return not letter.isspace() or letter in "\x1c\x1d\x1e\x1f"  # blank to Python, not to Unicode


@cache
def packaged_ids():
    return packaged().ids


def write_folder(folder, words, pairs, **files):
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def tiny():
    """A vocabulary of bytes, one merge and the markers."""
    letters = list(byte_letters().values())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "at</w>", START, END]
    return {token: number for number, token in enumerate(tokens)}, [("a", "t</w>")]


def test_the_ids_are_those_that_clip_was_trained_with(clip_words):
    assert clip_words("a photo of a cat") == (320, 1125, 539, 320, 2368)
    assert clip_words(",") == (267,)
    assert (clip_words.start, clip_words.end, clip_words.pad) == (49406, 49407, 49407)
    assert clip_words.vocabulary_size == 49408


@given(text=hostile)
def test_no_text_starts_or_ends_a_text(clip_words, text):
    assert not {clip_words.start, clip_words.end} & set(clip_words(text))


@given(text=hostile)
def test_case_and_blanks_are_all_that_is_lost(clip_words, text):
    names = {number: name for name, number in packaged_ids().items()}
    told = "".join(names[token].removesuffix("</w>") for token in clip_words(text))
    bytes_of = {letter: byte for byte, letter in byte_letters().items()}
    normal = clip_words._model.normalizer.normalize_str(text)
    assert bytes(bytes_of[letter] for letter in told) == "".join(filter(is_ink, normal)).encode()


def test_a_text_that_spells_the_end_is_read_to_its_own_end(clip_words):
    assert clip_words("a <|endoftext|> b")[-1] == clip_words("b")[0]
    assert len(clip_words("<|endoftext|>")) > 1


def test_a_token_that_ends_a_word_is_spelt_with_a_space(clip_words):
    spelt = [clip_words.spelt(token) for token in clip_words("Zyxwvut cat")]
    assert "".join(spelt) == "zyxwvut cat "
    assert clip_words.spelt(49407) == END
    assert clip_words.spelt(50_000) == "#50000"


def test_half_a_character_and_an_endless_text_are_refused(clip_words):
    with pytest.raises(InputError, match=r"U\+D83D.*place 2"):
        clip_words("a \ud83d")
    with pytest.raises(InputError, match="100,001"):
        clip_words("a" * (LONGEST + 1))


def test_a_folder_reads_as_the_packaged_list_does(clip_words, tmp_path):
    whole = packaged()
    folder = write_folder(
        tmp_path / "words", dict(whole.ids), whole.merges, special_tokens_map={"pad_token": "!"}
    )
    found = ClipTokenizer.from_folder(folder)
    assert (from_folder(folder).ids, from_folder(folder).merges) == (whole.ids, whole.merges)
    assert found("A red cat's 12 hats") == clip_words("A red cat's 12 hats")
    assert (found.pad, found.start, found.end) == (0, 49406, 49407)


@pytest.mark.parametrize("paired", [True, False])
def test_a_folder_of_one_json_is_read_too(tiny, tmp_path, paired):
    words, pairs = tiny
    rows = [list(pair) if paired else " ".join(pair) for pair in pairs]
    whole = {"model": {"vocab": words, "merges": rows}, "added_tokens": [{"content": "<Cat>", "id": 515}]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "!"}}))
    found = ClipTokenizer.from_folder(tmp_path)
    assert found("AT") == (512,)
    assert found.pad == 0
    assert found.added == {"<Cat>": 515}
    assert found.vocabulary_size == 516
    assert found.spelt(515) == "<Cat>"


def test_damaged_folders_are_refused_and_named(tiny, tmp_path):
    words, pairs = tiny
    cases = {
        "neither": lambda folder: (folder / "vocab.json").unlink(),
        "not readable": lambda folder: (folder / "merges.txt").write_text("a b c\n"),
        "not a readable": lambda folder: (folder / "vocab.json").write_text('{"a": "b"}'),
        "a list, not": lambda folder: (folder / "vocab.json").write_text("[]"),
        "do not belong together": lambda folder: (folder / "merges.txt").write_text("x y\n"),
        "pads with 'nothing'": lambda folder: (folder / "special_tokens_map.json").write_text(
            '{"pad_token": "nothing"}'
        ),
        "no id": lambda folder: (folder / "added_tokens.json").write_text('{"<cat>": null}'),
        "readable JSON": lambda folder: (folder / "added_tokens.json").write_text("{"),
        "lacks 1 tokens": lambda folder: (folder / "vocab.json").write_text(
            json.dumps({word: number for word, number in words.items() if word != "a"})
        ),
    }
    for number, (message, damage) in enumerate(cases.items()):
        folder = write_folder(tmp_path / str(number), words, [] if "lacks" in message else pairs)
        damage(folder)
        with pytest.raises(CheckpointError, match=message.replace("not readable", "readable tokenizer")):
            ClipTokenizer.from_folder(folder)


def test_another_list_than_clips_is_refused():
    for packed in (b"", b"no gzip", gzip.compress(b"#version\na b\n"), gzip.compress(b"x")[:-4]):
        with pytest.raises(CheckpointError, match="install"):
            from_listing(packed)


def test_without_the_package_its_install_line_is_told(monkeypatch):
    monkeypatch.setattr(merges, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install --no-deps open_clip_torch"):
        packaged()


def test_the_package_is_never_imported(clip_words):
    assert clip_words("a")
    assert "open_clip" not in sys.modules

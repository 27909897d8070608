"""Token for token what transformers' CLIPTokenizer gives, for any text that Unicode can write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfumato.text.clip import ClipTokenizer
from sfumato.text.merges import END, START, packaged

scripts = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    "aeioüß'ſİıΣςﬁ１½٣ \u0301\u200d\u3000\0👩🏽", max_size=40
)
sentences = st.lists(
    st.sampled_from(["a", "Cat's", "they'LL", "(red:1.2)", "C++", "naïve", "12th", "猫が", "👨‍👩‍👧"])
).map(" ".join)
markers = st.lists(st.sampled_from([START, END, END.upper(), END[:-1], "cat", " "]), max_size=8).map("".join)


@pytest.fixture(scope="module")
def ours():
    return ClipTokenizer.packaged()


@pytest.fixture(scope="module")
def reference():
    from transformers import CLIPTokenizer

    whole = packaged()
    return CLIPTokenizer(vocab=dict(whole.ids), merges=list(whole.merges))


@settings(max_examples=400)
@given(text=scripts | sentences | markers)
def test_tokens_are_those_of_the_reference_that_reads_markers_as_text(ours, reference, text):
    wanted = reference(text, add_special_tokens=False, split_special_tokens=True).input_ids
    assert list(ours(text)) == wanted


@given(text=scripts | sentences)
def test_a_text_without_markers_is_read_as_pipelines_read_it(ours, reference, text):
    if START in text or END in text:
        return
    assert list(ours(text)) == reference(text, add_special_tokens=False).input_ids

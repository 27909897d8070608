"""The tokenizer of CLIP, made once: it takes a quarter of a second."""

import pytest

from sfumato.text.clip import ClipTokenizer


@pytest.fixture(scope="session")
def clip_words() -> ClipTokenizer:
    return ClipTokenizer.packaged()

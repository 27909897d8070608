"""The lexicon that lies beside the code is the one of the tables, and of the embedded weights."""

import json
import subprocess
import sys

from sfumato.checkpoints.header import read_header
from sfumato.families import embedded
from sfumato.words.lexicon import article, embedded_lexicon, lexicon_of, to_json
from sfumato.world import captions
from sfumato.world.colours import COLOURS
from sfumato.world.sprites import SPRITES


def card():
    return json.loads(read_header(embedded()).metadata["sfumato.card"])


def test_the_lexicon_on_disk_is_that_of_the_worlds_tables():
    made = lexicon_of(card()["sprites"])
    assert to_json(embedded_lexicon()) == to_json(made), "run: python -m sfumato.words.lexicon"
    assert embedded_lexicon() == made


def test_its_words_are_all_that_the_embedded_model_was_taught():
    taught = json.loads(read_header(embedded()).metadata["sfumato.words"])
    assert embedded_lexicon().words == frozenset(taught)


def test_articles_are_those_of_the_captions():
    for name in [name for each in SPRITES for name in (each.name, *each.synonyms)] + list(COLOURS):
        assert article(name) == captions.article(name)


def test_completing_checking_and_expanding_bring_no_torch():
    code = (
        "import sys\n"
        "from sfumato.words.lexicon import embedded_lexicon\n"
        "from sfumato.words.complete import complete\n"
        "from sfumato.words.check import check\n"
        "from sfumato.words.expand import expanded\n"
        "from sfumato.styles.styled import styled\n"
        "complete('a red c', embedded_lexicon()); check('a feline', embedded_lexicon())\n"
        "expanded('a dream', 0); styled('a cat', '', ['neon'])\n"
        "assert 'torch' not in sys.modules and 'httpx' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

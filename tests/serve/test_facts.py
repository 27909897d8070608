"""What is told of models and words from files' headers alone, with nothing in memory."""

import pytest

from sfumato.engine.precision import ModelFile
from sfumato.families import embedded, load
from sfumato.serve.adapters import Adapters
from sfumato.serve.facts import Shape, read
from sfumato.serve.models import Models
from sfumato.serve.shelf import Shelf


@pytest.mark.parametrize(
    "prompt",
    ["a [cat:feline:0.5]", "[red|feline]", "[feline::0.3] cat", "a cat AND a feline", "(feline:1.2)"],
)
def test_words_of_every_step_are_looked_up_and_numbers_of_the_grammar_are_none(prompt):
    reading = read(embedded(), prompt, 0)
    assert "feline" in reading.plain.split()
    assert not any(letter.isdigit() for letter in reading.plain)
    assert [note for note in reading.notes if "does not know" in note] == [
        "the model does not know: feline; write instead: cat"
    ]


def test_the_sizes_of_the_embedded_model_are_told_before_it_is_in_memory():
    shelf = Shelf(Models([ModelFile(name="world", path=embedded())]), Adapters(None))
    assert shelf.shapes == {"world": Shape.of(load(embedded()))}

"""Near words: the cosine of places in a text tower's space."""

import pytest
import torch

from sfumato.errors import InputError
from sfumato.words.lexicon import embedded_lexicon
from sfumato.words.near import suiting, token_space, world_space

LEXICON = embedded_lexicon()


@pytest.fixture(scope="module")
def embed():
    """The embedded model's text tower."""
    from sfumato.cli.words import embedding

    return embedding(None)


@pytest.fixture(scope="module")
def space(embed):
    return world_space(LEXICON, embed)


def test_names_of_one_thing_are_nearest_to_each_other(space):
    """What the tower was taught: "kitten" is drawn as "cat" is."""
    assert {each.word for each in space.of("cat", most=2)} == {"kitten", "kitty"}
    synonyms = [(each.name, name) for each in LEXICON.things for name in each.synonyms]
    right = [
        space.of(name, most=1)[0].word in (thing, *LEXICON.named[thing].synonyms) for thing, name in synonyms
    ]
    assert sum(right) >= 0.9 * len(synonyms)


def test_a_sentence_has_one_place_whatever_stands_beside_it(embed):
    texts = ["a cat", "two yellow fish under a cloud on a dark blue background, watercolor"]
    assert torch.allclose(embed(texts)[:1], embed(texts[:1]), atol=1e-5)


def test_colours_and_backgrounds_have_their_own_neighbours(space):
    assert space.of("violet", most=1)[0].word == "purple"
    assert space.of("grey", most=1)[0].word == "gray"
    assert space.of("dark blue", most=1)[0].word == "night sky"
    assert {each.kind for each in space.of("red")} == {"colour"}


def test_similarities_fall_and_are_cosines_and_leave_the_word_itself_out(space):
    found = space.of("cat", most=500)
    cosines = [each.cosine for each in found]
    assert cosines == sorted(cosines, reverse=True)
    assert all(-1.001 <= cosine <= 1.001 for cosine in cosines)
    assert "cat" not in [each.word for each in found]


def test_a_word_that_was_never_taught_has_no_place(space):
    with pytest.raises(InputError, match="never taught 'feline'"):
        space.of("feline")


def test_candidates_are_ordered_by_what_is_near_to_the_sentence():
    axes = {"x": (1.0, 0.0), "a cat": (0.9, 0.1), "a dog": (0.1, 0.9), "an owl": (0.5, 0.5)}
    ranked = suiting(lambda texts: torch.tensor([axes[text] for text in texts]))
    assert ranked("x", ["dog", "owl", "cat"]) == ["cat", "owl", "dog"]


def test_of_a_vocabulary_whole_words_are_kept():
    table = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.0], [2.0, 0.0]])
    space = token_space(["cat ", "kitten ", "dog ", "cat", "! "], table)
    assert space.words == ("cat", "kitten", "dog")
    assert [each.word for each in space.of("cat")] == ["kitten", "dog"]
    assert space.near(table[0], most=1)[0].cosine == pytest.approx(1)

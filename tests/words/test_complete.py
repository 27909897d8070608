"""What may come next is what the captions' grammar allows, and comes at once."""

import re
import time

from sfumato.styles.shelf import shelf
from sfumato.text.words import unknown_words
from sfumato.words.complete import complete, complete_phrase
from sfumato.words.lexicon import embedded_lexicon
from sfumato.world.captions import caption
from sfumato.world.compose import compose

LEXICON = embedded_lexicon()


def offered(text, most=400):
    return [offer.words for offer in complete(text, LEXICON, most=most)]


def kinds(text):
    return {offer.kind for offer in complete(text, LEXICON, most=400)}


def test_behind_a_colour_come_things_that_begin_so():
    found = offered("a red c")
    assert found[:2] == ["cat", "cow"]
    assert all(word.startswith("c") for word in found)
    assert kinds("a red c") == {"thing"}


def test_behind_a_number_come_plurals_only():
    assert offered("two yellow f") == ["frogs", "fish"]
    assert "cat" not in offered("two ")
    assert "cats" in offered("three big ")


def test_behind_a_thing_come_relations_backgrounds_and_styles():
    assert kinds("a cat ") == {"relation", "background", "style"}
    assert offered("a cat in a m") == ["in a meadow"]
    assert offered("a cat to the l") == ["to the left of"]


def test_behind_a_relation_a_thing_is_wanted_again():
    assert {"a", "two"} <= set(offered("a cat above "))
    assert "on a beach" not in offered("a cat above ")


def test_behind_a_comma_come_styles_backgrounds_and_further_things():
    assert {"watercolor", "white background", "whale"} <= set(offered("a cat in a meadow, w"))


def test_behind_to_the_left_nothing_comes_but_of():
    assert offered("a cat to the left ") == ["to the left of"]


def test_a_comma_needs_no_space():
    assert "a cat, watercolor" in [offer.text for offer in complete("a cat,", LEXICON)]


def test_behind_an_comes_what_sounds_so():
    assert {"elephant", "orange"} <= set(offered("an "))
    assert "cat" not in offered("an ")
    assert "elephant" not in [words for words in offered("a ") if " " not in words]


def test_names_of_several_words_go_on_in_the_middle():
    assert offered("a blue ice ") == ["ice cream", "ice cream cone"]
    assert [offer.text for offer in complete("a soccer b", LEXICON)] == ["a soccer ball"]


def test_an_unknown_word_counts_as_a_thing():
    assert "mushroom" in offered("a feline on a m")
    assert kinds("a feline ") == {"relation", "background", "style"}


def test_capitals_are_read_and_what_was_typed_is_kept():
    assert complete("A RED C", LEXICON)[0].text == "A RED cat"


def test_at_the_start_some_of_every_kind_is_offered():
    assert len(offered("", most=12)) == 12
    assert {"article", "number", "opening"} <= {offer.kind for offer in complete("", LEXICON)}


def test_nonsense_has_no_completion():
    assert offered("a red zzz") == []


def test_every_offer_is_of_words_that_the_model_knows():
    for text in ("", "a ", "two ", "a cat ", "a cat, ", "a cat above ", "a cat in the snow, "):
        for offer in complete(text, LEXICON, most=400):
            assert unknown_words(offer.words, LEXICON.words) == ()
            assert offer.text.startswith(text)


def test_every_word_of_a_caption_is_offered_once_its_first_letter_is_typed():
    """Captions are what the model was taught by: the grammar that is offered leads through all of them."""
    from sfumato.train.recipes import WORLD_S

    tried = 0
    for seed in range(60):
        text = caption(compose(seed, WORLD_S.variety), seed)
        starts = [0, *(space.end() for space in re.finditer(" ", text))]
        for start, word in zip(starts, text.split(), strict=True):
            word = word.strip(",")
            if len(word) > 1:
                offers = complete(text[: start + 1], LEXICON, most=1000)
                whole = start + len(word)
                assert any(text.startswith(offer.text) and len(offer.text) >= whole for offer in offers), (
                    text[:start],
                    word,
                )
                tried += 1
    assert tried > 300


def test_it_takes_less_than_ten_milliseconds():
    texts = ["", "a red c", "a cat to the left of a blue car in a meadow, w", "two "] * 5
    complete("a", LEXICON)
    taken = []
    for text in texts:
        start = time.process_time()
        complete(text, LEXICON)
        taken.append(time.process_time() - start)
    assert sorted(taken)[len(taken) // 2] < 0.010


def test_for_other_models_the_words_of_the_presets_are_offered():
    presets = shelf().values()
    found = [offer.words for offer in complete_phrase("a dog, soft s", presets)]
    assert "soft shadows" in found
    assert all(words.startswith("soft s") for words in found)
    (first, *_) = complete_phrase("a dog, window li", presets)
    assert first.text == "a dog, window light from the side"
    assert complete_phrase("a dog, zzz", presets) == []
    assert complete_phrase("a dog, ", presets) == []

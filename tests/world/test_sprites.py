"""The table of things: a sentence never has two readings."""

from collections import Counter

from sfumato.world.colours import COLOURS
from sfumato.world.sprites import BY_NAME, CORE, SPRITES


def colour_words() -> set[str]:
    return set(COLOURS) | {synonym for colour in COLOURS.values() for synonym in colour.synonyms}


def test_the_world_has_more_than_a_hundred_and_thirty_things_of_every_kind():
    assert len(SPRITES) >= 130
    kinds = Counter(sprite.kind for sprite in SPRITES)
    assert len(kinds) == 10
    assert min(kinds.values()) >= 8


def test_no_word_means_two_things():
    owners: dict[str, set[str]] = {}
    for sprite in SPRITES:
        for word in (sprite.name, sprite.plural, *sprite.synonyms):
            owners.setdefault(word, set()).add(sprite.name)
    assert {word: names for word, names in owners.items() if len(names) > 1} == {}
    assert len(BY_NAME) == len(SPRITES)


def test_no_thing_is_called_like_a_colour():
    words = {word for sprite in SPRITES for word in (sprite.name, sprite.plural, *sprite.synonyms)}
    assert words & colour_words() == set()


def test_no_glyph_or_synonym_is_listed_twice():
    assert len({sprite.codepoint for sprite in SPRITES}) == len(SPRITES)
    for sprite in SPRITES:
        assert len({sprite.name, *sprite.synonyms}) == 1 + len(sprite.synonyms), sprite.name


def test_words_are_lower_case_without_stray_spaces():
    for sprite in SPRITES:
        for word in (sprite.name, sprite.plural, *sprite.synonyms):
            assert word == " ".join(word.lower().split()), sprite.name


def test_the_core_are_fifty_six_things_of_the_table():
    assert len(CORE) == len(set(CORE)) == 56
    assert set(CORE) <= BY_NAME.keys()
